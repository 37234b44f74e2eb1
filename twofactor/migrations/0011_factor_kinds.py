"""With which kind of factor a re-authentication goes on, and a sign-in that no sent token completed (K-01)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('twofactor', '0010_index_sign_ins_of_a_person'),
    ]

    operations = [
        migrations.AddField(
            model_name='emailchange',
            name='factor',
            field=models.CharField(db_default='', default='', max_length=8),
        ),
        migrations.AddField(
            model_name='pendingsignin',
            name='completed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='phonechange',
            name='factor',
            field=models.CharField(db_default='', default='', max_length=8),
        ),
        migrations.AddField(
            model_name='reauthentication',
            name='factor',
            field=models.CharField(db_default='', default='', max_length=8),
        ),
    ]
