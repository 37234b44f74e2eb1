"""What Twilio reports about a message: signed, forward only, and opening nothing."""

import logging
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from twilio.request_validator import RequestValidator

from accounts.models import AuditEvent, User
from messaging.database import clock_plus
from messaging.delivery import flows as delivery
from messaging.delivery import gateways, leases
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Message, OpenCircuit, State
from tests.conftest import BOBS_NUMBER, Browser
from tests.database_dump import dump
from tests.tools import let_pass
from twofactor.models import Challenge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

AUTH_TOKEN = "the auth token of the tests"
PUBLIC_URL = "https://portal.example"
STATUS = "/entrar/token/estado/"
GENERIC = "We could not send it. Try again or use the other way."
SID = "SM" + "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def twilio(settings: Any) -> None:
    """Have an auth token of Twilio's, and a public address that is not the one that tests talk to."""
    settings.TWILIO_AUTH_TOKEN, settings.PUBLIC_URL = AUTH_TOKEN, PUBLIC_URL


@pytest.fixture
def message(asked: Browser) -> Message:
    """Return Bob's message once Twilio has taken it."""
    Message.objects.update(state=State.SENT, tries=1, gateway="twilio", gateway_id=SID)
    return Message.objects.get()


def path_of(message_id: object, tries: object = 1) -> str:
    return f"/retorno/twilio/{message_id}/{tries}/"


def signature(url: str, fields: dict[str, str], token: str = AUTH_TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(url, fields))


def report(message_id: object, status: str = "delivered", *, tries: int = 1, **fields: str) -> Any:
    """Report as Twilio does."""
    path = path_of(message_id, tries)
    sent = {"MessageSid": SID, "MessageStatus": status, "To": BOBS_NUMBER, "AccountSid": "AC0", **fields}
    signed = signature(PUBLIC_URL + path, sent)
    return Client(enforce_csrf_checks=True).post(path, sent, headers={"x-twilio-signature": signed})


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def told(browser: Browser) -> Any:
    return browser.get(STATUS, headers={"accept": "application/json"}).json()


# G-05: signed -----------------------------------------------------------------------------------

FIELDS = {"MessageSid": SID, "MessageStatus": "delivered"}


def test_a_signed_report_is_taken(message: Message, asked: Browser) -> None:
    """G-05."""
    response = report(message.pk)
    assert (response.status_code, response.content) == (204, b"")
    assert (state_of(message), message.gateway_id) == (State.DELIVERED, SID)
    assert message.reported_at
    assert told(asked) == {"state": "arrived", "text": "Delivered to the phone."}


def test_nobody_is_told_that_a_phone_which_was_only_typed_has_received_it(bob: User) -> None:
    """C-09, P-08: it would tell a withheld message from one that left; a failure is told, for it helps who mistyped."""
    browser = Browser()
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    browser.post_phone()
    sent = Message.objects.get(channel="sms")
    Message.objects.filter(pk=sent.pk).update(state=State.DELIVERED)
    assert told(browser) == {"state": "going", "text": "On its way."}
    let_pass(61)
    assert told(browser)["text"].startswith("Nothing came?")
    Message.objects.filter(pk=sent.pk).update(state=State.FAILED, fault="number")
    assert told(browser)["state"] == "failed"


@pytest.mark.parametrize(
    ("signed_url", "signed_fields", "token"),
    [
        ("{public}{path}", {**FIELDS, "MessageStatus": "sent"}, AUTH_TOKEN),
        ("{public}{path}", {"MessageStatus": "delivered"}, AUTH_TOKEN),  # one field more was sent than signed
        ("{public}{path}", {**FIELDS, "ErrorCode": "30006"}, AUTH_TOKEN),
        ("{public}{path}", {}, AUTH_TOKEN),
        ("{public}{path}", FIELDS, "another auth token"),
        ("{public}{path}", FIELDS, ""),
        ("{public}{other}", FIELDS, AUTH_TOKEN),
        ("https://evil.example{path}", FIELDS, AUTH_TOKEN),
        ("http://portal.example{path}", FIELDS, AUTH_TOKEN),
        ("http://testserver{path}", FIELDS, AUTH_TOKEN),
        ("{public}{path}?x=1", FIELDS, AUTH_TOKEN),
    ],
    ids=str,
)
def test_a_report_signed_for_anything_else_is_refused(
    message: Message, signed_url: str, signed_fields: dict[str, str], token: str
) -> None:
    """G-05: other fields, key, message or address, also that of the request itself."""
    before = dump()
    path = path_of(message.pk)
    url = signed_url.format(public=PUBLIC_URL, path=path, other=path_of(message.pk + 1))
    signed = signature(url, signed_fields, token)
    response = Client().post(path, FIELDS, headers={"x-twilio-signature": signed})
    assert response.status_code == 403
    assert dump() == before


@pytest.mark.parametrize("header", [None, "", "x", "=" * 28, "é", "A" * 9_000, "\x00"])
def test_a_report_without_a_signature_is_refused(message: Message, header: str | None) -> None:
    """G-05: 403, never an error."""
    headers = {} if header is None else {"x-twilio-signature": header}
    assert Client().post(path_of(message.pk), FIELDS, headers=headers).status_code == 403
    assert Client().post(path_of(message.pk), headers=headers).status_code == 403
    assert state_of(message) == State.SENT


def test_where_twilio_is_not_in_use_nobody_can_report(message: Message, settings: Any) -> None:
    """G-05: everybody can sign with an empty key."""
    settings.TWILIO_AUTH_TOKEN = ""
    signed = signature(PUBLIC_URL + path_of(message.pk), FIELDS, "")
    assert Client().post(path_of(message.pk), FIELDS, headers={"x-twilio-signature": signed}).status_code == 403
    assert state_of(message) == State.SENT


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_a_report_is_posted(message: Message, method: str) -> None:
    """G-05."""
    response = getattr(Client(), method)(path_of(message.pk))
    assert response.status_code == 405


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "testserver"])
def test_the_signature_is_for_the_public_address_whatever_the_request_says(
    message: Message, host: str, secure: bool
) -> None:
    """G-05, W-03: behind a proxy the request's own address is another one."""
    signed = signature(PUBLIC_URL + path_of(message.pk), FIELDS)
    headers = {"x-twilio-signature": signed, "host": host}
    response = Client().post(path_of(message.pk), FIELDS, headers=headers, secure=secure)
    assert response.status_code == 204
    assert state_of(message) == State.DELIVERED


def test_the_address_that_twilio_is_given_is_the_one_that_is_checked(message: Message) -> None:
    """G-05."""
    url = gateways.twilio_callback_url(message.pk, 1)
    assert url == PUBLIC_URL + path_of(message.pk)
    signed = signature(url, FIELDS)
    assert Client().post(urlsplit(url).path, FIELDS, headers={"x-twilio-signature": signed}).status_code == 204


# G-06: forward only -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [
        (State.SENDING, "sent", State.SENT),
        (State.SENDING, "delivered", State.DELIVERED),
        (State.SENDING, "undelivered", State.FAILED),
        (State.SENDING, "failed", State.FAILED),
        (State.SENT, "sent", State.SENT),
        (State.SENT, "delivered", State.DELIVERED),
        (State.SENT, "undelivered", State.FAILED),
        (State.SENT, "failed", State.FAILED),
        *[(State.DELIVERED, status, State.DELIVERED) for status in ("sent", "undelivered", "failed", "delivered")],
        *[(State.FAILED, status, State.FAILED) for status in ("sent", "undelivered", "failed", "delivered")],
        *[(State.EXPIRED, status, State.EXPIRED) for status in ("sent", "undelivered", "failed", "delivered")],
        *[(State.QUEUED, status, State.QUEUED) for status in ("sent", "undelivered", "failed", "delivered")],
        *[(State.SENT, status, State.SENT) for status in ("accepted", "queued", "sending", "read", "canceled")],
    ],
)
def test_a_message_moves_forward_only(message: Message, before: str, status: str, after: str) -> None:
    """G-06, F34."""
    Message.objects.update(state=before)
    assert report(message.pk, status, ErrorCode="30006").status_code == 204
    assert state_of(message) == after
    assert bool(message.reported_at) == (before != after)


def test_a_token_that_is_not_delivered_is_in_the_audit_log_of_its_person(message: Message, bob: User) -> None:
    """J-01: once, whatever is reported again."""
    for _ in range(2):
        report(message.pk, "undelivered", ErrorCode="30006")
    event = AuditEvent.objects.get(action="challenge.failed")
    assert (event.user, event.account) == (bob, bob.account)
    challenge = Challenge.objects.get().pk
    assert event.data == {"purpose": "login", "channel": "sms", "challenge": challenge, "fault": "number"}


def test_a_report_that_comes_twice_changes_nothing_the_second_time(message: Message) -> None:
    """G-06, F34."""
    report(message.pk, "undelivered", ErrorCode="30003")
    before = dump()
    for _ in range(2):
        assert report(message.pk, "undelivered", ErrorCode="30003").status_code == 204
        assert report(message.pk, "undelivered", ErrorCode="30006").status_code == 204
    assert dump() == before


def test_reports_that_come_in_reverse_order_end_the_same(message: Message) -> None:
    """G-06, F34."""
    Message.objects.update(state=State.SENDING)
    for status in ("delivered", "sent", "sending", "queued"):
        assert report(message.pk, status).status_code == 204
    assert state_of(message) == State.DELIVERED


def test_a_report_may_overtake_our_commit(message: Message) -> None:
    """F34: what the slow worker then records changes nothing, and nobody sends again."""
    Message.objects.update(state=State.SENDING, gateway="", gateway_id="")
    slow = Message.objects.get()
    report(message.pk, "delivered")
    leases.note_sent(slow, "twilio", SID)
    delivery.deliver_pending(by="poller")
    assert (state_of(message), message.gateway, message.gateway_id) == (State.DELIVERED, "twilio", SID)


def test_a_report_settles_a_call_whose_answer_was_lost(message: Message) -> None:
    """F29, F34: what Twilio says it sent is not sent again."""
    Message.objects.update(state=State.SENDING, leased_until=clock_plus(-1), gateway="", gateway_id="")
    report(message.pk, "sent")
    assert not Message.objects.sendable().exists()
    assert (state_of(message), message.gateway_id) == (State.SENT, SID)


@pytest.mark.parametrize("row", [{"state": State.SENDING, "gateway_id": ""}, {"state": State.SENT}], ids=str)
def test_a_late_failure_of_the_first_call_does_not_fail_what_the_second_carries(
    message: Message, asked: Browser, row: dict[str, Any]
) -> None:
    """F29, F35: the first gateway lost it, the second one has it or is taking it; its own failure counts."""
    Message.objects.update(tries=2, gateway="sinch", **row)
    before = dump()
    assert report(message.pk, "undelivered", ErrorCode="30006").status_code == 204
    assert dump() == before
    assert told(asked)["state"] == "going"
    report(message.pk, "failed", tries=2, ErrorCode="30006")
    assert told(asked)["state"] == "failed"


def test_what_the_first_call_delivered_is_delivered(message: Message, asked: Browser) -> None:
    """F29: the first call went through after all, while a second one was made."""
    Message.objects.update(state=State.SENDING, tries=2, gateway="", gateway_id="")
    report(message.pk, "delivered")
    assert (state_of(message), message.gateway, message.gateway_id) == (State.DELIVERED, "twilio", SID)


@pytest.mark.parametrize("message_id", [10**6, 10**18, 10**40])
def test_a_report_about_an_unknown_message_is_ignored(message: Message, message_id: int) -> None:
    """G-06."""
    before = dump()
    assert report(message_id).status_code == 204
    assert dump() == before


@pytest.mark.parametrize("message_id", ["-1", "x", "1e3", "9" * 5_000, "１"])
def test_an_address_that_names_no_message_is_not_there(message: Message, message_id: str) -> None:
    assert Client().post(path_of(message_id), FIELDS).status_code == 404


GARBAGE = ["", "x", "-1", "1e5", "３０００６", "30006.0", "0", "30006 ", "\x00", "9" * 5_000, "1' OR '1'='1", "²"]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: ascii(text[:12]))
def test_garbage_from_twilio_is_no_error(message: Message, asked: Browser, garbage: str) -> None:
    """G-06: signed or not, what a report says is text."""
    assert report(message.pk, garbage).status_code == 204
    assert state_of(message) == State.SENT
    assert report(message.pk, "undelivered", ErrorCode=garbage, MessageSid=garbage).status_code == 204
    assert (state_of(message), message.fault, message.error) == (State.FAILED, "", "")
    assert "\x00" not in message.gateway_id
    assert len(message.gateway_id) <= 64
    assert told(asked) == {"state": "failed", "text": GENERIC}


def test_a_report_without_fields_changes_nothing(message: Message) -> None:
    """G-06."""
    path = path_of(message.pk)
    signed = signature(PUBLIC_URL + path, {})
    for content_type in ("application/x-www-form-urlencoded", "application/json", "text/plain"):
        response = Client().post(path, b"", content_type=content_type, headers={"x-twilio-signature": signed})
        assert response.status_code == 204
    assert state_of(message) == State.SENT


# What the person reads ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "fault", "text"),
    [
        ("30003", Fault.HANDSET, "Not delivered: the phone is switched off or out of reach."),
        ("30007", Fault.FILTERED, "Not delivered: the carrier of this number filtered the message out."),
        ("30008", Fault.LOST, "Not delivered, and the carrier does not say why."),
        ("30036", Fault.HANDSET, "Not delivered: the phone is switched off or out of reach."),
        ("30005", Fault.NUMBER, "Not delivered: this number cannot receive it."),
        ("30006", Fault.NUMBER, "Not delivered: this number cannot receive it."),
        ("21610", Fault.OPTED_OUT, "Not delivered: this number has refused our messages at its carrier."),
        ("60410", Fault.BLOCKED, "Not delivered: the carrier blocks this range of numbers."),
        ("21408", Fault.REGION, "Not delivered: we cannot send SMS to this country."),
        ("30002", Fault.OURS, GENERIC),
        ("30001", Fault.UNSURE, GENERIC),
    ],
)
@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_the_person_is_told_why_it_was_not_delivered(
    message: Message, asked: Browser, status: str, code: str, fault: Fault, text: str
) -> None:
    """G-03, F32: and nothing is sent again by itself."""
    report(message.pk, status, ErrorCode=code)
    assert (state_of(message), message.fault, message.error) == (State.FAILED, fault, f"twilio-{code}")
    assert told(asked) == {"state": "failed", "text": text}
    assert text in asked.get("/entrar/token/").content.decode()
    assert delivery.deliver_pending(by="poller") == 0


def test_a_fault_of_ours_that_comes_by_report_alarms_the_operator_once(
    message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    """G-03, F31: account suspended."""
    for _ in range(3):
        report(message.pk, "undelivered", ErrorCode="30002")
    alarms = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert alarms == ["circuit of twilio is open: ours"]
    assert OpenCircuit.objects.get().name == "twilio"


@pytest.mark.parametrize("code", ["30003", "30006", "30008", "30001", "99999", ""])
def test_what_becomes_of_one_message_opens_no_circuit(message: Message, code: str) -> None:
    """F35."""
    report(message.pk, "undelivered", ErrorCode=code)
    assert not OpenCircuit.objects.exists()


# G-06: it opens nothing -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["sent", "delivered", "undelivered", "failed"])
def test_a_report_opens_nothing(message: Message, asked: Browser, status: str) -> None:
    """G-06, Q-05: it touches the message alone; the token is as good or as bad as before."""
    before = dump(without={"delivery_message", "accounts_auditevent"})
    answer = report(message.pk, status, ErrorCode="30006")
    assert not answer.cookies
    assert dump(without={"delivery_message", "accounts_auditevent"}) == before
    assert not asked.is_in()
    challenge = Challenge.objects.get()
    assert challenge.is_open
    assert not AuditEvent.objects.filter(action="sign_in.verified").exists()
    assert asked.post_token(challenge.token()).headers["Location"] == "/"
