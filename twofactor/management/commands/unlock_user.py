"""Unlock a person."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.users import flows as users
from twofactor import recovery


class Command(BaseCommand):
    """Unlock by login or e-mail address, and clear the person's own limits; audited as the operator's action."""

    help = "Unlocks a person by login or e-mail address; prints a recovery code where one is needed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")

    def handle(self, *args: Any, login: str, **options: Any) -> None:
        user = User.objects.named(login)
        if user is None:
            raise CommandError("Nobody has this login or address.")
        unlocked = users.unlock_user(user)
        self.stdout.write(f"{user}: unlocked." if unlocked else f"{user} was not locked.")
        if code := recovery.issue_if_wanted(user):
            self.stdout.write(f"recovery code, to be read to the person, once and within 24 hours: {code}")
