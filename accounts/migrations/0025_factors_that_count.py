"""Which kinds of second factor count in an account, and which devices a person has (K-06)."""

from django.db import migrations, models

from messaging.postgresql.operations import AddFieldAtOnce


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0024_rename_portuguese'),
    ]

    operations = [
        AddFieldAtOnce(
            model_name='account',
            name='app_tokens',
            field=models.BooleanField(db_default=True, default=True, verbose_name='tokens of an authenticator app'),
        ),
        AddFieldAtOnce(
            model_name='account',
            name='factors_from',
            field=models.DateTimeField(editable=False, null=True),
        ),
        AddFieldAtOnce(
            model_name='account',
            name='factors_next',
            field=models.CharField(db_default='', default='', editable=False, max_length=40),
        ),
        AddFieldAtOnce(
            model_name='account',
            name='passkeys',
            field=models.BooleanField(db_default=True, default=True, verbose_name='passkeys'),
        ),
        AddFieldAtOnce(
            model_name='account',
            name='sms_tokens',
            field=models.BooleanField(db_default=True, default=True, verbose_name='tokens by SMS'),
        ),
        AddFieldAtOnce(
            model_name='user',
            name='has_app',
            field=models.BooleanField(db_default=False, editable=False),
        ),
        AddFieldAtOnce(
            model_name='user',
            name='has_passkey',
            field=models.BooleanField(db_default=False, editable=False),
        ),
    ]
