"""What the operators' site calls fields and rows, in the person's language: the state alone, no table is touched."""

import django.db.models.deletion
import messaging.database.functions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0028_last_factor'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name='budget',
                    options={'verbose_name': 'rate limit', 'verbose_name_plural': 'rate limits'},
                ),
                migrations.AlterField(
                    model_name='account',
                    name='created_at',
                    field=models.DateTimeField(db_default=messaging.database.functions.Clock(), editable=False, verbose_name='created at'),
                ),
                migrations.AlterField(
                    model_name='account',
                    name='two_factor_changed_at',
                    field=models.DateTimeField(editable=False, null=True, verbose_name='two factor authentication switched at'),
                ),
                migrations.AlterField(
                    model_name='account',
                    name='two_factor_from',
                    field=models.DateTimeField(editable=False, null=True, verbose_name='two factor authentication from'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='account',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='account'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='account',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='users', to='accounts.account', verbose_name='account'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='action',
                    field=models.CharField(max_length=60, verbose_name='event'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='actor',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='done by'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='at',
                    field=models.DateTimeField(db_default=messaging.database.functions.Clock(), verbose_name='when'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='data',
                    field=models.JSONField(default=dict, verbose_name='facts'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='ip',
                    field=models.GenericIPAddressField(null=True, verbose_name='IP address'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='request_id',
                    field=models.CharField(default='', max_length=32, verbose_name='request number'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='user',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='about'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='user_agent',
                    field=models.CharField(default='', max_length=200, verbose_name='browser'),
                ),
                migrations.AlterField(
                    model_name='budget',
                    name='key',
                    field=models.CharField(max_length=120, verbose_name='name'),
                ),
                migrations.AlterField(
                    model_name='budget',
                    name='seconds',
                    field=models.PositiveIntegerField(verbose_name='seconds'),
                ),
                migrations.AlterField(
                    model_name='budget',
                    name='until',
                    field=models.BigIntegerField(verbose_name='until'),
                ),
                migrations.AlterField(
                    model_name='budget',
                    name='used',
                    field=models.PositiveIntegerField(verbose_name='used'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='created_at',
                    field=models.DateTimeField(db_default=messaging.database.functions.Clock(), editable=False, verbose_name='created at'),
                ),
            ],
        ),
    ]
