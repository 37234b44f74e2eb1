"""What Sinch reports about a message: at an address that we signed, forward only, and opening nothing."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client

from messaging.delivery import gateways
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Message, OpenCircuit, State
from tests.conftest import BOBS_NUMBER, Browser
from tests.database_dump import dump
from tests.test_reports import GENERIC, state_of, told
from twofactor.models import Challenge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

BATCH = "01FC66621XXXXX119Z8PMV1QPQ"


@pytest.fixture
def message(asked: Browser) -> Message:
    """Return Bob's message once Sinch has taken it."""
    Message.objects.update(state=State.SENT, tries=1, gateway="sinch", gateway_id=BATCH)
    return Message.objects.get()


def path_of(message_id: int, tries: int = 1) -> str:
    return urlsplit(gateways.sinch_callback_url(message_id, tries)).path


def post(path: str, body: object) -> Any:
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return Client(enforce_csrf_checks=True).post(path, content, content_type="application/json")


def report(message_id: int, status: object, code: object = 0, *, tries: int = 1) -> Any:
    """Report as Sinch does."""
    kind = {"type": "recipient_delivery_report_sms", "batch_id": BATCH, "recipient": BOBS_NUMBER[1:]}
    return post(path_of(message_id, tries), {**kind, "status": status, "code": code, "at": "2026-11-24T12:00:00.000Z"})


def test_a_report_at_the_signed_address_is_taken(message: Message, asked: Browser) -> None:
    response = report(message.pk, "Delivered")
    assert (response.status_code, response.content) == (204, b"")
    assert (state_of(message), message.gateway, message.gateway_id) == (State.DELIVERED, "sinch", BATCH)
    assert told(asked) == {"state": "arrived", "text": "Delivered to the phone."}


def test_a_report_anywhere_else_is_refused(message: Message) -> None:
    """G-05: another message, another call, another salt, another key, nothing at all."""
    good = path_of(message.pk).removesuffix("/").rsplit("/", 1)[1]
    _call, signature = good.split(":")
    forged = [
        f"{message.pk}-2:{signature}",
        f"{message.pk + 1}-1:{signature}",
        f"{message.pk}-1",
        f"{message.pk}-1:",
        good + "x",
        signing.Signer(salt="another").sign(f"{message.pk}-1"),
        signing.Signer(key="another", salt=gateways.SINCH_REPORTS).sign(f"{message.pk}-1"),
        "é:\x00",
    ]
    before = dump()
    for signed in forged:
        assert post(f"/retorno/sinch/{signed}/", {"status": "Delivered"}).status_code == 403, signed
    assert dump() == before
    assert Client().get(path_of(message.pk)).status_code == 405


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [
        (State.SENDING, "Dispatched", State.SENT),
        (State.SENDING, "Delivered", State.DELIVERED),
        (State.SENT, "Queued", State.SENT),
        (State.SENT, "Unknown", State.SENT),
        *[(State.SENT, status, State.FAILED) for status in ("Aborted", "Cancelled", "Rejected", "Failed")],
        *[(State.DELIVERED, status, State.DELIVERED) for status in ("Dispatched", "Failed", "Delivered")],
        *[(State.FAILED, status, State.FAILED) for status in ("Dispatched", "Delivered")],
        (State.QUEUED, "Delivered", State.QUEUED),
    ],
)
def test_a_message_moves_forward_only(message: Message, before: str, status: str, after: str) -> None:
    """G-06, F34: and only once."""
    Message.objects.update(state=before)
    assert report(message.pk, status).status_code == 204
    assert state_of(message) == after
    rows = dump()
    report(message.pk, status)
    assert dump() == rows


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        ("Rejected", 402, Fault.NUMBER),
        ("Failed", 404, Fault.HANDSET),
        ("Expired", 406, Fault.HANDSET),
        ("Aborted", 412, Fault.REGION),
        ("Aborted", 413, Fault.OURS),
        ("Deleted", 0, Fault.NUMBER),
        ("Expired", None, Fault.HANDSET),
        ("Failed", 403, Fault.UNSURE),
        ("Failed", "402", Fault.UNSURE),
        ("Failed", [402], Fault.UNSURE),
    ],
)
def test_the_page_says_why(message: Message, asked: Browser, status: str, code: object, fault: Fault) -> None:
    """G-03, F32; a fault of ours calls the operator (F31)."""
    report(message.pk, status, code)
    assert (state_of(message), message.fault) == (State.FAILED, fault)
    shown = told(asked)
    assert shown["state"] == "failed"
    assert (shown["text"] == GENERIC) == (fault in {Fault.OURS, Fault.UNSURE})
    assert OpenCircuit.objects.filter(name="sinch").exists() == (fault is Fault.OURS)


def test_a_late_failure_of_an_earlier_call_counts_for_nothing(message: Message) -> None:
    """F29."""
    Message.objects.update(tries=2)
    report(message.pk, "Failed", 402, tries=1)
    assert state_of(message) == State.SENT


GARBAGE = ["", "x", "[]", "null", "{}", "[" * 100_000, b"\xff", '{"status": ["Delivered"]}', '{"status": null}']


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: ascii(text[:12]))
def test_garbage_is_no_error_and_changes_nothing(message: Message, garbage: str) -> None:
    """G-06."""
    before = dump()
    assert post(path_of(message.pk), garbage).status_code == 204
    assert dump() == before


def test_a_report_opens_nothing(message: Message, asked: Browser) -> None:
    """G-06, Q-05."""
    before = dump(without={"delivery_message"})
    assert not report(message.pk, "Delivered").cookies
    assert dump(without={"delivery_message"}) == before
    assert not asked.is_in()
    assert asked.post_token(Challenge.objects.get().token()).headers["Location"] == "/"
