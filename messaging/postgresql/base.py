"""Django's PostgreSQL backend, whose connections do not wait for ever for a server that froze."""

import time
from functools import partial
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError, errors

from messaging.postgresql.liveness import QUIET_SECONDS, is_silent

# How long a statement of a migration waits for a lock: whoever comes behind it waits as long, too.
LOCK_TIMEOUT = "1s"
# Statements are prepared (settings.py, DATABASE_PREPARED): a sign-in's 30 plans of 12.7 ms became one of 0.05
# (python -m benchmarks.counts).
#
# What PostgreSQL says of a prepared statement that it cannot run any more: a column of its result has another type
# since it was prepared, or a pooler lent us a connection that never saw it, or that saw another one of this name.
SPOILT = (errors.FeatureNotSupported, errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is given up after ``DATABASE_ANSWER_SECONDS`` without an answer.

    The server's own time-outs end what is slow, and the kernel's what is unreachable. A server that is frozen
    (stopped, swapped out, on a dead disk) keeps its connections open and says nothing: it held a web thread for ever.
    """

    answer_seconds: float | None = None  # None: as settings say
    looked_at = float("-inf")  # on the monotonic clock

    def is_usable(self) -> bool:
        """Tell whether the connection still stands (F16): by its socket, unless it was quiet or in trouble before."""
        now = time.monotonic()
        quiet, self.looked_at = now - self.looked_at, now
        if quiet < QUIET_SECONDS and not self.errors_occurred and self.connection and is_silent(self.connection):
            return True
        return super().is_usable()

    def be_patient(self) -> None:
        """From the next connection on, let statements run as long as they take but wait for locks only shortly.

        For migrations: what builds an index of a large table takes minutes, and what waits for a lock makes everybody
        behind it wait.
        """
        self.close()
        self.settings_dict["OPTIONS"]["options"] = f"-c statement_timeout=0 -c lock_timeout={LOCK_TIMEOUT} -c jit=off"
        self.answer_seconds = float("inf")

    def get_new_connection(self, conn_params: Any) -> Any:
        """Connect; from then on every answer is waited for in bounded time."""
        connection = super().get_new_connection(conn_params)
        seconds = self.answer_seconds or settings.DATABASE_ANSWER_SECONDS
        connection.wait = connection.wait if seconds == float("inf") else partial(_wait, connection, seconds)
        return connection


def _wait(connection: Connection[Any], seconds: float, generator: Any, *args: Any, **options: Any) -> Any:
    """Wait as psycopg does, with an end. Nobody can tell what a silent server did, so the connection is closed.

    It is closed, too, when a prepared statement is spoilt: psycopg would run it again and again.
    """
    options.setdefault("timeout", seconds)
    try:
        return Connection.wait(connection, generator, *args, **options)
    except SPOILT:
        connection.pgconn.finish()
        raise
    except OperationalError as error:
        if error.sqlstate is None:  # not the server's word
            connection.pgconn.finish()
        raise
