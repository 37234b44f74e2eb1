"""Let a locked person in again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import flows
from accounts.models import User


class Command(BaseCommand):
    """Unlock by login or e-mail address; audited as the operator's doing."""

    help = "Unlocks a person by login or e-mail address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")

    def handle(self, *args: Any, login: str, **options: Any) -> None:
        user = User.objects.named(login)
        if user is None:
            raise CommandError("Nobody has this login or address.")
        unlocked = flows.unlock_user(user)
        self.stdout.write(f"{user}: unlocked." if unlocked else f"{user} was not locked.")
