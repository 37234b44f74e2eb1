"""For commands that change tables in use: statements have no time-out, and wait for locks only shortly."""

import time
from collections.abc import Callable

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError, connections

from messaging.database.conflicts import sqlstate
from messaging.postgresql.base import DatabaseWrapper

LOCK_NOT_AVAILABLE = "55P03"
ATTEMPTS = 60
PAUSE_SECONDS = 2.0

Progress = Callable[[str], object]  # prints one line, as ``self.stderr.write`` of a command does


def use_maintenance_timeouts(alias: str = "default") -> None:
    """Give a connection the time-outs of a migration; SQLite has none. Refuses a pooler, which would not keep them."""
    connection = connections[alias]
    if not isinstance(connection, DatabaseWrapper):
        return
    if settings.DATABASE_POOLER:
        raise CommandError("Migrations go past a pooler: set the server's DATABASE_URL and DATABASE_POOLER=off.")
    connection.use_maintenance_timeouts()


def retry_for_locks(step: Callable[[], object], progress: Progress) -> None:
    """Carry out a step; if it cannot get its lock within a second, let others go first and try again."""
    for attempt in range(1, ATTEMPTS):
        if _got_its_locks(step):
            return
        progress(f"A lock is taken; trying again in {PAUSE_SECONDS:g} s ({attempt} of {ATTEMPTS}).")
        time.sleep(PAUSE_SECONDS)
    step()


def _got_its_locks(step: Callable[[], object]) -> bool:
    """Carry out a step as far as possible; tell whether it was finished."""
    try:
        step()
    except OperationalError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        return False
    return True
