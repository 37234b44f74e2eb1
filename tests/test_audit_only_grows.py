"""J-01: what is in the audit trail stays there, whoever asks: the model refuses, and under it the database."""

import re
from collections.abc import Callable
from importlib import import_module

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, ProtectedError

from accounts import audit
from accounts.exceptions import AppendOnly
from accounts.models import AuditEvent, User
from tests.evidence import rows_of
from tests.tools import ROOT

TABLE = "accounts_auditevent"
RULE = import_module("accounts.migrations.0002_audit_only_grows")


@pytest.fixture
def event(bob: User) -> AuditEvent:
    return audit.record("password.changed", user=bob)


@pytest.mark.parametrize(
    "change",
    [
        lambda: AuditEvent.objects.update(action="nothing"),
        lambda: AuditEvent.objects.filter(action="password.changed").delete(),
        lambda: AuditEvent.objects.bulk_update([], ["action"]),
        lambda: AuditEvent.objects.all().update(actor=None),
    ],
)
def test_the_model_refuses_to_change_or_forget(event: AuditEvent, change: Callable[[], object]) -> None:
    """J-01."""
    before = rows_of(TABLE)
    with pytest.raises(AppendOnly):
        change()
    assert rows_of(TABLE) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET action = 'nothing'",
        "UPDATE accounts_auditevent SET at = at",
        "DELETE FROM accounts_auditevent",
        "INSERT OR REPLACE INTO accounts_auditevent SELECT * FROM accounts_auditevent",
        "INSERT INTO accounts_auditevent SELECT * FROM accounts_auditevent WHERE true"
        " ON CONFLICT (id) DO UPDATE SET action = 'nothing'",
    ],
)
def test_the_database_refuses_as_well(event: AuditEvent, statement: str) -> None:
    """J-01: whoever goes round the model, be it with SQL of their own."""
    before = rows_of(TABLE)
    with (
        pytest.raises(IntegrityError, match="the audit trail only grows"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert rows_of(TABLE) == before


@pytest.mark.parametrize("change", [Model.save, Model.delete])
def test_an_event_at_hand_cannot_be_changed_either(event: AuditEvent, change: Callable[[Model], object]) -> None:
    """J-01."""
    before = rows_of(TABLE)
    event.action = "nothing"
    with pytest.raises(IntegrityError), transaction.atomic():
        change(AuditEvent.objects.get(pk=event.pk) if change is Model.delete else event)
    assert rows_of(TABLE) == before


def test_a_person_with_a_history_cannot_be_deleted(event: AuditEvent, bob: User) -> None:
    """J-01: nor can their account."""
    for owner in (bob, bob.account):
        with pytest.raises(ProtectedError):
            owner.delete()
    assert get_user_model().objects.filter(pk=bob.pk).exists()


def test_no_code_of_ours_changes_the_trail() -> None:
    """J-01: not by the model's own ways round it, and not by SQL."""
    ways_round = re.compile(
        r"_raw_delete|_base_manager|session_replication_role|(UPDATE|DELETE FROM|TRUNCATE|DISABLE TRIGGER)[^\n]*audit"
    )
    code = [path for app in ("accounts", "twofactor", "messaging") for path in (ROOT / app).rglob("*.py")]
    found = [str(path) for path in code if path.parent.name != "migrations" and ways_round.search(path.read_text())]
    assert len(code) > 50
    assert found == []


def test_the_rule_can_be_taken_back_and_put_up_again(event: AuditEvent) -> None:
    """As a migration is, by an operator who has to go back."""
    for statement in RULE.SQL["sqlite"]["backwards"]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    AuditEvent.objects.all()._raw_delete(using="default")
    assert not AuditEvent.objects.exists()
    for statement in RULE.SQL["sqlite"]["forwards"]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
        assert cursor.fetchone() == (3,)
