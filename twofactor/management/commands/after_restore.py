"""Run once after a backup was restored, before anybody signs in (F23)."""

from typing import Any

from django.core.management.base import BaseCommand

from messaging.postgresql.maintenance import use_maintenance_timeouts
from twofactor import restoring


class Command(BaseCommand):
    """End the sessions and journeys that were under way when the backup was made."""

    help = "Ends every session, pending sign-in, change and re-authentication; run it before web and workers start."

    def handle(self, *args: Any, **options: Any) -> None:
        use_maintenance_timeouts()  # the portal is stopped, so nobody waits for these statements
        sessions, journeys = restoring.end_what_was_under_way()
        self.stdout.write(f"{sessions} sessions and {journeys} journeys ended.")
