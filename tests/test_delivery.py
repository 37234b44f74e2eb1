"""What leaves the system: each message once, in time, with the digits it was meant to have, or not at all."""

import json
import logging
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from celery import current_app
from django.core import checks
from django.core.management import call_command
from kombu.exceptions import OperationalError

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from messaging.delivery import flows as delivery
from messaging.delivery import gateways, leases, looks, outbox, sending, tasks, wakeup
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Message, State
from messaging.delivery.renderers import NothingToSay, render
from messaging.periodic import watcher
from tests.altcha import challenge_in, solve
from tests.conftest import BOBS_NUMBER, Browser, deliver, last_token, sent_to
from tests.doubles import MemoryGateway
from tests.tools import let_pass, page, production, settings_with
from twofactor.models import Challenge, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

OUTBOX = "/caixa-de-saida/"
JSON = {"accept": "application/json"}


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


# What becomes of a message --------------------------------------------------------------------------


def test_a_message_is_queued_then_sent(message: Message) -> None:
    assert (message.state, message.channel, message.destination) == (State.QUEUED, "sms", BOBS_NUMBER)
    delivery.deliver(message.pk)
    assert state_of(message) == State.SENT
    assert (message.gateway, message.tries, message.error) == ("outbox", 1, "")
    assert message.sent_at
    assert message.gateway_id


def test_a_message_holds_no_text(message: Message) -> None:
    """T-06."""
    delivery.deliver(message.pk)
    token = last_token()
    assert token not in json.dumps(list(Message.objects.values()), default=str)


def test_two_workers_send_one_message(message: Message, memory: MemoryGateway) -> None:
    """F12: the second finds it claimed."""
    claimed = leases.claim(message.pk)
    assert claimed
    assert leases.claim(message.pk) is None
    delivery.deliver(message.pk)
    tasks.deliver(message.pk)
    delivery.deliver_pending(by="poller")
    assert memory.sent == []


def test_a_message_woken_for_twice_leaves_once(message: Message, memory: MemoryGateway) -> None:
    """F12, F9."""
    for _ in range(3):
        delivery.deliver(message.pk)
        watcher.look("worker", threads=1)
    assert len(memory.sent) == 1


def test_a_message_that_is_not_there_is_ignored(message: Message) -> None:
    """F14, F15."""
    delivery.deliver(message.pk + 1000)
    assert state_of(message) == State.QUEUED


def test_a_worker_killed_before_sending_is_replaced_after_its_lease(message: Message, memory: MemoryGateway) -> None:
    """F1, Q-03: another try within 20 s."""
    leases.claim(message.pk)
    let_pass(14)
    delivery.deliver_pending(by="poller")
    assert memory.sent == []
    let_pass(2)
    delivery.deliver_pending(by="poller")
    assert len(memory.sent) == 1
    assert state_of(message) == State.SENT


def test_a_worker_killed_after_sending_costs_a_duplicate_with_the_same_digits(
    message: Message, memory: MemoryGateway
) -> None:
    """F2, Q-03."""
    delivery.deliver(message.pk)
    Message.objects.update(state=State.SENDING)
    let_pass(16)
    delivery.deliver_pending(by="poller")
    assert len(memory.sent) == 2
    assert len(set(memory.tokens)) == 1


def test_a_worker_that_comes_back_late_does_not_overwrite_what_another_recorded(message: Message) -> None:
    slow = leases.claim(message.pk)
    assert slow
    let_pass(16)
    delivery.deliver(message.pk)
    sending.record(slow, state=State.FAILED)
    assert state_of(message) == State.SENT


def test_a_message_is_tried_twice_at_most(message: Message, memory: MemoryGateway) -> None:
    """F6, G-04: also when the worker dies each time and nothing is recorded."""
    for _ in range(2):
        assert leases.claim(message.pk)
        let_pass(16)
    delivery.deliver(message.pk)
    delivery.deliver_pending(by="poller")
    assert memory.sent == []
    assert state_of(message) == State.FAILED


# Refusals of the gateway ----------------------------------------------------------------------------


def test_a_passing_failure_is_tried_again_with_the_same_digits(message: Message, memory: MemoryGateway) -> None:
    """F25, F29, G-04."""
    memory.errors = [gateways.GatewayError("twilio-20429", Fault.UNSURE)]
    delivery.deliver(message.pk)
    assert state_of(message) == State.SENDING
    assert message.error == "twilio-20429"
    delivery.deliver_pending(by="poller")
    assert len(memory.sent) == 1, "not before the wait is over"
    let_pass(4)
    delivery.deliver_pending(by="poller")
    assert state_of(message) == State.SENT
    assert len(set(memory.tokens)) == 1


def test_a_second_failure_is_the_last(
    message: Message, memory: MemoryGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """F25, G-04."""
    memory.errors = [gateways.GatewayError("Timeout", Fault.UNSURE) for _ in range(5)]
    for _ in range(4):
        delivery.deliver_pending(by="poller")
        let_pass(4)
    assert len(memory.sent) == 2
    assert (state_of(message), message.error) == (State.FAILED, "Timeout")
    assert f"message {message.pk} not accepted by memory: Timeout" in caplog.text


def test_a_final_refusal_is_not_tried_again(message: Message, memory: MemoryGateway) -> None:
    """F30, G-03."""
    memory.errors = [gateways.GatewayError("twilio-21614", Fault.NUMBER)]
    for _ in range(3):
        delivery.deliver_pending(by="poller")
        let_pass(4)
    assert len(memory.sent) == 1
    assert (state_of(message), message.error) == (State.FAILED, "twilio-21614")


def test_without_a_gateway_an_sms_fails_at_once(message: Message, settings: Any) -> None:
    settings.SMS_GATEWAYS = []
    delivery.deliver(message.pk)
    assert (state_of(message), message.error) == (State.FAILED, "no-gateway")


def test_a_message_that_breaks_the_worker_does_not_stop_the_next(
    message: Message, asked: Browser, memory: MemoryGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """F6."""
    broken = Message.objects.create(channel="email", destination="x", kind="notice", subject_id=0, language="en")
    Message.objects.filter(pk=broken.pk).update(id=message.pk - 1)
    delivery.deliver_pending(by="poller")
    assert state_of(message) == State.SENT
    assert f"message {message.pk - 1} could not be sent" in caplog.text


def test_an_unreachable_mail_server_fails_the_message_and_nothing_else(
    browser: Browser, bobs_phone: PhoneDevice, settings: Any
) -> None:
    """F36."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    browser.post_password("bob")
    assert browser.post_channel("email").status_code == 302
    delivery.deliver_pending(by="poller")
    let_pass(4)
    delivery.deliver_pending(by="poller")
    message = Message.objects.get()
    assert (message.state, message.error, message.tries) == (State.FAILED, "ConnectionRefusedError", 2)
    assert not browser.is_in()


# In time, or not at all -----------------------------------------------------------------------------


def test_a_token_with_less_than_thirty_seconds_left_is_not_sent(message: Message, memory: MemoryGateway) -> None:
    """G-02, F5."""
    let_pass(151)
    delivery.deliver(message.pk)
    assert memory.sent == []
    delivery.deliver_pending(by="poller")
    assert state_of(message) == State.EXPIRED
    assert memory.sent == []


def test_a_token_with_more_than_thirty_seconds_left_is_sent(message: Message, memory: MemoryGateway) -> None:
    """G-02: and the gateway is told how long it may keep it."""
    let_pass(145)
    delivery.deliver(message.pk)
    seconds_left = memory.sent[0].seconds_left
    assert seconds_left is not None
    assert 30 <= seconds_left <= 35


def test_a_fresh_token_is_given_its_whole_life(message: Message, memory: MemoryGateway) -> None:
    """G-02: never more than 180."""
    delivery.deliver(message.pk)
    assert memory.sent[0].seconds_left in range(170, 181)


def test_a_retry_has_less_time_left_than_the_first_try(message: Message, memory: MemoryGateway) -> None:
    """G-02."""
    memory.errors = [gateways.GatewayError("503", Fault.UNSURE)]
    delivery.deliver(message.pk)
    let_pass(20)
    delivery.deliver(message.pk)
    first, second = (parcel.seconds_left for parcel in memory.sent)
    assert first
    assert second
    assert second <= first - 20


def test_notices_do_not_expire(browser: Browser, bob: User) -> None:
    """F36: tokens are dropped, notices are kept."""
    browser.enrol("bob")
    notice = Message.objects.get(kind="notice")
    Message.objects.filter(pk=notice.pk).update(state=State.QUEUED, tries=0)
    let_pass(7 * 24 * 3600)
    delivery.deliver_pending(by="poller")
    assert state_of(notice) == State.SENT


# Nothing to say -------------------------------------------------------------------------------------


def test_a_token_that_was_superseded_is_not_sent(asked: Browser, message: Message) -> None:
    """T-04: only the newest leaves."""
    asked.post("/entrar/canal/", {"channel": "email"})
    entries = deliver()
    assert [entry["channel"] for entry in entries] == ["email"]
    assert state_of(message) == State.EXPIRED


def test_a_token_whose_sign_in_was_ended_is_not_sent(asked: Browser, message: Message) -> None:
    """S-06."""
    asked.post("/sair/")
    assert deliver() == []
    assert state_of(message) == State.EXPIRED


def test_a_token_that_was_used_is_not_sent_again(asked: Browser, message: Message) -> None:
    """T-03."""
    asked.post_token(last_token())
    Message.objects.update(state=State.QUEUED)
    assert len(deliver()) == 1
    assert state_of(message) == State.EXPIRED


def test_a_message_of_a_kind_without_a_renderer_is_closed(message: Message) -> None:
    Message.objects.update(kind="advertisement")
    message.refresh_from_db()
    with pytest.raises(NothingToSay):
        render(message)
    assert deliver() == []
    assert state_of(message) == State.EXPIRED


def test_an_event_without_a_notice_is_closed(bob: User, message: Message) -> None:
    Message.objects.update(kind="notice", subject_id=record_event(Action.SIGN_IN_PENDING, user=bob).pk)
    assert deliver() == []
    assert state_of(message) == State.EXPIRED


# The wake-up ----------------------------------------------------------------------------------------


@pytest.fixture
def wakeups(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Have a broker, and return what it was told."""
    told: list[dict[str, Any]] = []
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: told.append({"name": name, **options}))
    return told


Committing = Callable[..., Any]


def test_only_the_id_travels(
    browser: Browser,
    bobs_phone: PhoneDevice,
    wakeups: list[dict[str, Any]],
    django_capture_on_commit_callbacks: Committing,
) -> None:
    """J-03, T-06: neither number nor token, not even in the repr of the arguments."""
    browser.post_password("bob")
    with django_capture_on_commit_callbacks(execute=True):
        browser.post_channel("sms")
    message = Message.objects.get()
    assert wakeups == [
        {
            "name": "messaging.delivery.tasks.deliver",
            "args": [message.pk],
            "queue": "tokens",
            "argsrepr": str(message.pk),
            "declare": [],
        }
    ]


def test_workers_are_woken_after_the_commit_only(browser: Browser, bobs_phone: PhoneDevice, wakeups: list[Any]) -> None:
    """F14: these tests never commit."""
    browser.post_password("bob")
    browser.post_channel("sms")
    assert Message.objects.exists()
    assert wakeups == []


def test_notices_wait_in_a_queue_of_their_own(
    browser: Browser, bob: User, wakeups: list[dict[str, Any]], django_capture_on_commit_callbacks: Committing
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        browser.enrol("bob")
    assert [told["queue"] for told in wakeups] == ["tokens", "notices"]
    assert not any("expires" in told for told in wakeups), "a worker would judge it by its own clock (F41)"


@pytest.mark.parametrize("path", ["/senha/esqueci/", "/entrar/navegador/"])
def test_no_notice_stands_before_a_link_that_somebody_waits_for(
    bob: User, wakeups: list[dict[str, Any]], django_capture_on_commit_callbacks: Committing, path: str
) -> None:
    """B-01: a mailbox is a way in; its links have a queue of their own, and the sweep takes them before a flood."""
    delivery.enqueue_notices(User.objects.filter(pk=bob.pk), 0, owner_id=None, kind="reminder")
    browser = Browser()
    challenge = challenge_in(browser.get(path).content.decode())
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(
            path, {"email": bob.email, "username": bob.username, "altcha": solve(challenge) if challenge else ""}
        )
    assert [told["queue"] for told in wakeups] == ["links"]
    waiting = Message.objects.sendable().order_by(*looks.order()).values_list("kind", flat=True)
    assert list(waiting) == [Message.objects.get(pk=wakeups[0]["args"][0]).kind, "reminder"]


@pytest.mark.parametrize("error", [OperationalError("refused"), ConnectionResetError("reset"), TimeoutError("frozen")])
def test_an_unreachable_broker_is_logged_and_the_poller_sends(
    browser: Browser,
    bobs_phone: PhoneDevice,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Committing,
    error: Exception,
) -> None:
    """F7, F8, Q-04."""

    def refuse(*args: Any, **options: Any) -> None:
        raise error

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(current_app, "send_task", refuse)
    browser.post_password("bob")
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.post_channel("sms").headers["Location"] == "/entrar/token/"
    message = Message.objects.get()
    assert f"wake-up lost for message {message.pk}" in caplog.text
    assert BOBS_NUMBER not in caplog.text
    assert browser.post_token(last_token()).headers["Location"] == "/"


def test_without_a_broker_nothing_is_woken(settings: Any, wakeups: list[Any]) -> None:
    settings.REDIS_URL = ""
    wakeup.send(1, queue="tokens")
    assert wakeups == []


def test_the_broker_holds_ids_only(message: Message, settings: Any) -> None:
    """J-03: in what kombu really publishes, arguments, their repr and headers alike."""
    settings.REDIS_URL = "memory://"
    with current_app.connection_for_write() as connection:
        assert connection.as_uri().startswith("memory://"), "the tests have no broker"
        wakeup.send(message.pk, queue="tokens")
        queue = connection.SimpleQueue("tokens")
        published = queue.get(block=False)
        published.ack()
        queue.close()
    assert published.headers["argsrepr"] == str(message.pk)
    assert published.headers["kwargsrepr"] == "{}"
    assert published.payload[:2] == [[message.pk], {}]
    challenge = Challenge.objects.get()
    for secret in (challenge.token(), BOBS_NUMBER, "bob", challenge.nonce):
        assert secret not in f"{published.headers} {published.body!r}"


# The poller -----------------------------------------------------------------------------------------


def test_the_poller_sends_what_waits_once(message: Message) -> None:
    """Q-02, Q-04."""
    call_command("deliver_pending", "--once")
    call_command("deliver_pending", "--once")
    assert state_of(message) == State.SENT
    assert len(list(outbox.entries())) == 1


def test_the_sweep_sends_what_waits(message: Message) -> None:
    """F10."""
    watcher.look("worker", threads=1)
    assert state_of(message) == State.SENT


class CountedConnection:
    """Stands for the connection of whichever thread asks."""

    def __init__(self) -> None:
        self.closed: list[int] = []
        self.said: list[str] = []

    def close_if_unusable_or_obsolete(self) -> None:
        self.said.append("looked at")

    def close(self) -> None:
        self.closed.append(threading.get_ident())


def test_a_sweep_opens_a_connection_for_each_thread_and_not_for_each_message(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-02: a backlog of 200 messages had 200 connections made, which cost more than the messages."""
    messages = [message, *Message.objects.bulk_create(copy_of(message) for _ in range(19))]
    connections = CountedConnection()
    monkeypatch.setattr(delivery, "connection", connections)
    monkeypatch.setattr(delivery, "_deliver_safely", lambda number: connections.said.append(str(number)))
    assert delivery.deliver_pending(by="worker", threads=4) == 20
    assert sorted(connections.said) == sorted([*(str(one.pk) for one in messages), *["looked at"] * 20])
    assert 1 <= len(connections.closed) <= 4


def copy_of(message: Message) -> Message:
    names = ("channel", "destination", "kind", "subject_id", "language", "expires_at")
    return Message(**{name: getattr(message, name) for name in names})


def test_no_celery_beat_is_needed(settings: Any) -> None:
    """Q-07: nothing that sends or forgets travels through the broker."""
    assert not current_app.conf.beat_schedule
    assert tasks.deliver.name in current_app.tasks


# The outbox of the embedded default -------------------------------------------------------------------


def test_the_outbox_is_read_as_json_newest_first(asked: Browser, browser: Browser) -> None:
    deliver()
    asked.post("/entrar/canal/", {"channel": "email"})
    deliver()
    response = Browser().get(OUTBOX, headers=JSON)
    assert response.status_code == 200
    entries = response.json()
    assert [set(entry) for entry in entries] == [{"id", "channel", "to", "subject", "text", "created_at"}] * 2
    assert [(entry["channel"], entry["to"]) for entry in entries] == [
        ("email", "bob@example.com"),
        ("sms", BOBS_NUMBER),
    ]
    assert entries[0]["created_at"] > entries[1]["created_at"]
    assert len({entry["id"] for entry in entries}) == 2


def test_the_outbox_is_read_as_a_page(asked: Browser) -> None:
    token = last_token()
    response = Browser().get(OUTBOX)
    assert response.status_code == 200
    assert token in page(response)
    assert "no-store" in response.headers["Cache-Control"]


def test_an_empty_outbox_is_a_page_too() -> None:
    assert Browser().get(OUTBOX).status_code == 200
    assert Browser().get(OUTBOX, headers=JSON).json() == []


def test_a_message_cannot_write_into_the_outbox_page() -> None:
    outbox.put("sms", BOBS_NUMBER, "", "<script>alert(1)</script>")
    assert b"<script>alert(1)" not in Browser().get(OUTBOX).content


@pytest.mark.parametrize("headers", [{}, JSON])
def test_there_is_no_outbox_where_something_can_really_be_sent(
    asked: Browser, settings: Any, headers: dict[str, str]
) -> None:
    deliver()
    settings.OUTBOX_ENABLED = False
    assert Browser().get(OUTBOX, headers=headers).status_code == 404
    assert OUTBOX not in page(Browser().get("/entrar/"))


@pytest.mark.parametrize(
    ("environment", "exists"),
    [
        ({"EMBEDDED": "1"}, True),
        ({"EMBEDDED": "1", "SMS_GATEWAYS": "outbox"}, True),
        ({"EMBEDDED": "1", "SMS_GATEWAYS": "twilio"}, False),
        ({"EMBEDDED": "1", "SMS_GATEWAYS": "twilio,outbox"}, False),
        ({"EMBEDDED": "1", "SMS_GATEWAYS": ""}, True),
        ({"EMBEDDED": "1", "EMAIL_URL": "smtp://localhost:25"}, False),
        (production(), False),
        (production(SMS_GATEWAYS="outbox"), False),
    ],
)
def test_the_outbox_exists_in_the_embedded_default_only(environment: dict[str, str], exists: bool) -> None:
    assert settings_with(**environment)["OUTBOX_ENABLED"] is exists


def test_the_outbox_keeps_the_newest_five_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "KEPT", 3)
    for number in range(5):
        outbox.put("sms", BOBS_NUMBER, "", str(number))
    assert [entry["text"] for entry in outbox.entries()] == ["4", "3", "2"]
    assert [entry["text"] for entry in outbox.entries()] == ["4", "3", "2"]


# Production does not start half configured ------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"SMS_GATEWAYS": ["carrier-pigeon"]}, "delivery.E001"),
        ({"SMS_GATEWAYS": ["twilio"], "TWILIO_ACCOUNT_SID": "AC0"}, "delivery.E002"),
        ({"SMS_GATEWAYS": ["twilio"], "TWILIO_FROM": "+1", "TWILIO_AUTH_TOKEN": "x"}, "delivery.E002"),
        ({"SMS_GATEWAYS": ["outbox"], "EMBEDDED": False}, "delivery.E003"),
    ],
)
def test_a_gateway_that_cannot_send_is_an_error(settings: Any, changed: dict[str, Any], problem: str) -> None:
    for name, value in changed.items():
        setattr(settings, name, value)
    found = checks.run_checks(include_deployment_checks=True)
    assert problem in {message.id for message in found if message.is_serious()}


def test_tokens_come_in_the_language_of_the_person(bob: User, browser: Browser, bobs_phone: PhoneDevice) -> None:
    User.objects.filter(pk=bob.pk).update(language="es")
    browser.post_password("bob")
    browser.post_channel("sms")
    assert Message.objects.get().language == "es"


def test_the_log_of_a_delivery_names_the_message_only(
    message: Message, memory: MemoryGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """J-02."""
    caplog.set_level(logging.DEBUG)
    memory.errors = [gateways.GatewayError("twilio-30006", Fault.NUMBER)]
    delivery.deliver(message.pk)
    assert not re.search(r"\d{9,}", caplog.text.replace("messaging", ""))
    assert sent_to(BOBS_NUMBER) == []
