"""Django's PostgreSQL backend, with an end to the wait for a server that is frozen."""

import time
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base, operations
from psycopg import Connection, OperationalError, errors

from messaging.postgresql.cursor import NumberedCursor
from messaging.postgresql.liveness import QUIET_SECONDS, is_silent

# How long a statement of a migration waits for a lock: statements behind it wait as long, too.
LOCK_TIMEOUT = "1s"
# Statements are prepared (settings.py, DATABASE_PREPARED). Without it PostgreSQL makes 30 plans in a sign-in, which
# take 12.7 ms; with it one, which takes 0.05 ms (python -m benchmarks.counts).
#
# PostgreSQL's errors for a prepared statement that it can no longer run: a column of its result has another type now,
# or a pooler gave us a connection that never had it, or that has another one with this name.
SPOILT = (errors.FeatureNotSupported, errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)


class Operations(operations.DatabaseOperations):
    """Django's, which reads each network address once: in a sign-in it is the same five times, with 24 calls each."""

    def adapt_ipaddressfield_value(self, value: str | None) -> Any:
        """Return an address as psycopg takes it."""
        return _address(value) if value else None


_address = lru_cache(maxsize=1000)(ip_address)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is closed after ``DATABASE_ANSWER_SECONDS`` without an answer.

    The server's own time-outs end slow statements, and the kernel's end unreachable connections. A server that is
    frozen (stopped, swapped out, on a dead disk) keeps its connections open and silent: it held a web thread for ever.
    """

    ops_class = Operations
    answer_seconds: float | None = None  # None: as in the settings
    looked_at = float("-inf")  # on the monotonic clock

    def is_usable(self) -> bool:
        """Tell whether the connection is alive (F16): by its socket; after quiet seconds or an error by a statement."""
        now = time.monotonic()
        quiet, self.looked_at = now - self.looked_at, now
        if quiet < QUIET_SECONDS and not self.errors_occurred and self.connection and is_silent(self.connection):
            return True
        return super().is_usable()

    def use_maintenance_timeouts(self) -> None:
        """From the next connection on, let statements run without a time-out but wait for locks only shortly.

        For migrations: building an index of a large table takes minutes, and a statement that waits for a lock makes
        everybody behind it wait.
        """
        self.close()
        self.settings_dict["OPTIONS"]["options"] = f"-c statement_timeout=0 -c lock_timeout={LOCK_TIMEOUT} -c jit=off"
        self.answer_seconds = float("inf")

    def get_connection_params(self) -> Any:
        """Return psycopg's options; with parameters that are sent beside the statement, a faster cursor."""
        params = super().get_connection_params()
        if self.features.uses_server_side_binding:
            params["cursor_factory"] = NumberedCursor
        return params

    def get_new_connection(self, conn_params: Any) -> Any:
        """Connect; from then on every wait for an answer has an end."""
        connection = super().get_new_connection(conn_params)
        seconds = self.answer_seconds or settings.DATABASE_ANSWER_SECONDS
        connection.wait = connection.wait if seconds == float("inf") else partial(_wait, connection, seconds)
        return connection


def _wait(connection: Connection[Any], seconds: float, generator: Any, *args: Any, **options: Any) -> Any:
    """Wait as psycopg does, with an end. Nobody knows what a silent server did, so the connection is closed.

    It is also closed when a prepared statement can no longer run: psycopg would run it again and again.
    """
    options.setdefault("timeout", seconds)
    try:
        return Connection.wait(connection, generator, *args, **options)
    except SPOILT:
        connection.pgconn.finish()
        raise
    except OperationalError as error:
        if error.sqlstate is None:  # not the server's error
            connection.pgconn.finish()
        raise
