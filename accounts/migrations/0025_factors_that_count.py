"""Which kinds of second factor count in an account, and which devices a person has (K-06)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0024_rename_portuguese'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='app_tokens',
            field=models.BooleanField(db_default=True, default=True, verbose_name='tokens of an authenticator app'),
        ),
        migrations.AddField(
            model_name='account',
            name='factors_from',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='account',
            name='factors_next',
            field=models.CharField(db_default='', default='', editable=False, max_length=40),
        ),
        migrations.AddField(
            model_name='account',
            name='passkeys',
            field=models.BooleanField(db_default=True, default=True, verbose_name='passkeys'),
        ),
        migrations.AddField(
            model_name='account',
            name='sms_tokens',
            field=models.BooleanField(db_default=True, default=True, verbose_name='tokens by SMS'),
        ),
        migrations.AddField(
            model_name='user',
            name='has_app',
            field=models.BooleanField(db_default=False, editable=False),
        ),
        migrations.AddField(
            model_name='user',
            name='has_passkey',
            field=models.BooleanField(db_default=False, editable=False),
        ),
    ]
