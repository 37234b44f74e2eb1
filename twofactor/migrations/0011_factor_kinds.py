"""With which kind of factor a re-authentication goes on, and a sign-in that no sent token completed (K-01)."""

from django.db import migrations, models

from messaging.postgresql.operations import AddFieldAtOnce


class Migration(migrations.Migration):
    atomic = False  # of each table the lock by itself

    dependencies = [
        ('twofactor', '0010_index_sign_ins_of_a_person'),
    ]

    operations = [
        AddFieldAtOnce(
            model_name='emailchange',
            name='factor',
            field=models.CharField(db_default='', default='', max_length=8),
        ),
        AddFieldAtOnce(
            model_name='pendingsignin',
            name='completed_at',
            field=models.DateTimeField(null=True),
        ),
        AddFieldAtOnce(
            model_name='phonechange',
            name='factor',
            field=models.CharField(db_default='', default='', max_length=8),
        ),
        AddFieldAtOnce(
            model_name='reauthentication',
            name='factor',
            field=models.CharField(db_default='', default='', max_length=8),
        ),
    ]
