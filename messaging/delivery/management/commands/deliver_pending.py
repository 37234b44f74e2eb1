"""The poller that needs no broker."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from messaging.delivery import flows


class Command(BaseCommand):
    """Send waiting messages every few seconds, until told to stop."""

    help = "Sends what the doorbell missed. Runs until it gets TERM or INT; safe to run many times."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what waits now and return")
        parser.add_argument("--interval", type=float, default=2.0, help="seconds between two looks")

    def handle(self, *args: Any, once: bool, interval: float, **options: Any) -> None:
        stop = threading.Event()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        while True:
            flows.deliver_pending()
            if once or stop.wait(interval):
                return
