"""A sign-in writes no index entry that nothing looks up: of 14.6 kB of WAL 0.58 (python -m benchmarks.counts)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from messaging.postgresql.operations import AddIndexConcurrently, DropIndexConcurrently


def of(journey, model):
    """Return the state of a challenge's way to a journey without the index that Django gives it."""
    key = models.ForeignKey(
        db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=f'twofactor.{model}'
    )
    return migrations.AlterField(model_name='challenge', name=journey, field=key)


def where_it_is(journey):
    condition = models.Q((f'{journey}__isnull', False))
    index = models.Index(condition=condition, fields=[journey], name=f'challenge_of_{journey}')
    return AddIndexConcurrently(model_name='challenge', index=index)


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('twofactor', '0018_note_devices_of_people'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        where_it_is('phone_change'),
        where_it_is('reauthentication'),
        where_it_is('email_change'),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                of('phone_change', 'phonechange'),
                of('reauthentication', 'reauthentication'),
                of('email_change', 'emailchange'),
                migrations.AlterField(
                    model_name='pendingsignin',
                    name='user',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
            ],
            database_operations=[
                DropIndexConcurrently('twofactor_challenge_phone_change_id_00a8343b', 'twofactor_challenge', 'phone_change_id'),
                DropIndexConcurrently('twofactor_challenge_reauthentication_id_1ff5ff49', 'twofactor_challenge', 'reauthentication_id'),
                DropIndexConcurrently('twofactor_challenge_email_change_id_4850e71b', 'twofactor_challenge', 'email_change_id'),
                DropIndexConcurrently('twofactor_pendingsignin_user_id_79c54a02', 'twofactor_pendingsignin', 'user_id'),
                # Django's second index for LIKE: a hash is looked up whole.
                DropIndexConcurrently(
                    'twofactor_pendingsignin_session_hash_52ff408c_like', 'twofactor_pendingsignin', 'session_hash', like=True
                ),
            ],
        ),
    ]
