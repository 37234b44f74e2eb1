"""Statements on PostgreSQL: their placeholders, and the patience of commands that change tables in use."""

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError, connections
from psycopg import errors

from messaging.postgresql import maintenance
from messaging.postgresql.base import DatabaseWrapper
from messaging.postgresql.cursor import NumberedCursor, numbered


@pytest.mark.parametrize(
    ("statement", "sent"),
    [
        ("SELECT 1", b"SELECT 1"),
        ("SELECT %s, %s", b"SELECT $1, $2"),
        ("SELECT %s % 100 %% 7 LIKE '%%ção%%' OR %s", "SELECT $1 % 100 % 7 LIKE '%ção%' OR $2".encode()),
    ],
)
def test_placeholders_are_numbered_and_percent_signs_are_kept(statement: str, sent: bytes) -> None:
    assert numbered(statement) == sent


def test_a_statement_without_parameters_is_sent_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django doubles percent signs only in statements with parameters."""
    sent: list[Any] = []
    monkeypatch.setattr("psycopg.RawCursor.execute", lambda _self, query, params, **_options: sent.append(query))
    monkeypatch.setattr("psycopg.RawCursor.executemany", lambda _self, query, _all, **_options: sent.append(query))
    cursor = NumberedCursor.__new__(NumberedCursor)
    cursor.execute("SELECT '%s'")
    cursor.execute("SELECT %s", [])
    cursor.executemany("SELECT %s", [[1], [2]])
    assert sent == ["SELECT '%s'", b"SELECT $1", b"SELECT $1"]


def refusal(sqlstate: str) -> OperationalError:
    """Return a database error as Django raises it."""
    error = OperationalError("no")
    error.__cause__ = errors.lookup(sqlstate)()
    return error


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that were waited, which pass at once."""
    waited: list[float] = []
    monkeypatch.setattr(maintenance, "time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setattr(maintenance, "ATTEMPTS", 3)
    return waited


LOCKED = maintenance.LOCK_NOT_AVAILABLE


def test_a_step_that_gets_no_lock_lets_others_go_first(pauses: list[float]) -> None:
    """O-01."""
    step, said = mock.Mock(side_effect=[refusal(LOCKED), None]), mock.Mock()
    maintenance.retry_for_locks(step, said)
    assert step.call_count == 2
    assert pauses == [2.0]
    said.assert_called_once_with("A lock is taken; trying again in 2 s (1 of 3).")


def test_the_last_attempt_says_why_it_failed(pauses: list[float]) -> None:
    """O-01."""
    step = mock.Mock(side_effect=refusal(LOCKED))
    with pytest.raises(OperationalError):
        maintenance.retry_for_locks(step, mock.Mock())
    assert (step.call_count, len(pauses)) == (3, 2)


def test_another_error_is_not_waited_for(pauses: list[float]) -> None:
    step = mock.Mock(side_effect=refusal("57014"))  # a statement's time-out
    with pytest.raises(OperationalError):
        maintenance.retry_for_locks(step, mock.Mock())
    assert (step.call_count, pauses) == (1, [])


def test_migrations_have_no_time_out_and_go_past_a_pooler(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """O-01: a pooler would give the time-outs of a migration to whoever comes next."""
    one = mock.Mock(spec=DatabaseWrapper)
    monkeypatch.setattr(maintenance, "connections", {"default": one})
    settings.DATABASE_POOLER = True
    with pytest.raises(CommandError, match="past a pooler"):
        maintenance.use_maintenance_timeouts()
    one.use_maintenance_timeouts.assert_not_called()
    settings.DATABASE_POOLER = False
    maintenance.use_maintenance_timeouts()
    one.use_maintenance_timeouts.assert_called_once_with()


def test_what_a_connection_of_a_migration_waits_for() -> None:
    """O-01: for its statements as long as they take, for locks a second, so that nobody behind it waits longer."""
    usual = {**connections["default"].settings_dict, "OPTIONS": {}}
    one = DatabaseWrapper(usual)
    one.use_maintenance_timeouts()
    assert usual["OPTIONS"] == {"options": "-c statement_timeout=0 -c lock_timeout=1s -c jit=off"}
    assert one.answer_seconds == float("inf")
