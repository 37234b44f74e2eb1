"""Which notices to its administrators an account wants, and who gets them."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0029_words_of_the_operators_site'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='notices_off',
            field=models.CharField(db_default='', default='', editable=False, max_length=60),
        ),
        migrations.AddField(
            model_name='account',
            name='notices_to',
            field=models.BigIntegerField(editable=False, null=True),
        ),
    ]
