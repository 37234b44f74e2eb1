"""An account with history, to look at."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from twofactor.demo import showcase


class Command(BaseCommand):
    """Make the showcase once: forty people in every state, thirty days of history."""

    help = "Creates an account with people and history, to look at (embedded default only)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("The showcase belongs to the embedded default (make run).")
        administrator = showcase.create()
        if administrator is None:
            self.stdout.write(f"{showcase.ACCOUNT} is there already.")
            return
        self.stdout.write(f"{showcase.ACCOUNT}: {administrator} runs it; the password is the demo's.")
