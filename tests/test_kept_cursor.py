"""The cursor that compiled statements share (messaging/database/statements.py)."""

from types import SimpleNamespace
from typing import Any

import pytest

from messaging.database import kept_cursor


class Connection:
    """What is asked of Django's connection, whose own one may be closed and opened again."""

    def __init__(self) -> None:
        self.connection: object = object()
        self.queries_logged = False
        self.is_broken = False

    def close_if_health_check_failed(self) -> None:
        if self.is_broken:
            self.connection = None

    def cursor(self) -> Any:
        self.connection = self.connection or object()
        return SimpleNamespace(connection=self.connection)


@pytest.fixture
def one() -> Connection:
    return Connection()


def test_statements_share_a_cursor(one: Connection) -> None:
    assert kept_cursor(one) is kept_cursor(one)
    assert kept_cursor(one) is not kept_cursor(Connection())


def test_a_new_connection_has_a_new_cursor(one: Connection) -> None:
    """F16: the old one belongs to a connection that has ended."""
    before = kept_cursor(one)
    one.connection = object()
    assert kept_cursor(one) is not before
    assert kept_cursor(one).connection is one.connection


def test_a_connection_that_broke_meanwhile_is_opened_again(one: Connection) -> None:
    """F16: it is looked at before its first statement in a request, as Django does."""
    before = kept_cursor(one)
    one.is_broken = True
    assert kept_cursor(one).connection not in {None, before.connection}


def test_where_queries_are_logged_each_has_a_cursor_of_its_own(one: Connection) -> None:
    """Else a test that counts statements counts too few, or goes on to log them for ever."""
    before = kept_cursor(one)
    one.queries_logged = True
    assert kept_cursor(one) is not kept_cursor(one)
    one.queries_logged = False
    assert kept_cursor(one) is before
