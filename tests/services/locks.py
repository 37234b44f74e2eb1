"""Rows of PostgreSQL that a test keeps locked, so that what needs them waits where the test wants it to wait."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from tests.services.browser import Response
from tests.services.parts import Database
from tests.services.programs import wait_for

WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Held:
    """Rows that stay locked until they are let go, and the calls that wait for them in threads of their own."""

    def __init__(self, database: Database, holder: "psycopg.Connection[tuple[object, ...]]") -> None:
        self.database, self.holder = database, holder
        self.pool = ThreadPoolExecutor()
        self.waiting = 0

    def starts(self, call: Callable[[], Response]) -> "Future[Response]":
        """Click in a thread, and return as soon as it waits for a row that somebody holds."""
        self.waiting += 1
        future = self.pool.submit(call)
        wait_for(
            lambda: len(self.database.rows(WAITING)) >= self.waiting or future.done(),
            meaning=f"call {self.waiting} that waits for a row",
        )
        assert not future.done(), f"it waited for nothing: {future.result()}"
        return future

    def let_go(self) -> None:
        """Let everybody go on."""
        self.holder.rollback()


@contextmanager
def held(database: Database, statement: str, *values: object) -> Iterator[Held]:
    """Lock the rows that a SELECT finds, against everybody who writes them, until they are let go."""
    with psycopg.connect(database.url) as holder:
        assert holder.execute(f"{statement} FOR UPDATE".encode(), values).fetchall(), "nothing to hold"
        rows = Held(database, holder)
        try:
            yield rows
        finally:
            holder.rollback()
            rows.pool.shutdown()


@contextmanager
def held_person(database: Database, login: str) -> Iterator[Held]:
    """Lock the row of a person, which every attempt of theirs writes first: what is read before is old by then."""
    with held(database, "SELECT id FROM accounts_user WHERE username = %s", login) as rows:
        yield rows
