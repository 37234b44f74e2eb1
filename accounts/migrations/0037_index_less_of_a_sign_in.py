"""A sign-in writes less into indexes: of 11.5 kB of WAL 0.2 (python -m benchmarks.sign_in_statements)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from messaging.postgresql.operations import AddIndexConcurrently, DropIndexConcurrently


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0036_find_limits_by_prefix'),
    ]

    operations = [
        # A session begins before its person is known.
        AddIndexConcurrently(
            model_name='session',
            index=models.Index(condition=models.Q(('user__isnull', False)), fields=['user'], name='session_of_user'),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='session',
                    name='user',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL),
                ),
            ],
            database_operations=[
                DropIndexConcurrently('accounts_session_user_id_d5aaed01', 'accounts_session', 'user_id'),
                # Django's second indexes for LIKE: logins and addresses are looked up whole, or within an account.
                DropIndexConcurrently('accounts_user_username_6088629e_like', 'accounts_user', 'username', like=True),
                DropIndexConcurrently('accounts_user_email_b2644a56_like', 'accounts_user', 'email', like=True),
            ],
        ),
    ]
