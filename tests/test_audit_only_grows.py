"""J-01: what is in the audit log stays there, whoever asks: the model refuses, and under it the database."""

import re
from collections.abc import Callable
from importlib import import_module
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model, ProtectedError
from django.test.utils import CaptureQueriesContext

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.checks import MIGRATION, TRIGGERS
from accounts.models import AuditEvent, User
from accounts.models.audit import AppendOnly
from tests.database_dump import rows_of
from tests.tools import ROOT

TABLE = "accounts_auditevent"
RULE = import_module("accounts.migrations.0002_audit_only_grows")


@pytest.fixture
def event(bob: User) -> AuditEvent:
    return record_event(Action.PASSWORD_CHANGED, user=bob)


@pytest.mark.parametrize(
    "change",
    [
        lambda: AuditEvent.objects.update(action="nothing"),
        lambda: AuditEvent.objects.filter(action="password.changed").delete(),
        lambda: AuditEvent.objects.bulk_update([], ["action"]),
        lambda: AuditEvent.objects.all().update(actor=None),
    ],
)
def test_the_model_refuses_to_change_or_delete(event: AuditEvent, change: Callable[[], object]) -> None:
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
    if connection.vendor == "postgresql" and "OR REPLACE" in statement:
        statement = "DELETE FROM ONLY accounts_auditevent"  # each database has a form of its own
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


def test_no_code_of_ours_changes_the_audit_log() -> None:
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
    for statement in RULE.SQL[connection.vendor]["backwards"]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    AuditEvent.objects.all()._raw_delete(using="default")
    assert not AuditEvent.objects.exists()
    for statement in RULE.SQL[connection.vendor]["forwards"]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    again = record_event(Action.PASSWORD_CHANGED)
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.filter(pk=again.pk)._raw_delete(using="default")


def found_by_check() -> list[str]:
    """Return what ``manage.py check --database default`` says of the audit log."""
    found = run_checks(tags=[Tags.database], databases=["default"])
    return [f"{problem.id}: {problem.msg}" for problem in found]


def test_the_check_names_each_trigger_that_is_missing(db: None) -> None:
    """J-01: SQLite loses them when a table is made anew, and an owner of the tables may drop them."""
    for name in TRIGGERS[connection.vendor]:
        with transaction.atomic(), connection.cursor() as cursor:
            on = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {name}{on}")
            assert found_by_check() == [
                f"accounts.E001: The audit log of the database default is not protected: {name} missing or disabled."
            ]
            with pytest.raises(SystemCheckError, match=name):
                call_command("check", databases=["default"])
            transaction.set_rollback(True)


def test_the_check_is_content_with_all_triggers(db: None) -> None:
    """J-01: and ``manage.py check`` without a database asks none."""
    assert found_by_check() == []
    with CaptureQueriesContext(connection) as statements:
        call_command("check", stderr=StringIO(), stdout=StringIO())
    assert len(statements) == 0


def test_the_check_reports_a_disabled_trigger(db: None) -> None:
    """J-01: SQLite cannot disable one."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER audit_only_grows")
    assert "audit_only_grows missing" in found_by_check()[0]


def test_the_check_says_nothing_before_the_migration(db: None) -> None:
    """J-01: ``migrate`` runs it before there is a table."""
    MigrationRecorder.Migration.objects.filter(app="accounts", name=MIGRATION).delete()
    for name in TRIGGERS[connection.vendor]:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {TABLE}" if connection.vendor == "postgresql" else ""))
    assert found_by_check() == []


def test_the_check_names_the_triggers_of_the_migration() -> None:
    """J-01."""
    for vendor, names in TRIGGERS.items():
        made = re.findall(r"CREATE TRIGGER (\w+)", " ".join(RULE.SQL[vendor]["forwards"]))
        assert set(made) == names
