"""The authenticator app of a person, and the one that is being set up (K-03)."""

import django.db.models.deletion
import messaging.database.functions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('twofactor', '0011_factor_kinds'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AppDevice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The human-readable name of this device.', max_length=64)),
                ('confirmed', models.BooleanField(default=True, help_text='Is this device ready for use?')),
                ('sealed', models.CharField(max_length=255)),
                ('key_id', models.CharField(max_length=8)),
                ('last_step', models.BigIntegerField()),
                ('confirmed_at', models.DateTimeField(db_default=messaging.database.functions.Clock())),
                ('last_used_at', models.DateTimeField(null=True)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='app_device', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'authenticator app',
                'verbose_name_plural': 'authenticator apps',
                'indexes': [models.Index(fields=['key_id'], name='app_key')],
            },
        ),
        migrations.CreateModel(
            name='AppEnrolment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('session_hash', models.CharField(max_length=64, unique=True)),
                ('sealed', models.CharField(max_length=255)),
                ('created_at', models.DateTimeField(db_default=messaging.database.functions.Clock())),
                ('expires_at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='appenrolment_created')],
            },
        ),
    ]
