"""The poller that needs no broker."""

import logging
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, close_old_connections

from messaging.delivery import flows

logger = logging.getLogger(__name__)


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
            self.look(threads=1 if once else settings.SWEEP_THREADS)
            if once or stop.wait(interval):
                return

    def look(self, *, threads: int) -> None:
        """Send what waits. A database that is away for a while is no reason to end."""
        try:
            flows.deliver_pending(by="poller", threads=threads)
        except OperationalError as error:
            logger.warning("the database does not answer: %s", type(error).__name__)
        close_old_connections()
