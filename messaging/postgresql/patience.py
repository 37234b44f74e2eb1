"""For commands that change tables in use: statements take as long as they take, locks are waited for only shortly."""

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


def be_patient(alias: str = "default") -> None:
    """Give a connection the time-outs of a migration; SQLite has none. Refuses a pooler, which would not keep them."""
    connection = connections[alias]
    if not isinstance(connection, DatabaseWrapper):
        return
    if settings.DATABASE_POOLER:
        raise CommandError("Migrations go past a pooler: set the server's DATABASE_URL and DATABASE_POOLER=off.")
    connection.be_patient()


def with_its_locks(step: Callable[[], object], tell: Callable[[str], object]) -> None:
    """Carry out a step; what cannot have its lock within a second lets everybody else go first and is tried again."""
    for attempt in range(1, ATTEMPTS):
        if _has_its_locks(step):
            return
        tell(f"A lock is taken; trying again in {PAUSE_SECONDS:g} s ({attempt} of {ATTEMPTS}).")
        time.sleep(PAUSE_SECONDS)
    step()


def _has_its_locks(step: Callable[[], object]) -> bool:
    """Carry a step out as far as it goes; tell whether it came to its end."""
    try:
        step()
    except OperationalError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        return False
    return True
