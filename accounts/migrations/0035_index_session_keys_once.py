"""The key of a session has Django's second index for LIKE; it is looked up whole."""

from django.db import migrations

from messaging.postgresql.operations import DropIndexConcurrently


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0034_email_yields'),
    ]

    operations = [
        DropIndexConcurrently('accounts_session_session_key_b186966f_like', 'accounts_session', 'session_key', like=True),
    ]
