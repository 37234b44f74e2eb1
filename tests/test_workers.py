"""What a worker keeps between two tokens: its statements, its connection and its threads."""

import re
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, models
from django.db.models.sql.compiler import SQLCompiler

from accounts.models import Account, User
from benchmarks.statements import statements
from messaging import deadline
from messaging.celery import LastingConnections, app
from messaging.database import Compiled, Insert, Slot, Statement, slots
from messaging.deadline import DeadlinePassed, TooManyCalls, within
from tests.services.programs import PATIENCE, wait_for
from tests.tools import ROOT

OURS = ("accounts", "messaging", "twofactor")
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


def test_a_compiled_insert_returns_the_row_as_the_database_holds_it(db: None) -> None:
    """With the defaults of the fields that it was not told, those of the database too."""
    accounts = Compiled(lambda: Insert(Account, **slots(Account, "name")))
    row = accounts.new(name="Padaria Central")
    kept = Account.objects.get(name="Padaria Central")
    for field in Account._meta.concrete_fields:
        assert getattr(row, field.attname) == getattr(kept, field.attname), field.name


def test_a_compiled_change_tells_how_many_rows_it_wrote(account: Account) -> None:
    renamed = Compiled(lambda: Statement(Account.objects.filter(name=BY_NAME), name="Oficina Boreal"))
    assert renamed.changed(name="Padaria Aurora") == 1
    assert renamed.changed(name="Padaria Aurora") == 0


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


class Shouted(models.CharField):  # type: ignore[type-arg]
    def get_prep_value(self, value: Any) -> Any:
        return str(value).upper()


@pytest.mark.parametrize(
    ("field", "value", "filled"),
    [
        (models.CharField(), "12", "12"),
        (models.CharField(), 12, "12"),
        (models.BigIntegerField(), 12, 12),
        (models.BigIntegerField(), "12", 12),
        (models.BigIntegerField(), True, 1),
        (models.CharField(), None, None),
        (Shouted(), "aurora", "AURORA"),
        (User._meta.get_field("account"), "12", 12),
    ],
)
def test_a_slot_hands_over_what_its_field_makes_of_a_value(field: Any, value: object, filled: object) -> None:
    """Most fields hand a string or a number over as it is, and are not asked for it."""
    found = Slot("name", field).filled({"name": value}, connections["default"])
    assert found == filled
    assert isinstance(found, type(filled))


def test_a_slot_without_a_value_is_an_error(account: Account) -> None:
    accounts = Compiled(lambda: Statement(Account.objects.filter(name=BY_NAME)))
    with pytest.raises(KeyError):
        accounts.run()


def test_a_compiled_statement_reads_its_settings_at_each_run(account: Account, settings: Any) -> None:
    def build() -> Statement[Account]:
        return Statement(Account.objects.filter(pk__lte=account.pk + settings.TOKEN_ATTEMPTS, name=BY_NAME))

    accounts = Compiled(build, "TOKEN_ATTEMPTS")
    assert accounts.row(name="Padaria Aurora") == account
    settings.TOKEN_ATTEMPTS = -1
    assert accounts.row(name="Padaria Aurora") is None


class NotingSettings:
    """The settings, which note what is read of them."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(settings, name)


@pytest.mark.parametrize("number", range(len(list(statements()))))
def test_a_compiled_statement_names_the_settings_that_it_reads(
    db: None, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that it does not name would keep the value of the first run."""
    _name, compiled, _values = list(statements())[number]
    noting = NotingSettings()
    for module in list(sys.modules.values()):
        if vars(module).get("settings") is settings and module.__name__.split(".")[0] in OURS:
            monkeypatch.setattr(module, "settings", noting)
    compiled.build()
    assert set(compiled.settings) == noting.read


def test_every_compiled_statement_is_measured() -> None:
    sources = [path.read_text() for part in OURS for path in (ROOT / part).rglob("*.py")]
    assert sum(len(re.findall(r"(?:=|return) Compiled\(", source)) for source in sources) == len(list(statements()))


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


def test_a_call_that_hangs_holds_up_its_own_thread_only() -> None:
    """G-01."""
    let_go = threading.Event()
    with pytest.raises(DeadlinePassed):
        within(0.01, let_go.wait)
    assert within(PATIENCE, lambda: "at once") == "at once"
    let_go.set()


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without threads, once those of earlier tests are back, and allow three of them."""
    wait_for(lambda: len(deadline._idle) == len(deadline._runners))
    monkeypatch.setattr(deadline, "_idle", deque())
    monkeypatch.setattr(deadline, "_runners", [])
    monkeypatch.setattr(deadline, "MAX_THREADS", 3)


@pytest.mark.usefixtures("three_threads")
def test_calls_that_hang_are_refused_when_every_thread_is_held() -> None:
    """G-01: thirty calls that hung started thirty threads. The call that is refused is not made."""
    let_go, made = threading.Event(), []
    for _ in range(3):
        with pytest.raises(DeadlinePassed):
            within(0.01, let_go.wait)
    with pytest.raises(TooManyCalls):
        within(PATIENCE, lambda: made.append("a fourth"))
    assert made == []
    assert len(deadline._runners) == 3
    let_go.set()
    wait_for(lambda: len(deadline._idle) == 3)
    assert within(PATIENCE, lambda: "again") == "again"
    assert len(deadline._runners) == 3


@pytest.mark.usefixtures("three_threads")
def test_calls_that_come_back_are_never_refused() -> None:
    """G-01: however many there are one after the other. They share one thread, if it is back when the next comes."""
    for number in range(50):
        assert within(PATIENCE, lambda number=number: number) == number  # type: ignore[misc]
        wait_for(lambda: bool(deadline._idle))
    assert len(deadline._runners) == 1


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt()], ids=type)
def test_what_a_capped_call_raises_is_raised(error: Any) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        within(PATIENCE, fail)
    assert within(PATIENCE, lambda: 1) == 1
