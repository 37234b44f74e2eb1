"""What a worker keeps between two tokens: its statements, its connection and its threads."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connections, models
from django.db.models.sql.compiler import SQLCompiler

from accounts.models import Account, User
from messaging.celery import LastingConnections, app
from messaging.database import Compiled, Insert, Slot, Statement, clock_plus, slots
from messaging.deadline import DeadlinePassed, within
from messaging.delivery.models import Message

BY_NAME = Slot("name", models.CharField())


def test_a_compiled_statement_is_built_once_and_takes_other_values(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[object] = []
    build = SQLCompiler.as_sql

    def note(self: SQLCompiler, *args: Any, **options: Any) -> Any:
        built.append(self)
        return build(self, *args, **options)

    monkeypatch.setattr(SQLCompiler, "as_sql", note)
    accounts = Compiled(lambda: Statement(Account.objects.filter(name=BY_NAME)))
    other = Account.objects.create(name="Oficina Boreal")
    assert accounts.row(name="Padaria Aurora") == account
    assert accounts.row(name="Oficina Boreal") == other
    assert accounts.row(name="' OR ''='") is None
    assert len(built) == 1


def test_a_compiled_change_returns_whole_rows(account: Account) -> None:
    """Dates are dates and flags are flags, as the ORM reads them, also where the database has neither."""
    renamed = Compiled(lambda: Statement(Account.objects.filter(pk=account.pk), name=BY_NAME))
    row = renamed.row(name="Padaria Central")
    account.refresh_from_db()
    assert row is not None
    assert account.name == "Padaria Central"
    for field in Account._meta.concrete_fields:
        assert getattr(row, field.attname) == getattr(account, field.attname), field.name


def test_a_compiled_insertion_returns_the_row_with_defaults_and_the_databases_time(account: Account) -> None:
    told = slots(Message, "channel", "destination", "kind", "subject_id")
    messages = Compiled(lambda: Insert(Message, **told, expires_at=clock_plus(60)))
    facts = {"channel": "sms", "destination": "+5511987654321", "kind": "token"}
    first, second = (messages.new(**facts, subject_id=subject) for subject in (1, 2))
    assert (first.subject_id, second.subject_id) == (1, 2)
    assert first.pk < second.pk
    assert second.expires_at is not None
    assert (second.expires_at - second.created_at).total_seconds() == pytest.approx(60, abs=5)
    for message in (first, second):
        kept = Message.objects.get(pk=message.pk)
        for field in Message._meta.concrete_fields:
            assert getattr(message, field.attname) == getattr(kept, field.attname), field.name


def test_a_compiled_selection_brings_what_is_related_and_annotated(
    bob: User, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    people = User.objects.with_policy().select_related("account", "phone_device").filter(username=BY_NAME)
    person = Compiled(lambda: Statement(people)).row(name="bob")
    assert person == bob
    with django_assert_num_queries(0):
        assert person.account == bob.account
        assert person.policy_due is False
        assert not hasattr(person, "phone_device")


def test_a_slot_without_a_value_is_an_error(account: Account) -> None:
    accounts = Compiled(lambda: Statement(Account.objects.filter(name=BY_NAME)))
    with pytest.raises(KeyError):
        accounts.run()


def test_a_worker_keeps_a_good_connection_and_drops_an_old_or_broken_one(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery's own way closes it before and after each task."""
    (fixup,) = app._fixups  # type: ignore[attr-defined]
    keeper = fixup.worker_fixup
    assert isinstance(keeper, LastingConnections)
    ours, closed = connections["default"], []
    with monkeypatch.context() as patch:
        patch.setattr(ours, "close", lambda: closed.append(True))
        patch.setattr(ours, "in_atomic_block", False)  # the test's own
        patch.setattr(ours, "get_autocommit", lambda: True)
        patch.setattr(ours, "close_at", None)
        keeper.close_database()
        assert closed == []
        patch.setattr(ours, "close_at", 0)
        keeper.close_database()
        assert closed == [True]


def names(count: int) -> set[str]:
    return {within(5, lambda: threading.current_thread().name + str(threading.get_ident())) for _ in range(count)}


def test_capped_calls_share_a_thread() -> None:
    """Each call waits for the one before, so one thread is enough."""
    assert len(names(20)) <= 2  # the thread may not be back yet when the next call comes


def test_a_call_that_hangs_holds_up_its_own_thread_only() -> None:
    """G-01."""
    let_go = threading.Event()
    with pytest.raises(DeadlinePassed):
        within(0.01, let_go.wait)
    assert within(5, lambda: "at once") == "at once"
    let_go.set()


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt()], ids=type)
def test_what_a_capped_call_raises_is_raised(error: Any) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        within(5, fail)
    assert within(5, lambda: 1) == 1
