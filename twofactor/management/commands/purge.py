"""What beat does every hour, by hand."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from messaging.delivery import flows as delivery
from twofactor import flows


class Command(BaseCommand):
    """Forget what is beyond its days."""

    help = "Deletes old messages, journeys, captchas and sessions, in batches; safe to run at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        messages = delivery.purge(settings.MESSAGE_DAYS)
        journeys = flows.purge()
        call_command("clearsessions")
        self.stdout.write(f"{messages} messages and {journeys} journeys deleted.")
