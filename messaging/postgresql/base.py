"""Django's PostgreSQL backend, whose connections do not wait for ever for a server that froze."""

from functools import partial
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is given up after ``DATABASE_ANSWER_SECONDS`` without an answer.

    The server's own time-outs end what is slow, and the kernel's what is unreachable. A server that is frozen
    (stopped, swapped out, on a dead disk) keeps its connections open and says nothing: it held a web thread for ever.
    """

    def get_new_connection(self, conn_params: Any) -> Any:
        """Connect; from then on every answer is waited for in bounded time."""
        connection = super().get_new_connection(conn_params)
        connection.wait = partial(_wait, connection)
        return connection


def _wait(connection: Connection[Any], generator: Any, *args: Any, **options: Any) -> Any:
    """Wait as psycopg does, with an end. Nobody can tell what a silent server did, so the connection is closed."""
    options.setdefault("timeout", settings.DATABASE_ANSWER_SECONDS)
    try:
        return Connection.wait(connection, generator, *args, **options)
    except OperationalError as error:
        if error.sqlstate is None:  # not the server's word
            connection.pgconn.finish()
        raise
