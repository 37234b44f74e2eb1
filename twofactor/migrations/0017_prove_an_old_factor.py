"""Proving a device that no longer counts before another one is set up (K-06)."""

from django.db import migrations, models

from messaging.postgresql.operations import AddFieldAtOnce


class Migration(migrations.Migration):

    atomic = False

    reviewed = "Only the name of a choice is new, which no database keeps: not a single statement is sent for it."

    dependencies = [
        ('twofactor', '0016_drop_tries_of_recovery_codes'),
    ]

    operations = [
        AddFieldAtOnce(
            model_name='pendingsignin',
            name='old_factor_proved',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name='challenge',
            name='purpose',
            field=models.CharField(choices=[('login', 'Sign In'), ('enrol', 'Enrol'), ('change_phone', 'Change Phone'), ('reauth', 'Reauthenticate'), ('mailbox', 'Mailbox'), ('old_factor', 'Old Factor'), ('change_email', 'Change Email')], max_length=12),
        ),
    ]
