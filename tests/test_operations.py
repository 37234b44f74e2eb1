"""What operators see and rely on: readiness, metrics, logs, forgetting in time, and no unsafe start."""

import io
import json
import logging
import logging.config
import os
import re
import smtplib
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import OperationalError as DatabaseDown
from django.db import connection
from django.utils import timezone
from django_recaptcha.constants import TEST_PRIVATE_KEY, TEST_PUBLIC_KEY
from kombu.exceptions import OperationalError as BrokerDown
from prometheus_client.parser import text_string_to_metric_families

from accounts import audit
from accounts.models import AuditEvent, Budget, Session, User
from messaging import database, health
from messaging.database import clock_plus
from messaging.delivery import claims, doorbell, gateways, tasks
from messaging.delivery import flows as delivery
from messaging.delivery.faults import Fault
from messaging.delivery.models import GatewayFailure, Heartbeat, Message, OpenCircuit, State
from tests.conftest import BOBS_NUMBER, PASSWORD, Browser, last_token
from tests.tools import ROOT, let_pass, production, settings_with
from twofactor import flows, phones
from twofactor import tasks as journeys
from twofactor.models import Challenge, PendingSignIn, PhoneChange, PhoneDevice

pytestmark = pytest.mark.django_db

READY, ALIVE, METRICS = "/readyz", "/healthz", "/metrics"
DAY, HOUR = 86_400, 3_600


# alive and ready --------------------------------------------------------------------------


def ready() -> tuple[int, Any]:
    response = Browser().get(READY)
    return response.status_code, response.json()


def break_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise DatabaseDown("the database is away")

    monkeypatch.setattr(connection, "cursor", refuse)


def break_broker(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr(doorbell, "ping", refuse)


def test_each_dependency_is_named() -> None:
    """Q-06."""
    delivery.deliver_pending(by="worker")
    assert ready() == (200, {"database": "ok", "broker": "ok", "sender": "ok"})


def test_a_sender_that_never_looked_is_down() -> None:
    """Q-06."""
    assert ready() == (200, {"database": "ok", "broker": "ok", "sender": "down"})


@pytest.mark.parametrize(("silent", "state"), [(0, "ok"), (55, "ok"), (61, "down"), (HOUR, "down")])
@pytest.mark.parametrize("name", ["worker", "poller"])
def test_a_sender_that_is_silent_is_down_though_the_process_answers(name: str, silent: int, state: str) -> None:
    """Q-06, F11: noticed by what it does, not by its PID."""
    delivery.deliver_pending(by=name)
    let_pass(silent)
    assert ready() == (200, {"database": "ok", "broker": "ok", "sender": state})


def test_one_sender_that_looks_is_enough() -> None:
    """Q-06: the poller stands in for the worker."""
    delivery.deliver_pending(by="worker")
    let_pass(300)
    delivery.deliver_pending(by="poller")
    assert ready()[1]["sender"] == "ok"


def test_without_the_database_nothing_is_ready_but_the_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Q-06, F19: 503, and no error page."""
    delivery.deliver_pending(by="worker")
    break_database(monkeypatch)
    assert ready() == (503, {"database": "down", "broker": "ok", "sender": "down"})
    assert Browser().get(ALIVE).content == b"ok\n"


@pytest.mark.parametrize("error", [BrokerDown("refused"), ConnectionResetError("reset"), TimeoutError("frozen")])
def test_without_the_broker_the_portal_is_ready_all_the_same(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Q-06, Q-04: the poller sends."""
    delivery.deliver_pending(by="poller")
    break_broker(monkeypatch, error)
    assert ready() == (200, {"database": "ok", "broker": "down", "sender": "ok"})


def test_to_be_alive_depends_on_nothing(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any, settings: Any
) -> None:
    """Q-06."""
    break_broker(monkeypatch, BrokerDown("refused"))
    settings.SMS_GATEWAYS = []
    with django_assert_num_queries(0):
        response = Browser().get(ALIVE)
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.parametrize("path", [READY, ALIVE, METRICS])
def test_operators_addresses_are_read_only(path: str) -> None:
    assert Browser().post(path).status_code == 405


def test_readiness_says_nothing_but_names_and_states() -> None:
    """J-02."""
    assert set(health.CHECKS) == {"database", "broker", "sender"}
    assert set(ready()[1].values()) <= {"ok", "down"}


# Heartbeats -------------------------------------------------------------------------------------


def test_the_sweep_and_the_poller_leave_their_heartbeats() -> None:
    """Q-06, F13."""
    tasks.sweep()
    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["worker"]
    call_command("deliver_pending", "--once")
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker", "poller"}
    let_pass(40)
    tasks.sweep()
    ages = {beat.name: datetime.now(UTC) - beat.at for beat in Heartbeat.objects.all()}
    assert ages["worker"] < timedelta(seconds=5)
    assert timedelta(seconds=39) < ages["poller"] < timedelta(seconds=60)


def test_a_sender_that_delivers_but_does_not_look_leaves_none(bob: User) -> None:
    """Q-06: a worker that takes rung messages without sweeping cannot hide that the sweep is dead."""
    delivery.deliver(1)
    assert not Heartbeat.objects.exists()


# Metrics ----------------------------------------------------------------------------------------


def scraped(**headers: str) -> str:
    response = Browser().get(METRICS, headers=headers)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    return str(response.content.decode())


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the value of every sample, by family and labels."""
    return {
        family.name: {tuple(sorted(sample.labels.values())): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


FAMILIES = {
    "messaging_messages_5m",
    "messaging_token_seconds_5m",
    "messaging_queue_age_seconds",
    "messaging_circuit_open",
    "messaging_sender_silence_seconds",
    "messaging_refusals_5m",
    "messaging_limits_hit_5m",
    "messaging_sms_of_the_day",
    "messaging_sms_a_day",
}


def test_metrics_are_open_in_the_embedded_default() -> None:
    assert set(samples(scraped())) == FAMILIES


@pytest.mark.parametrize(
    ("token", "header", "status"),
    [
        ("", None, 404),
        ("", "", 404),
        ("", "Bearer ", 404),
        ("right", None, 404),
        ("right", "", 404),
        ("right", "Bearer wrong", 404),
        ("right", "Bearer rightx", 404),
        ("right", "Bearer é", 404),
        ("right", "Basic right", 404),
        ("right", "Bearer right", 200),
    ],
)
def test_in_production_metrics_need_the_bearer_token(
    settings: Any, token: str, header: str | None, status: int
) -> None:
    """J-02: 404 to everybody else."""
    settings.EMBEDDED, settings.METRICS_TOKEN = False, token
    headers = {} if header is None else {"authorization": header}
    assert Browser().get(METRICS, headers=headers).status_code == status


def message(**fields: Any) -> Message:
    """Put a message into the queue, some seconds ago."""
    age = fields.pop("age", 0)
    row = {"channel": "sms", "destination": BOBS_NUMBER, "kind": "token", "subject_id": 0, "language": "en"}
    made: Message = Message.objects.create(**{**row, **fields})
    if age:
        Message.objects.filter(pk=made.pk).update(created_at=clock_plus(-age))
    made.refresh_from_db()
    return made


def test_messages_are_counted_by_kind_channel_and_state_for_five_minutes() -> None:
    """Issue 3, point 9."""
    for state in (State.SENT, State.SENT, State.FAILED):
        message(state=state)
    message(state=State.SENT, channel="email")
    message(state=State.SENT, kind="notice")
    message(state=State.SENT, age=301)
    assert samples(scraped())["messaging_messages_5m"] == {
        ("sent", "sms", "token"): 2,
        ("failed", "sms", "token"): 1,
        ("email", "sent", "token"): 1,
        ("notice", "sent", "sms"): 1,
    }


def test_seconds_are_counted_from_the_click_to_gateway_and_handset() -> None:
    """Issue 3, point 9."""
    for to_gateway, to_handset in ((2, 4), (4, 8)):
        made = message(state=State.DELIVERED)
        start = made.created_at
        Message.objects.filter(pk=made.pk).update(
            sent_at=start + timedelta(seconds=to_gateway), reported_at=start + timedelta(seconds=to_handset)
        )
    failed = message(state=State.FAILED)
    Message.objects.filter(pk=failed.pk).update(reported_at=failed.created_at + timedelta(seconds=100))
    late = message(state=State.SENT, kind="notice")
    Message.objects.filter(pk=late.pk).update(sent_at=late.created_at + timedelta(seconds=250))
    message(channel="email")
    seconds = samples(scraped())["messaging_token_seconds_5m"]
    assert seconds == {("gateway", "sms"): pytest.approx(3), ("handset", "sms"): pytest.approx(6)}


def test_the_oldest_waiting_message_is_told_by_channel() -> None:
    """Issue 3, point 9: what nobody can send any more does not wait."""
    message(age=50)
    message(age=20)
    message(age=70, channel="email", kind="notice")
    message(age=500, state=State.SENT)
    gone = message(age=400)
    Message.objects.filter(pk=gone.pk).update(expires_at=clock_plus(10))
    ages = samples(scraped())["messaging_queue_age_seconds"]
    assert ages == {("sms",): pytest.approx(50, abs=5), ("email",): pytest.approx(70, abs=5)}


def test_circuits_are_told_by_gateway(settings: Any) -> None:
    """F35."""
    settings.SMS_GATEWAYS = ["twilio", "sinch"]
    OpenCircuit.objects.create(name="sinch", open_until=clock_plus(-1), fault="ours")
    assert samples(scraped())["messaging_circuit_open"] == {("twilio",): 0, ("sinch",): 1}


def test_silence_is_told_in_seconds() -> None:
    """Q-06: without end while nobody ever looked."""
    assert samples(scraped())["messaging_sender_silence_seconds"] == {(): float("inf")}
    delivery.deliver_pending(by="poller")
    let_pass(90)
    assert samples(scraped())["messaging_sender_silence_seconds"] == {(): pytest.approx(90, abs=5)}


def test_refusals_are_counted_by_action(bob: User) -> None:
    """Issue 3, point 9."""
    for action in ("token.refused", "token.refused", "password.failed", "send.limited", "sign_in.verified"):
        audit.record(action, user=bob)
    AuditEvent.objects.create(action="token.refused", user=bob, at=clock_plus(-301))
    assert samples(scraped())["messaging_refusals_5m"] == {
        ("token.refused",): 2,
        ("password.failed",): 1,
        ("send.limited",): 1,
    }


@pytest.mark.usefixtures("policy")
def test_metrics_hold_no_secret_and_no_number(browser: Browser, bob: User, settings: Any) -> None:
    """J-02, P-09."""
    settings.METRICS_TOKEN = "the token of Prometheus"
    browser.enrol("bob")
    token = last_token()
    text = scraped()
    secrets = {token, PASSWORD, "bob", "example.com", settings.METRICS_TOKEN, BOBS_NUMBER[1:], BOBS_NUMBER[-8:]}
    assert not [secret for secret in secrets if secret in text]
    assert not re.search(r"\d{7,}", text.replace(".", " "))


# J-04: logs --------------------------------------------------------------------------------------

INJECTIONS = [
    "\r\nFORGED",
    "\nFORGED",
    "\rFORGED",
    "\x1b[2K\x1b[1GFORGED",
    "\u2028FORGED",
    "\u2029FORGED",
    "\x85FORGED",
]
INJECTIONS += ["\x0bFORGED", "\x0cFORGED", "\x00FORGED", "\u202eFORGED"]


def written(log_format: str, *, error: Exception | None = None, text: str = "") -> str:
    """Return what the portal's own console handler makes of a record."""
    made = settings_with(EMBEDDED="1", LOG_FORMAT=log_format)["LOGGING"]
    maker: Any = logging.config.DictConfigurator(made)
    paper = io.StringIO()
    handler = logging.StreamHandler(paper)
    handler.setFormatter(maker.configure_formatter(made["formatters"][made["handlers"]["console"]["formatter"]]))
    for name in made["handlers"]["console"]["filters"]:
        handler.addFilter(maker.configure_filter(made["filters"][name]))
    facts = {"name": "the.logger", "levelname": "WARNING", "msg": "refused: %s", "args": (text,)}
    handler.handle(logging.makeLogRecord({**facts, "exc_info": (type(error), error, None) if error else None}))
    return paper.getvalue()


@pytest.mark.parametrize("injection", INJECTIONS, ids=ascii)
@pytest.mark.parametrize("log_format", ["line", "json"])
def test_a_record_is_one_line_whatever_is_in_it(log_format: str, injection: str) -> None:
    """J-04."""
    line = written(log_format, text=f"a{injection}")
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert "FORGED" in line
    assert all(sign.isprintable() for sign in line[:-1])


@pytest.mark.parametrize("injection", INJECTIONS, ids=ascii)
@pytest.mark.parametrize("log_format", ["line", "json"])
def test_an_exception_cannot_forge_a_record(log_format: str, injection: str) -> None:
    """J-04: its text may come from a client; whatever follows the record's own line is indented."""
    _first, *rest = written(log_format, error=ValueError(f"a{injection}"), text="x").splitlines()
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert bool(rest) == (log_format == "line")


def test_a_json_record_says_all_of_it() -> None:
    """J-01, J-04."""
    entry = json.loads(written("json", text="ção\u2028", error=ValueError("why")))
    assert entry.pop("exception") == "ValueError: why"
    assert datetime.fromisoformat(entry.pop("at")).tzinfo
    assert entry == {"level": "warning", "logger": "the.logger", "request_id": "-", "message": "refused: ção\u2028"}


def test_a_json_record_without_an_exception_has_none() -> None:
    assert "exception" not in json.loads(written("json", text="x"))


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [({"EMBEDDED": "1"}, "line"), (production(), "json"), (production(LOG_FORMAT="line"), "line")],
    ids=["embedded", "production", "chosen"],
)
def test_production_logs_for_machines(environment: dict[str, str], chosen: str) -> None:
    """Issue 3, point 9."""
    assert settings_with(**environment)["LOGGING"]["handlers"]["console"]["formatter"] == chosen


# J-05: forgetting ---------------------------------------------------------------------------------


def aged(row: Any, field: str, seconds: float) -> Any:
    """Let a row be that old."""
    type(row)._default_manager.filter(pk=row.pk).update(**{field: clock_plus(-seconds)})
    return row


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
def test_messages_are_forgotten_after_ninety_days(age: int, kept: bool, state: str) -> None:
    """J-05."""
    old = message(state=state, age=age)
    assert delivery.purge(90) == (0 if kept else 1)
    assert exists(old) is kept


@pytest.mark.parametrize(("age", "kept"), [(90 * DAY - 60, True), (90 * DAY + 60, False)])
def test_failures_of_gateways_are_forgotten_after_ninety_days(age: int, kept: bool) -> None:
    """J-05."""
    failure = aged(GatewayFailure.objects.create(name="twilio", fault="busy"), "at", age)
    delivery.purge(90)
    assert exists(failure) is kept


@pytest.mark.parametrize("kind", [PendingSignIn, PhoneChange])
@pytest.mark.parametrize(("age", "kept"), [(0, True), (30 * DAY - 60, True), (30 * DAY + 60, False)])
def test_journeys_are_forgotten_after_thirty_days_with_their_challenges(
    bob: User, kind: type, age: int, kept: bool
) -> None:
    """J-05."""
    old = journey(bob, age=age, kind=kind)
    challenge = Challenge.issue(old, channel="sms", destination=BOBS_NUMBER)
    assert flows.purge() == (0 if kept else 1)
    assert exists(old) is kept
    assert exists(challenge) is kept


@pytest.mark.parametrize(("age", "kept"), [(0, True), (DAY - 60, True), (DAY + 60, False)])
def test_destinations_are_erased_after_a_day(bob: User, age: int, kept: bool) -> None:
    """J-05: also numbers that nobody proved."""
    change = journey(bob, age=age, kind=PhoneChange)
    challenge = aged(Challenge.issue(change, channel="sms", destination=BOBS_NUMBER), "issued_at", age)
    flows.purge()
    for row, field in ((change, "number"), (challenge, "destination")):
        row.refresh_from_db()
        assert getattr(row, field) == (BOBS_NUMBER if kept else "")


@pytest.mark.parametrize(("until", "kept"), [(60, True), (-1, False)])
def test_budgets_are_forgotten_when_their_window_is_over(until: int, kept: bool) -> None:
    """J-05, C-02: whatever its length, and used captchas are among them."""
    long = Budget.objects.create(key="numbers 1", seconds=30 * DAY, used=1, until=int(time.time()) + until)
    flows.purge()
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


def test_more_than_a_batch_is_forgotten_in_batches(django_assert_max_num_queries: Any) -> None:
    """J-05: nobody waits for one statement over all of it, and none is left over."""
    row = {"channel": "sms", "destination": "x", "kind": "old", "subject_id": 0, "language": "en"}
    Message.objects.bulk_create([Message(**row) for _ in range(2_003)])
    Message.objects.update(created_at=clock_plus(-91 * DAY))
    young = message()
    with django_assert_max_num_queries(10) as asked:
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
    used = Budget.objects.create(key="captcha 0", seconds=3600, used=1, until=int(time.time()) - 1)
    change = journey(user, age=31 * DAY, kind=PhoneChange)
    return [message(age=91 * DAY), journey(user, age=31 * DAY), change, used, session]


def test_the_command_forgets_everything_that_is_old(bob: User) -> None:
    """J-05."""
    old = old_of_everything(bob)
    out = io.StringIO()
    call_command("purge", stdout=out)
    assert [row for row in old if exists(row)] == []
    assert out.getvalue() == "1 messages and 2 journeys deleted.\n"
    call_command("purge", stdout=out)
    assert out.getvalue().endswith("0 messages and 0 journeys deleted.\n")


def test_beats_tasks_forget_what_is_old(bob: User, settings: Any) -> None:
    """J-05: every hour, behind the tokens."""
    *old, _session = old_of_everything(bob)
    scheduled = {entry["task"]: entry["schedule"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    for task in (tasks.purge, journeys.purge):
        assert scheduled[task.name] <= HOUR
        assert current_app.amqp.router.route({}, task.name)["queue"].name == "notices"
        task()
    assert [row for row in old if exists(row)] == []


# Notices are kept ---------------------------------------------------------------------------------


@pytest.fixture
def notice(bob: User, monkeypatch: pytest.MonkeyPatch) -> Message:
    """Return a notice that the mail server does not take."""

    def refuse(*args: Any) -> None:
        raise gateways.GatewayError("SMTPServerDisconnected", Fault.UNSURE)

    monkeypatch.setattr(gateways, "send_email", refuse)
    event = audit.record("phone.enrolled", user=bob, number=phones.mask(BOBS_NUMBER))
    return message(channel="email", destination=bob.email, kind="notice", subject_id=event.pk)


def waits(row: Message) -> list[float]:
    """Fail until there is no try left; return the seconds between the tries."""
    found: list[float] = []
    while True:
        delivery.deliver_pending(by="poller")
        row.refresh_from_db()
        if row.state != State.SENDING or row.leased_until is None:
            return found
        found.append((row.leased_until - datetime.now(UTC)).total_seconds())
        Message.objects.filter(pk=row.pk).update(leased_until=clock_plus(-1))


def test_a_notice_is_tried_later_and_later_and_given_up_at_last(notice: Message, settings: Any) -> None:
    """F36, issue 3 point 7: kept through half a day without a mail server."""
    found = waits(notice)
    assert (notice.state, notice.tries, notice.error) == (State.FAILED, settings.NOTICE_TRIES, "SMTPServerDisconnected")
    assert len(found) == settings.NOTICE_TRIES - 1
    for tries, wait in enumerate(found, start=1):
        assert min(HOUR, 2**tries) - 2 <= wait <= min(HOUR, 3 * 2**tries) + 1
    assert found[-1] > HOUR - 5
    assert sum(found) > 6 * HOUR


def test_a_notice_that_is_given_up_is_not_tried_again(notice: Message) -> None:
    """F36."""
    waits(notice)
    let_pass(10 * DAY)
    assert delivery.deliver_pending(by="poller") == 0


def test_a_notice_is_not_tried_before_its_time(notice: Message) -> None:
    """F36."""
    for _ in range(5):
        delivery.deliver_pending(by="poller")
    notice.refresh_from_db()
    assert notice.tries == 1


def test_a_notice_leaves_when_the_mail_server_is_back(notice: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    """F36."""
    for _ in range(6):
        delivery.deliver_pending(by="poller")
        let_pass(HOUR)
    sent: list[str] = []
    monkeypatch.setattr(gateways, "send_email", lambda to, content: sent.append(to))
    delivery.deliver_pending(by="poller")
    notice.refresh_from_db()
    assert sent == ["bob@example.com"]
    assert (notice.state, notice.tries, notice.error, notice.fault) == (State.SENT, 7, "", "")


def test_a_notice_whose_worker_dies_each_time_is_given_up_too(notice: Message, settings: Any) -> None:
    """F6."""
    for _ in range(settings.NOTICE_TRIES):
        assert claims.claim(notice.pk)
        let_pass(16)
    delivery.deliver_pending(by="poller")
    notice.refresh_from_db()
    assert notice.state == State.FAILED


def test_the_mail_servers_own_exceptions_keep_a_notice(
    bob: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """F36: greylisting is not an address that does not exist."""

    def refuse(*args: Any) -> None:
        raise smtplib.SMTPRecipientsRefused({bob.email: (451, b"try again later")})

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", refuse)
    event = audit.record("phone.enrolled", user=bob, number=phones.mask(BOBS_NUMBER))
    kept = message(channel="email", destination=bob.email, kind="notice", subject_id=event.pk)
    delivery.deliver(kept.pk)
    kept.refresh_from_db()
    assert (kept.state, kept.error) == (State.SENDING, "SMTPRecipientsRefused")


# Production does not start unsafely -----------------------------------------------------------------

TEST_KEYS = {"RECAPTCHA_PUBLIC_KEY": TEST_PUBLIC_KEY, "RECAPTCHA_PRIVATE_KEY": TEST_PRIVATE_KEY}
UNSAFE = {**TEST_KEYS, "TOKEN_KEY": "short", "SMS_GATEWAYS": "twilio,outbox", "TWILIO_FROM": ""}
EXPECTED = ["delivery.E002", "delivery.E003", "twofactor.E002", "twofactor.E003"]
WORKER = ["celery", "-A", "messaging.celery", "worker", "--pool", "solo", "--without-gossip", "--without-mingle"]


def start(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a program of production's as an operator would, and wait for its end."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = {"DJANGO_SETTINGS_MODULE": "messaging.settings", **production(**environment), **inherited}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "command",
    [("-c", "import messaging.wsgi"), ("-c", "import messaging.asgi"), ("-m", *WORKER)],
    ids=["wsgi", "asgi", "worker"],
)
def test_no_program_of_production_starts_unsafely(command: tuple[str, ...]) -> None:
    """C-04: web and worker end with one line for each error, and say no key."""
    done = start(*command, **UNSAFE)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if re.match(r"\w+\.E\d{3}: ", line)]
    assert sorted(line.split(":")[0] for line in lines) == EXPECTED
    assert "Traceback" not in done.stderr
    for secret in ("short", TEST_PRIVATE_KEY, production()["SECRET_KEY"]):
        assert secret not in done.stderr + done.stdout


def test_production_that_is_safe_starts() -> None:
    """C-04."""
    done = start("-c", "import messaging.wsgi; print(messaging.wsgi.application)")
    assert done.returncode == 0, done.stderr
    assert "WSGIHandler" in done.stdout


def test_the_embedded_default_may_use_its_outbox(tmp_path: Any) -> None:
    """C-04: what only production may not do is not asked of the demo."""
    done = start("-c", "import messaging.wsgi", EMBEDDED="1", SMS_GATEWAYS="outbox", VAR_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("accept", "body"), [("text/html", b"<title"), ("application/json", b"unavailable")])
def test_a_database_that_is_away_is_told_with_503(
    db: None, monkeypatch: pytest.MonkeyPatch, accept: str, body: bytes
) -> None:
    """F19: a page of our own, when to come back, and kept by nobody."""

    def away(*_: object, **__: object) -> None:
        raise DatabaseDown("the server closed the connection")

    monkeypatch.setattr("twofactor.flows.check_password", away)
    browser = Browser(headers={"accept": accept}, raise_request_exception=False)
    answer = browser.post_password("bob")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert "no-store" in answer.headers["Cache-Control"]
    assert body in answer.content


def test_a_bug_is_still_a_500_of_our_own(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """F19: only the database's absence is one."""

    def buggy(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("twofactor.flows.check_password", buggy)
    assert Browser(raise_request_exception=False).post_password("bob").status_code == 500
