"""The poller that needs no broker."""

import logging
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error as DatabaseError
from django.db import close_old_connections

from messaging.database import is_outage
from messaging.delivery import chores, flows

logger = logging.getLogger(__name__)


LOOKS = 4  # at once, at most


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
        if once:
            self.look(threads=1)
            return
        with ThreadPoolExecutor(LOOKS) as pool:
            self.watch(pool, stop, interval)

    def watch(self, pool: ThreadPoolExecutor, stop: threading.Event, interval: float) -> None:
        """Look again and again. A look that waits for a silent gateway does not hold up the next one (Q-02)."""
        looks: set[Future[None]] = set()
        while not stop.is_set():
            looks = {look for look in looks if not look.done()}
            if len(looks) < LOOKS:
                looks.add(pool.submit(self.look, threads=settings.SWEEP_THREADS))
            stop.wait(interval)

    def look(self, *, threads: int) -> None:
        """Send what waits and do the chores that are due. A database that is away for a while is no reason to end."""
        try:
            flows.deliver_pending(by="poller", threads=threads)
            chores.do_due()
        except DatabaseError as error:
            if not is_outage(error):
                raise
            logger.warning("the database does not answer: %s", type(error).__name__)
        close_old_connections()
