"""Report the state of everything that the portal depends on."""

from typing import Any

from django.core.management.base import BaseCommand

from messaging.delivery import doctor
from twofactor import doctor as twofactor

MARKS = {"ok": "ok      ", "warning": "look    ", "broken": "BROKEN  "}


class Command(BaseCommand):
    """Say one sentence about each dependency."""

    help = "Looks at every dependency without sending anything; exit code 1 when something is broken."
    requires_system_checks: list[str] = []  # it has to run with a broken configuration

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for finding in doctor.examine((*doctor.EXAMINATIONS, *twofactor.EXAMINATIONS)):
            broken += finding.state == "broken"
            self.stdout.write(f"{MARKS[finding.state]}{finding.sentence}")
        if broken:
            raise SystemExit(1)
