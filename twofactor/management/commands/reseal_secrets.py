"""Seal the secrets of authenticator apps under the newest of FACTOR_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from twofactor.factors.app import flows


class Command(BaseCommand):
    """Seal again the secrets under an old key, so that the old key can be removed."""

    help = "Brings every sealed secret under the newest of FACTOR_KEYS; may run while people sign in, and again."

    def handle(self, *args: Any, **options: Any) -> None:
        done, lost = flows.reseal()
        self.stdout.write(f"{done} secrets sealed anew.")
        if lost:
            raise CommandError(f"No key opens {lost} secrets; put the old key back, behind the newest.")
