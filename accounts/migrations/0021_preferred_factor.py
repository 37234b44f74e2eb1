"""With which kind of factor a sign-in of a person begins (K-02)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0020_add_sms_a_day'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='preferred_factor',
            field=models.CharField(db_default='', default='', editable=False, max_length=8),
        ),
    ]
