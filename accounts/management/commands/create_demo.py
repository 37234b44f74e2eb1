"""The users of the embedded default."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import SearchWord, User
from accounts.users import flows as users


class Command(BaseCommand):
    """Make Alice and Bob of one account and Charlie of another, once."""

    help = "Creates the demo's people, once (embedded default only)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("The demo belongs to the embedded default (make run).")
        if User.objects.filter(username="alice").exists():
            return
        password = settings.DEMO_PASSWORD
        alice = users.create_account("Padaria Aurora", login="alice", email="alice@example.com", password=password)
        User.objects.create_user("bob", "bob@example.com", password, account=alice.account, first_name="Bob")
        charlie = users.create_account(
            "Oficina Boreal", login="charlie", email="charlie@example.com", password=password
        )
        for user, name in ((alice, "Alice"), (charlie, "Charlie")):
            user.first_name = name
            user.save(update_fields=["first_name"])
            SearchWord.objects.renew(user)
