"""Help a person whose phone is lost and whom no administrator can help (D4)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from twofactor import devices, error_messages, recovery
from twofactor.exceptions import NoPhone


class Command(BaseCommand):
    """Remove a phone by login or e-mail address; audited as the operator's action, and the person is notified."""

    help = "Removes the phone of a person, who confirms the mailbox or types a recovery code at the next sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")
        parser.add_argument("--reason", required=True, help="kept in the audit log and told to the person")

    def handle(self, *args: Any, login: str, reason: str, **options: Any) -> None:
        user = User.objects.named(login)
        if user is None:
            raise CommandError("Nobody has this login or address.")
        try:
            devices.reset_phone(user, reason=reason)
        except NoPhone as refusal:
            raise CommandError(error_messages.of(refusal)) from None
        self.stdout.write(f"{user}: phone removed, sessions ended.")
        if code := recovery.issue_if_wanted(user):
            self.stdout.write(f"recovery code, to be read to the person, once and within 24 hours: {code}")
