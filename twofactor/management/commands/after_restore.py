"""What is to be done once when a backup was restored, before anybody is let in (F23)."""

from typing import Any

from django.core.management.base import BaseCommand

from messaging.postgresql.patience import be_patient
from twofactor import restoring


class Command(BaseCommand):
    """End what was under way when the backup was made."""

    help = "Ends every session, pending sign-in, change and re-authentication; run it before web and workers start."

    def handle(self, *args: Any, **options: Any) -> None:
        be_patient()  # nobody is there yet who could wait
        sessions, journeys = restoring.end_what_was_under_way()
        self.stdout.write(f"{sessions} sessions and {journeys} journeys ended.")
