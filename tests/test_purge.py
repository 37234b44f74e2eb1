"""J-05: what is forgotten, when, and in batches."""

import io
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import RateLimit, Session, User
from messaging import database
from messaging.database import clock_plus
from messaging.delivery import flows as delivery
from messaging.delivery.models import GatewayFailure, Message, State
from messaging.periodic import scheduler, watcher
from tests.conftest import BOBS_NUMBER, Browser, last_token
from tests.operation_tools import DAY, HOUR, aged, message
from tests.tools import let_pass
from twofactor import purge
from twofactor.models import Challenge, PendingSignIn, PhoneChange, PhoneDevice

pytestmark = pytest.mark.django_db


def journey(user: User, *, age: float, kind: type = PendingSignIn, name: str = "") -> Any:
    fields: dict[str, Any] = {
        "user": user,
        "session_hash": f"{kind.__name__}{name}{age}",
        "expires_at": clock_plus(600),
    }
    fields |= {"auth_hash": ""} if kind is PendingSignIn else {"number": BOBS_NUMBER, "region": "BR", "kind": "mobile"}
    return aged(kind._default_manager.create(**fields), "created_at", age)  # type: ignore[attr-defined]


def exists(row: Any) -> bool:
    return bool(type(row)._default_manager.filter(pk=row.pk).exists())


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("age", "kept"), [(0, True), (90 * DAY - 60, True), (90 * DAY + 60, False)])
def test_messages_are_deleted_after_ninety_days(age: int, kept: bool, state: str) -> None:
    """J-05."""
    old = message(state=state, age=age)
    assert delivery.purge(90) == (0 if kept else 1)
    assert exists(old) is kept


@pytest.mark.parametrize(("age", "kept"), [(90 * DAY - 60, True), (90 * DAY + 60, False)])
def test_failures_of_gateways_are_deleted_after_ninety_days(age: int, kept: bool) -> None:
    """J-05."""
    failure = aged(GatewayFailure.objects.create(name="twilio", fault="busy"), "at", age)
    delivery.purge(90)
    assert exists(failure) is kept


@pytest.mark.parametrize("kind", [PendingSignIn, PhoneChange])
@pytest.mark.parametrize(("age", "kept"), [(0, True), (30 * DAY - 60, True), (30 * DAY + 60, False)])
def test_journeys_are_deleted_after_thirty_days_with_their_challenges(
    bob: User, kind: type, age: int, kept: bool
) -> None:
    """J-05."""
    old = journey(bob, age=age, kind=kind)
    challenge = Challenge.issue(old, channel="sms", destination=BOBS_NUMBER)
    assert purge.purge()["journeys"] == (0 if kept else 1)
    assert exists(old) is kept
    assert exists(challenge) is kept


@pytest.mark.parametrize(("age", "kept"), [(0, True), (DAY - 60, True), (DAY + 60, False)])
def test_destinations_are_emptied_after_a_day(bob: User, age: int, kept: bool) -> None:
    """J-05: also numbers that nobody proved."""
    change = journey(bob, age=age, kind=PhoneChange)
    challenge = aged(Challenge.issue(change, channel="sms", destination=BOBS_NUMBER), "issued_at", age)
    purge.purge()
    for row, field in ((change, "number"), (challenge, "destination")):
        row.refresh_from_db()
        assert getattr(row, field) == (BOBS_NUMBER if kept else "")


@pytest.mark.parametrize(("until", "kept"), [(60, True), (-1, False)])
def test_rate_limits_are_deleted_when_their_window_has_expired(until: int, kept: bool) -> None:
    """J-05, C-02: whatever its length, and used captchas are among them."""
    long = RateLimit.objects.create(key="numbers 1", seconds=30 * DAY, used=1, until=int(time.time()) + until)
    purge.purge()
    assert exists(long) is kept


@pytest.mark.usefixtures("policy")
def test_who_is_signing_in_does_not_notice(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """J-05."""
    browser.post_password("bob")
    browser.post_channel("sms")
    call_command("purge", stdout=io.StringIO())
    assert browser.post_token(last_token()).headers["Location"] == "/"
    call_command("purge", stdout=io.StringIO())
    assert browser.is_in()


@pytest.mark.usefixtures("policy")
def test_a_token_whose_challenge_was_purged_opens_nothing(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """J-05, Q-05: neither while only its destination is gone, nor when all of it is."""
    for age in (2 * DAY, 31 * DAY):
        browser.post_password("bob")
        browser.post_channel("sms")
        token = last_token()
        let_pass(age)
        call_command("purge", stdout=io.StringIO())
        assert not Challenge.objects.exclude(destination="").exists()
        assert browser.post_token(token).headers["Location"].startswith("/entrar/")
        assert not browser.is_in()
    assert not Challenge.objects.exists()


@pytest.mark.usefixtures("policy")
def test_a_purged_challenge_is_not_sent(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """J-05: no token for a number that was erased."""
    browser.post_password("bob")
    browser.post_channel("sms")
    PendingSignIn.objects.all().delete()
    delivery.deliver(Message.objects.get().pk)
    assert Message.objects.get().state == State.EXPIRED


def test_more_than_a_batch_is_deleted_in_batches(django_assert_max_num_queries: Any) -> None:
    """J-05: nobody waits for one statement over all of it, and none is left over."""
    row = {"channel": "sms", "destination": "x", "kind": "old", "subject_id": 0, "language": "en"}
    Message.objects.bulk_create([Message(**row) for _ in range(2_003)])
    Message.objects.update(created_at=clock_plus(-91 * DAY))
    young = message()
    with django_assert_max_num_queries(19) as asked:  # in the test, savepoints among them
        assert delivery.purge(90) == 2_003
    deletions = [query["sql"] for query in asked.captured_queries if query["sql"].startswith("DELETE")]
    assert len(deletions) == 3
    assert list(Message.objects.all()) == [young]


def test_batches_take_only_what_matches() -> None:
    kept, gone = message(kind="a"), message(kind="b")
    assert database.delete_in_batches(Message.objects.filter(kind="b"), size=1) == 1
    assert (exists(kept), exists(gone)) == (True, False)
    assert database.delete_in_batches(Message.objects.none()) == 0


def old_of_everything(user: User) -> list[Any]:
    """Return a row of each kind that is beyond its days."""
    session = Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - timedelta(days=1))
    used = RateLimit.objects.create(key="captcha 0", seconds=3600, used=1, until=int(time.time()) - 1)
    change = journey(user, age=31 * DAY, kind=PhoneChange)
    return [message(age=91 * DAY), journey(user, age=31 * DAY), change, used, session]


def test_the_command_deletes_everything_that_is_old(bob: User) -> None:
    """J-05."""
    old = old_of_everything(bob)
    out = io.StringIO()
    call_command("purge", stdout=out)
    assert [row for row in old if exists(row)] == []
    assert "2 journeys, 1 messages, 1 sessions, 1 rate limits" in out.getvalue()
    call_command("purge", stdout=out)
    assert "0 journeys, 0 messages, 0 sessions, 0 rate limits" in out.getvalue()


def test_django_s_own_command_deletes_sessions_that_are_over(browser: Browser, bob: User) -> None:
    """J-05: whoever has it in a cron table is not let down."""
    browser.post_password("bob")
    old_of_everything(bob)
    call_command("clearsessions")
    assert Session.objects.get().user == bob
    assert browser.is_in()


def test_the_periodic_task_deletes_everything_that_is_old(bob: User) -> None:
    """J-05, B9: every hour, sessions too, and whoever looks does it."""
    old = old_of_everything(bob)
    watcher.look("worker", threads=1)
    assert [row for row in old if exists(row)] == []
    assert scheduler._tasks["purge"].seconds <= HOUR


def test_one_step_that_fails_stops_no_other(
    bob: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """B11."""
    old = old_of_everything(bob)
    steps = {"broken": lambda: 1 // 0} | purge.STEPS
    monkeypatch.setattr(purge, "STEPS", steps)
    with pytest.raises(CommandError, match="broken"):
        call_command("purge", stdout=io.StringIO())
    assert "purge: broken failed" in caplog.text
    assert [row for row in old if exists(row)] == []


def test_no_statement_of_purge_touches_more_than_a_batch(bob: User) -> None:
    """B11: what an hour of a large portal leaves would not end within the time-out of one statement."""
    change = journey(bob, age=2 * DAY, kind=PhoneChange)
    for _ in range(5):
        aged(Challenge.issue(change, channel="sms", destination=BOBS_NUMBER), "issued_at", 2 * DAY)
        Challenge.objects.update(superseded_at=timezone.now())
    with CaptureQueriesContext(connection) as asked:
        assert database.update_in_batches(Challenge.objects.exclude(destination=""), size=2, destination="") == 5
    assert sum(query["sql"].startswith("UPDATE") for query in asked) == 3
