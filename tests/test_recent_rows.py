"""Queries for recent rows use an index on their time, however many older rows somebody has made."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from accounts.models import RateLimit, Session, User
from accounts.rate_limits import Window
from accounts.users import limits as own_limits
from messaging.database import Clock, Epoch, ago
from messaging.delivery.models import GatewayFailure, Message
from tests.tools import ROOT
from twofactor.models import UNCONFIRMED, Challenge, PendingSignIn, Purpose
from twofactor.sign_in import query
from twofactor.tokens import sms_pumping
from twofactor.tokens.send_windows import Sent

pytestmark = pytest.mark.django_db

LAYERS = ("accounts", "twofactor", "messaging")


@pytest.fixture
def only_indexes() -> None:
    """Let PostgreSQL read no table in full, which it otherwise does with empty ones."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")


def bound(plan: str, column: str) -> bool:
    """Tell whether an index can be searched by this column. Of a few rows PostgreSQL may read another one in full."""
    if connection.vendor == "postgresql":
        return bool(re.search(rf"\b{column} [<>][^\n]*statement_timestamp", plan, re.IGNORECASE))
    return bool(re.search(rf"\bUSING .*INDEX [^\n]*\b{column}[<>]", plan))


def asked(bob: User) -> dict[str, tuple[str, QuerySet[Any]]]:
    """Return queries for the newest or the oldest rows, with the column of their time."""
    sent = Sent(bob, Purpose.ENROL, "sms", "+5511987654321", "203.0.113.9")
    tried: Any = sms_pumping._tried(Window("prefix x", 3600, 20, "prefix"), sent)
    return {
        "tokens of a range": ("issued_at", tried),
        "begun before": ("created_at", query.with_begun(User.objects.filter(pk=bob.pk))),
        "calls of a gateway": ("sent_at", Message.objects.filter(gateway="twilio", sent_at__gt=ago(60))),
        "failures of a gateway": ("at", GatewayFailure.objects.filter(name="twilio", at__gt=ago(60))),
        "sessions that are over": ("expire_date", Session.objects.filter(expire_date__lt=ago(0))),
        "limits that are over": ("until", RateLimit.objects.filter(until__lte=Epoch())),
    }


WHAT = (
    "tokens of a range",
    "begun before",
    "calls of a gateway",
    "failures of a gateway",
    "sessions that are over",
    "limits that are over",
)


@pytest.mark.parametrize("what", WHAT)
def test_a_query_for_recent_rows_uses_an_index(only_indexes: None, bob: User, what: str) -> None:
    column, rows = asked(bob)[what]
    assert bound(rows.order_by().explain(), column), rows.order_by().explain()


def test_untyped_tokens_are_read_from_the_index_of_unconfirmed_numbers(only_indexes: None, bob: User) -> None:
    """B-08: the query runs while the row of the system's SMS is locked, as often as somebody is refused."""
    sent = Sent(bob, Purpose.ENROL, "sms", "+351911234567", "203.0.113.9")
    tried: Any = sms_pumping._tried(Window("country x", 3600, 20, "country"), sent)
    unconfirmed = Challenge.objects.filter(purpose__in=UNCONFIRMED, channel="sms", issued_at__gt=ago(3600))
    assert set(unconfirmed.query.where.children) < set(tried.query.where.children)
    if connection.vendor == "postgresql":  # SQLite does not recognise the values as those of the index
        assert "challenge_typed" in unconfirmed.explain()


def test_a_thief_with_the_password_makes_no_sign_in_slow(only_indexes: None, bob: User) -> None:
    """B-12: only sign-ins of the last ten minutes are read to find whether one is displaced."""
    plan = query.alive().filter(session_hash="").explain()
    assert bound(plan, "created_at"), plan


def test_a_comparison_with_the_clock_uses_no_index(only_indexes: None) -> None:
    """PostgreSQL reads the clock again for each row. This also proves that ``bound`` tells the two apart."""
    rows = Challenge.objects.filter(issued_at__gt=Clock())
    assert bound(rows.explain(), "issued_at") == (connection.vendor != "postgresql")


def test_no_query_looks_back_by_the_clock_without_a_reason() -> None:
    files = [path for layer in LAYERS for path in (Path(ROOT) / layer).rglob("*.py") if "migrations" not in path.parts]
    assert [path.name for path in files if "clock_plus(-" in path.read_text()] == ["reminders.py"]


def test_ago_is_that_many_seconds_ago(bob: User) -> None:
    PendingSignIn.begin(bob, session_hash="a" * 64)
    begun = PendingSignIn.objects.all()
    assert begun.filter(created_at__gt=ago(60)).exists()
    assert not begun.filter(created_at__lt=ago(60)).exists()
    assert begun.filter(created_at__lte=ago(0)).exists()


def test_the_limits_of_a_person_are_found_by_the_index_of_names(only_indexes: None, bob: User) -> None:
    """B-05: robots that guess logins leave two rows each for 30 days; with six million of them a reset took 5 s."""
    plan = RateLimit.objects.filter(own_limits.of(bob)).explain()
    if connection.vendor == "postgresql":
        assert plan.count("Index Cond: (((key)::text ~>=~") >= len(own_limits.BY_PERSON), plan
        assert "Seq Scan" not in plan
