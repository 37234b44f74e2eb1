"""Run the hourly purge now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from twofactor import purge


class Command(BaseCommand):
    """Delete old rows."""

    help = "Forgets old messages, journeys, numbers, sessions and limits, in batches; safe to run at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            forgotten = purge.purge()
        except purge.PurgeFailed as failed:
            raise CommandError(f"Some steps failed, see the log: {failed}") from None
        self.stdout.write(", ".join(f"{count} {name}" for name, count in forgotten.items()) + " forgotten.")
