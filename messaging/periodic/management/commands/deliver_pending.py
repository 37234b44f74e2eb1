"""The poller that needs no broker."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from messaging.periodic import watcher


class Command(BaseCommand):
    """Send waiting messages every few seconds, until told to stop."""

    help = "Sends what waits and runs periodic tasks. Runs until it gets TERM or INT; safe to run many times."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what waits now and return")
        parser.add_argument("--interval", type=float, default=watcher.SECONDS, help="seconds between two looks")

    def handle(self, *args: Any, once: bool, interval: float, **options: Any) -> None:
        if once:
            watcher.look("poller", threads=1)
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        watcher.watch("poller", stop, interval)
