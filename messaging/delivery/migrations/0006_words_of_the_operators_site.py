"""What the operators' site calls fields and rows, in the person's language: the state alone, no table is touched."""

import messaging.database.functions
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0005_rename_chore_add_lease_and_mark'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name='gatewayfailure',
                    options={'verbose_name': 'failure of a gateway', 'verbose_name_plural': 'failures of gateways'},
                ),
                migrations.AlterModelOptions(
                    name='heartbeat',
                    options={'verbose_name': 'worker', 'verbose_name_plural': 'workers'},
                ),
                migrations.AlterModelOptions(
                    name='message',
                    options={'verbose_name': 'message', 'verbose_name_plural': 'messages'},
                ),
                migrations.AlterModelOptions(
                    name='opencircuit',
                    options={'verbose_name': 'gateway that is not used', 'verbose_name_plural': 'gateways that are not used'},
                ),
                migrations.AlterModelOptions(
                    name='periodictask',
                    options={'verbose_name': 'periodic task', 'verbose_name_plural': 'periodic tasks'},
                ),
                migrations.AlterField(
                    model_name='gatewayfailure',
                    name='at',
                    field=models.DateTimeField(db_default=messaging.database.functions.Clock(), verbose_name='when'),
                ),
                migrations.AlterField(
                    model_name='gatewayfailure',
                    name='fault',
                    field=models.CharField(max_length=9, verbose_name='reason'),
                ),
                migrations.AlterField(
                    model_name='gatewayfailure',
                    name='name',
                    field=models.CharField(max_length=20, verbose_name='gateway'),
                ),
                migrations.AlterField(
                    model_name='heartbeat',
                    name='at',
                    field=models.DateTimeField(db_default=messaging.database.functions.Clock(), verbose_name='last seen'),
                ),
                migrations.AlterField(
                    model_name='heartbeat',
                    name='name',
                    field=models.CharField(max_length=20, primary_key=True, serialize=False, verbose_name='worker'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='channel',
                    field=models.CharField(choices=[('sms', 'SMS'), ('email', 'e-mail')], max_length=5, verbose_name='channel'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='created_at',
                    field=models.DateTimeField(db_default=messaging.database.functions.Clock(), verbose_name='created at'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='destination',
                    field=models.CharField(max_length=254, verbose_name='destination'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='error',
                    field=models.CharField(default='', max_length=60, verbose_name='error'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='expires_at',
                    field=models.DateTimeField(null=True, verbose_name='valid until'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='fault',
                    field=models.CharField(default='', max_length=9, verbose_name='reason'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='gateway',
                    field=models.CharField(default='', max_length=20, verbose_name='gateway'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='gateway_id',
                    field=models.CharField(default='', max_length=64, verbose_name='number at the gateway'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='kind',
                    field=models.CharField(max_length=40, verbose_name='kind'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='language',
                    field=models.CharField(max_length=5, verbose_name='language'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='leased_until',
                    field=models.DateTimeField(null=True, verbose_name='taken by a worker until'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='owner_id',
                    field=models.BigIntegerField(null=True, verbose_name='on whose behalf'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='reported_at',
                    field=models.DateTimeField(null=True, verbose_name='receipt at'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='sent_at',
                    field=models.DateTimeField(null=True, verbose_name='sent at'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='state',
                    field=models.CharField(choices=[('queued', 'queued'), ('sending', 'sending'), ('sent', 'sent'), ('delivered', 'delivered'), ('failed', 'failed'), ('expired', 'expired')], default='queued', max_length=9, verbose_name='state'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='subject_id',
                    field=models.BigIntegerField(verbose_name='number of what it is about'),
                ),
                migrations.AlterField(
                    model_name='message',
                    name='tries',
                    field=models.PositiveSmallIntegerField(default=0, verbose_name='tries'),
                ),
                migrations.AlterField(
                    model_name='opencircuit',
                    name='fault',
                    field=models.CharField(max_length=9, verbose_name='reason'),
                ),
                migrations.AlterField(
                    model_name='opencircuit',
                    name='name',
                    field=models.CharField(max_length=20, primary_key=True, serialize=False, verbose_name='gateway'),
                ),
                migrations.AlterField(
                    model_name='opencircuit',
                    name='open_until',
                    field=models.DateTimeField(verbose_name='not used until'),
                ),
                migrations.AlterField(
                    model_name='opencircuit',
                    name='opened_at',
                    field=models.DateTimeField(db_default=messaging.database.functions.Clock(), verbose_name='since'),
                ),
                migrations.AlterField(
                    model_name='periodictask',
                    name='done_at',
                    field=models.DateTimeField(null=True, verbose_name='last ended well'),
                ),
                migrations.AlterField(
                    model_name='periodictask',
                    name='due_at',
                    field=models.DateTimeField(db_default=messaging.database.functions.Clock(), verbose_name='due at'),
                ),
                migrations.AlterField(
                    model_name='periodictask',
                    name='high_water',
                    field=models.BigIntegerField(null=True, verbose_name='done up to'),
                ),
                migrations.AlterField(
                    model_name='periodictask',
                    name='leased_until',
                    field=models.DateTimeField(null=True, verbose_name='taken by a worker until'),
                ),
                migrations.AlterField(
                    model_name='periodictask',
                    name='name',
                    field=models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='name'),
                ),
            ],
        ),
    ]
