"""Passkeys, and what each journey asks them to sign (K-04)."""

import django.db.models.deletion
import messaging.database.functions
from django.conf import settings
from django.db import migrations, models

from messaging.postgresql.operations import AddFieldAtOnce, CreateModelAtOnce


class Migration(migrations.Migration):
    atomic = False  # of each table the lock by itself

    dependencies = [
        ('twofactor', '0013_own_recovery_codes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddFieldAtOnce(
            model_name='emailchange',
            name='passkey_challenge',
            field=models.CharField(db_default='', default='', max_length=43),
        ),
        AddFieldAtOnce(
            model_name='emailchange',
            name='passkey_until',
            field=models.DateTimeField(null=True),
        ),
        AddFieldAtOnce(
            model_name='pendingsignin',
            name='passkey_challenge',
            field=models.CharField(db_default='', default='', max_length=43),
        ),
        AddFieldAtOnce(
            model_name='pendingsignin',
            name='passkey_until',
            field=models.DateTimeField(null=True),
        ),
        AddFieldAtOnce(
            model_name='phonechange',
            name='passkey_challenge',
            field=models.CharField(db_default='', default='', max_length=43),
        ),
        AddFieldAtOnce(
            model_name='phonechange',
            name='passkey_until',
            field=models.DateTimeField(null=True),
        ),
        AddFieldAtOnce(
            model_name='reauthentication',
            name='passkey_challenge',
            field=models.CharField(db_default='', default='', max_length=43),
        ),
        AddFieldAtOnce(
            model_name='reauthentication',
            name='passkey_until',
            field=models.DateTimeField(null=True),
        ),
        CreateModelAtOnce(
            name='Passkey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('confirmed', models.BooleanField(default=True, help_text='Is this device ready for use?')),
                ('name', models.CharField(max_length=64, verbose_name='name')),
                ('credential_id', models.CharField(max_length=1364, unique=True)),
                ('public_key', models.BinaryField()),
                ('sign_count', models.PositiveBigIntegerField(default=0)),
                ('rp_id', models.CharField(max_length=253)),
                ('transports', models.JSONField(default=list)),
                ('is_synced', models.BooleanField(default=False)),
                ('confirmed_at', models.DateTimeField(db_default=messaging.database.functions.Clock())),
                ('last_used_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'passkey',
                'verbose_name_plural': 'passkeys',
            },
        ),
        CreateModelAtOnce(
            name='PasskeyRegistration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('session_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(db_default=messaging.database.functions.Clock())),
                ('expires_at', models.DateTimeField()),
                ('sends', models.PositiveSmallIntegerField(default=0)),
                ('sends_allowed', models.PositiveSmallIntegerField(default=0)),
                ('sends_until', models.DateTimeField(null=True)),
                ('passkey_challenge', models.CharField(db_default='', default='', max_length=43)),
                ('passkey_until', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(fields=['created_at'], name='passkeyregistration_created')],
            },
        ),
    ]
