"""Twilio, Sinch and what stands between them: requests as they leave, answers as they are understood."""

import json
import logging
import re
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certifi
import jsonschema
import pytest
import requests
from django.core import checks
from django.utils.translation import override
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError

from accounts.models import AuditEvent
from messaging.delivery import failure_reasons, gateways
from messaging.delivery import flows as delivery
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Message, State
from messaging.periodic import watcher
from tests.conftest import BOBS_NUMBER, Browser
from tests.fake_network import (
    SINCH,
    SINCH_HOST,
    TWILIO,
    TWILIO_HOST,
    Wire,
    batch,
    form,
    refusal,
    silence,
)
from tests.gateway_tools import (
    BOTH,
    GENERIC,
    ON_ITS_WAY,
    TEXTS,
    TOKEN,
    deliver_for,
    reread,
    told,
)
from tests.tools import ROOT, let_pass, page
from twofactor import error_messages
from twofactor.models import Challenge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

# The fields of operation CreateMessage in Twilio's OpenAPI description, in our own words: github.com/twilio/twilio-oai,
# spec/json/twilio_api_v2010.json at 496e1df3c4f33a27379b4b6a6d03d81a7544ee74. Its "x-twilio" conditions are "allOf".
CREATE_MESSAGE = json.loads((ROOT / "tests" / "data" / "twilio_create_message.json").read_text())

# G-03: Twilio's code and the HTTP status it comes with, what it means, and how often the message is tried.
TABLE = [
    (21211, 400, Fault.NUMBER, 1),
    (21614, 400, Fault.NUMBER, 1),
    (21635, 400, Fault.NUMBER, 1),
    (30005, 400, Fault.NUMBER, 1),
    (30006, 400, Fault.NUMBER, 1),
    (21408, 403, Fault.REGION, 1),
    (60605, 403, Fault.REGION, 1),
    (21610, 400, Fault.OPTED_OUT, 1),
    (60410, 403, Fault.BLOCKED, 1),
    (30450, 400, Fault.BLOCKED, 1),
    (20429, 429, Fault.BUSY, 2),
    (30003, 400, Fault.HANDSET, 2),
    (30007, 400, Fault.FILTERED, 2),
    (30008, 400, Fault.LOST, 2),
    (30036, 400, Fault.HANDSET, 2),
    (20003, 401, Fault.OURS, 2),
    (21606, 400, Fault.OURS, 2),
    (21608, 400, Fault.OURS, 2),
    (30002, 400, Fault.OURS, 2),
    # Codes that we do not know: the status tells.
    (99999, 400, Fault.REFUSED, 2),
    (99999, 401, Fault.OURS, 2),
    (99999, 403, Fault.OURS, 2),
    (20404, 404, Fault.OURS, 2),
    (99999, 429, Fault.BUSY, 2),
    (20500, 500, Fault.UNSURE, 2),
    (20502, 502, Fault.UNSURE, 2),
    (20503, 503, Fault.UNSURE, 2),
]
ALARMS = {
    Fault.OURS: ["circuit of twilio is open: ours"] * 2,
    Fault.REFUSED: ["twilio refuses a message for a reason that we do not know"] * 2,
    Fault.BLOCKED: ["a gateway blocks the numbers that begin as +5511…: it suspects fraud"],
}


# G-03: the table --------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "status", "fault", "calls"), TABLE)
def test_each_error_has_its_fault_its_tries_its_alarm_and_its_words(
    wire: Wire,
    asked: Browser,
    caplog: pytest.LogCaptureFixture,
    code: int,
    status: int,
    fault: Fault,
    calls: int,
) -> None:
    """G-03, G-04, F28, F30, F31, O-17: from Twilio's answer to what the person reads."""
    wire.always[TWILIO_HOST] = refusal(code, status)
    assert told(asked) == ON_ITS_WAY
    deliver_for(50)
    message = Message.objects.get()
    assert (message.state, message.fault, message.error) == (State.FAILED, fault, f"twilio-{code}")
    assert len(wire.requests) == message.tries == calls
    assert len(set(wire.tokens)) == 1
    alarms = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert alarms == ALARMS.get(fault, [])
    assert told(asked) == {"state": "failed", "text": TEXTS[fault]}
    assert TEXTS[fault] in page(asked.get(TOKEN))
    assert AuditEvent.objects.get(action="challenge.failed").data["fault"] == fault  # J-01


def test_every_code_that_is_known_is_in_the_table() -> None:
    """G-03: a new code needs a line above."""
    assert {
        code: fault for code, _status, fault, _calls in TABLE if code in failure_reasons.TWILIO
    } == failure_reasons.TWILIO


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED])
def test_every_fault_has_words(fault: Fault, state: State) -> None:
    """G-03."""
    status = error_messages.delivery_status(Message(channel="sms", state=state, fault=fault))
    assert (status.state, status.text) == ("failed", TEXTS[fault])


@pytest.mark.parametrize("language", ["pt-br", "es"])
def test_the_words_are_in_the_readers_language(language: str) -> None:
    with override(language):
        for fault in Fault:
            assert (
                error_messages.delivery_status(Message(channel="sms", state=State.FAILED, fault=fault)).text
                != TEXTS[fault]
            )


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING, State.SENT])
def test_a_message_on_its_way_is_said_to_be(state: State) -> None:
    assert error_messages.delivery_status(
        Message(channel="sms", state=state, fault=Fault.UNSURE)
    ) == error_messages.DeliveryStatus("going", "On its way.")


def test_who_gets_no_message_reads_what_everybody_reads(asked: Browser) -> None:
    """P-08, C-09: "on its way", for nobody learns that a number is full."""
    Message.objects.all().delete()
    assert told(asked) == ON_ITS_WAY


def test_what_happened_to_an_e_mail_is_not_said_of_a_number() -> None:
    """G-03: an address that the mail server refuses is no phone number."""
    message = Message(channel="email", state=State.FAILED, fault=Fault.NUMBER)
    assert error_messages.delivery_status(message) == error_messages.DeliveryStatus("failed", GENERIC)


def test_an_answer_in_twilios_newer_form_of_errors_is_understood(wire: Wire, message: Message) -> None:
    """G-03: problem details (RFC 9457) carry the same codes."""
    problem = {"type": "https://www.twilio.com/docs/errors/21614", "title": "no", "status": 400, "code": 21614}
    wire.always[TWILIO_HOST] = (400, json.dumps(problem))
    delivery.deliver(message.pk)
    assert (reread(message).fault, message.error) == (Fault.NUMBER, "twilio-21614")


def test_an_error_page_that_is_no_json_is_named_by_its_status(wire: Wire, message: Message) -> None:
    """G-03."""
    wire.always[TWILIO_HOST] = (503, "<html>Service Unavailable</html>")
    delivery.deliver(message.pk)
    assert (reread(message).state, message.fault, message.error) == (State.SENDING, Fault.UNSURE, "twilio-503")


NOBODY: Any = None  # instead of connections to somebody
BROKEN = [
    NewConnectionError(NOBODY, "refused"),
    ConnectTimeoutError("no route"),
    silence(),
    ProtocolError("cut"),
    (201, "not json"),
    (200, ""),
    (302, ""),
]


@pytest.mark.parametrize("answer", BROKEN, ids=str)
def test_what_nobody_can_tell_is_tried_once_more_with_the_same_digits(
    wire: Wire, message: Message, asked: Browser, answer: Any
) -> None:
    """G-03, G-04, F25, F29."""
    wire.always[TWILIO_HOST] = answer
    deliver_for(30)
    taken = answer == (200, "")  # a 2xx without a body is a yes to Twilio's own client
    assert len(wire.requests) == (1 if taken else 2)
    assert reread(message).state == (State.SENT if taken else State.FAILED)
    if not taken:
        assert message.fault == Fault.UNSURE
        assert len(set(wire.tokens)) == 1


@pytest.mark.parametrize("gateway", BOTH)
def test_a_gateway_that_hangs_is_given_up(wire: Wire, message: Message, settings: Any, gateway: str) -> None:
    """G-01, F26, F27: a hard cap on the clock of the wall, whatever the socket does."""
    settings.SMS_GATEWAYS, settings.GATEWAY_CAP_SECONDS = [gateway], 0.05
    slow, let_go, ended = gateways.gateway(gateway), threading.Event(), threading.Event()

    def hang(*_args: Any) -> None:
        let_go.wait(60)
        ended.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(slow), "_create", hang)
        delivery.deliver(message.pk)
    assert not ended.is_set()
    let_go.set()
    assert (reread(message).fault, message.error) == (Fault.UNSURE, "TimeoutError")


# G-02: in time, or not at all ---------------------------------------------------------------------


def test_twilio_gets_the_seconds_left_and_fewer_of_them_at_the_retry(wire: Wire, message: Message) -> None:
    """G-02."""
    wire.answers[TWILIO_HOST] = [(503, "")]
    delivery.deliver(message.pk)
    let_pass(20)
    delivery.deliver(message.pk)
    first, second = (int(form(request)["ValidityPeriod"]) for request in wire.requests)
    assert 175 <= first <= 180
    assert first - 22 <= second <= first - 20


def test_a_notice_has_no_end(wire: Wire, browser: Browser, bob: Any) -> None:
    """G-02: what is kept until it is sent, is kept by the gateway too."""
    notice = Message.objects.create(channel="sms", destination=BOBS_NUMBER, kind="notice", subject_id=1, language="en")
    parcel = gateways.Parcel(BOBS_NUMBER, "x", None, notice.pk, 1)
    gateways.gateway("twilio").send(parcel)
    gateways.gateway("sinch").send(parcel)
    assert "ValidityPeriod" not in form(wire.requests[0])
    assert "expire_at" not in batch(wire.requests[1])


@pytest.mark.parametrize(("age", "calls"), [(148, 1), (151, 0), (179, 0), (500, 0)])
def test_nothing_is_sent_with_less_than_thirty_seconds_left(
    wire: Wire, message: Message, asked: Browser, age: int, calls: int
) -> None:
    """G-02, F5: and the person is told so."""
    let_pass(age)
    delivery.deliver(message.pk)
    delivery.deliver_pending(by="poller")
    assert len(wire.requests) == calls
    assert reread(message).state == (State.SENT if calls else State.EXPIRED)
    if age < 180:
        text = "Nothing came? Ask for another token, or use the other way."
        assert told(asked) == ({"state": "going", "text": text} if calls else {"state": "failed", "text": GENERIC})


def test_a_retry_with_less_than_thirty_seconds_left_is_not_made(wire: Wire, message: Message) -> None:
    """G-02, G-04."""
    wire.answers[TWILIO_HOST] = [(503, "")]
    let_pass(140)
    delivery.deliver(message.pk)
    let_pass(12)
    delivery.deliver_pending(by="poller")
    assert len(wire.requests) == 1
    assert reread(message).state == State.EXPIRED


def test_a_fail_over_with_less_than_thirty_seconds_left_is_not_made(
    wire: Wire, message: Message, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G-02: the first gateway took its time to say no."""
    settings.SMS_GATEWAYS = BOTH

    def slowly(name: str, _parcel: object) -> str:
        assert name == "twilio"
        let_pass(10)
        raise gateways.GatewayError("twilio-20429", Fault.BUSY)

    monkeypatch.setattr(gateways, "send", slowly)
    let_pass(145)
    delivery.deliver(message.pk)
    assert wire.requests == []
    let_pass(10)
    delivery.deliver_pending(by="poller")
    assert reread(message).state == State.EXPIRED


# Twilio's request ---------------------------------------------------------------------------------


def as_typed(fields: dict[str, str]) -> dict[str, Any]:
    """Return a form's fields as the types that the description gives them."""
    kinds = {name: kind["type"] for name, kind in CREATE_MESSAGE["properties"].items()}
    return {name: int(text) if kinds.get(name) == "integer" else text for name, text in fields.items()}


@pytest.mark.parametrize(
    "sender", [{}, {"TWILIO_MESSAGING_SERVICE_SID": "", "TWILIO_FROM": "+15005550006"}], ids=["service", "number"]
)
def test_the_request_fits_twilios_own_description(
    wire: Wire, message: Message, settings: Any, sender: dict[str, str]
) -> None:
    """Issue 3, point 4."""
    for name, value in sender.items():
        setattr(settings, name, value)
    delivery.deliver(message.pk)
    (request,) = wire.requests
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/x-www-form-urlencoded")
    sid = TWILIO["TWILIO_ACCOUNT_SID"]
    assert request.url == f"https://api.twilio.com/2010-04-01/Accounts/{sid}/Messages.json"
    expected = requests.Request("POST", "https://x", auth=(sid, TWILIO["TWILIO_AUTH_TOKEN"])).prepare()
    assert request.headers["Authorization"] == expected.headers["Authorization"]
    fields = as_typed(form(request))
    jsonschema.validate(fields, CREATE_MESSAGE, cls=jsonschema.Draft202012Validator)
    assert re.fullmatch(r"\+[1-9]\d{6,14}", fields["To"])
    assert fields["To"] == BOBS_NUMBER
    assert fields["Body"].endswith(f"@portal.example #{Challenge.objects.get().token()}")
    assert fields["StatusCallback"] == f"https://portal.example/retorno/twilio/{message.pk}/1/"
    assert ("From" in fields, "MessagingServiceSid" in fields) == (bool(sender), not sender)
    assert (reread(message).state, message.gateway, message.gateway_id) == (State.SENT, "twilio", "SM" + "0" * 32)


@pytest.mark.parametrize(
    "wrong",
    [
        {"To": None},
        {"Body": None},
        {"MessagingServiceSid": None},
        {"MessagingServiceSid": "MG1"},
        {"ValidityPeriod": 0},
        {"ValidityPeriod": 14_401},
        {"validity_period": 180},
        {"StatusCallback": "/retorno/"},
    ],
    ids=str,
)
def test_the_description_can_tell_a_wrong_request(wire: Wire, message: Message, wrong: dict[str, Any]) -> None:
    delivery.deliver(message.pk)
    fields = {**as_typed(form(wire.requests[0])), **wrong}
    kept = {name: value for name, value in fields.items() if value is not None}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(kept, CREATE_MESSAGE, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("gateway", BOTH)
def test_every_call_has_its_time_outs_and_follows_nobody(
    wire: Wire, message: Message, settings: Any, gateway: str
) -> None:
    """G-01: to connect and to read; a redirect would carry number and token elsewhere."""
    settings.SMS_GATEWAYS = [gateway]
    wire.always[wire_host(gateway)] = (307, "")
    delivery.deliver(message.pk)
    assert wire.timeouts == [(3, 8)]
    assert len(wire.requests) == 1


@pytest.mark.parametrize("gateway", BOTH)
def test_a_call_has_the_proxy_and_the_certificates_of_the_environment(
    wire: Wire, message: Message, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gateway: str
) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    own = str(tmp_path / "own.pem")
    shutil.copy(certifi.where(), own)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", own)
    settings.SMS_GATEWAYS = [gateway]
    delivery.deliver(message.pk)
    (pool,) = wire.pools
    assert (pool.proxy.url, pool.cert_reqs, pool.ca_certs) == ("http://proxy.example:3128", "CERT_REQUIRED", own)


def wire_host(gateway: str) -> str:
    return {"twilio": TWILIO_HOST, "sinch": SINCH_HOST}[gateway]


def test_twilio_can_be_reached_at_another_address(
    wire: Wire, message: Message, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TWILIO_API_URL = "http://eu.sms.api.sinch.com/"  # any host that the wire knows
    delivery.deliver(message.pk)
    assert str(wire.requests[0].url).startswith("http://eu.sms.api.sinch.com/2010-04-01/Accounts/")


# Sinch --------------------------------------------------------------------------------------------


def test_the_request_to_sinch(wire: Wire, message: Message, settings: Any) -> None:
    """Issue 3, point 5: a batch of one, by the plan's own address, with a bearer token and an end."""
    settings.SMS_GATEWAYS = ["sinch"]
    before = datetime.now(UTC)
    delivery.deliver(message.pk)
    (request,) = wire.requests
    plan = SINCH["SINCH_SERVICE_PLAN_ID"]
    assert (request.method, request.url) == ("POST", f"https://{SINCH_HOST}/xms/v1/{plan}/batches")
    assert request.headers["Authorization"] == f"Bearer {SINCH['SINCH_API_TOKEN']}"
    assert request.headers["Content-Type"] == "application/json"
    sent = batch(request)
    expire_at = sent.pop("expire_at")
    assert sent == {
        "from": SINCH["SINCH_FROM"],
        "to": [BOBS_NUMBER[1:]],
        "body": wire.texts[0],
        "delivery_report": "per_recipient",
        "callback_url": gateways.sinch_callback_url(message.pk, 1),
        "client_reference": str(message.pk),
    }
    assert wire.tokens == [Challenge.objects.get().token()]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", expire_at)
    assert 170 <= (datetime.fromisoformat(expire_at) - before).total_seconds() <= 181
    assert (reread(message).state, message.gateway) == (State.SENT, "sinch")
    assert message.gateway_id == "01FC66621XXXXX119Z8PMV1QPQ"


@pytest.mark.parametrize(
    ("answer", "fault", "error"),
    [
        ((400, '{"code": "syntax_invalid_parameter_format", "text": "no"}'), Fault.REFUSED, "sinch-400"),
        ((401, ""), Fault.OURS, "sinch-401"),
        ((402, ""), Fault.OURS, "sinch-402"),
        ((403, '{"code": "blocked_account", "text": "no"}'), Fault.OURS, "sinch-403"),
        ((404, ""), Fault.OURS, "sinch-404"),
        ((429, ""), Fault.BUSY, "sinch-429"),
        ((500, ""), Fault.UNSURE, "sinch-500"),
        ((503, "<html>"), Fault.UNSURE, "sinch-503"),
        ((302, ""), Fault.UNSURE, "sinch-302"),
        ((201, "not json"), Fault.UNSURE, "JSONDecodeError"),
        ((201, "{}"), Fault.UNSURE, "KeyError"),
        ((201, "[]"), Fault.UNSURE, "TypeError"),
        (MaxRetryError(NOBODY, "/", NewConnectionError(NOBODY, "refused")), Fault.UNSURE, "ConnectionError"),
        (silence(), Fault.UNSURE, "ReadTimeout"),
    ],
    ids=str,
)
def test_each_answer_of_sinch_becomes_its_fault(
    wire: Wire, message: Message, asked: Browser, settings: Any, answer: Any, fault: Fault, error: str
) -> None:
    """Issue 3, point 5: sorted as Twilio's answers are, by the status."""
    settings.SMS_GATEWAYS = ["sinch"]
    wire.always[SINCH_HOST] = answer
    deliver_for(50)
    assert (reread(message).state, message.fault, message.error) == (State.FAILED, fault, error)
    assert len(wire.requests) == (1 if fault.is_final else 2)
    assert len(set(wire.tokens)) == 1
    assert told(asked)["text"] == TEXTS[fault]


# Production does not start half configured ------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({}, []),
        ({"SMS_GATEWAYS": BOTH}, []),
        ({"SMS_GATEWAYS": []}, []),
        ({"SMS_GATEWAYS": ["twillio"]}, ["delivery.E001"]),
        ({"TWILIO_ACCOUNT_SID": ""}, ["delivery.E002"]),
        ({"TWILIO_AUTH_TOKEN": ""}, ["delivery.E002"]),
        ({"TWILIO_MESSAGING_SERVICE_SID": ""}, ["delivery.E002"]),
        ({"TWILIO_MESSAGING_SERVICE_SID": "", "TWILIO_FROM": "+15005550006"}, []),
        ({"SMS_GATEWAYS": ["sinch"], "TWILIO_AUTH_TOKEN": ""}, []),
        ({"SMS_GATEWAYS": BOTH, "SINCH_SERVICE_PLAN_ID": ""}, ["delivery.E004"]),
        ({"SMS_GATEWAYS": BOTH, "SINCH_API_TOKEN": ""}, ["delivery.E004"]),
        ({"SMS_GATEWAYS": BOTH, "SINCH_FROM": ""}, ["delivery.E004"]),
        ({"SMS_GATEWAYS": ["outbox"], "EMBEDDED": True}, []),
        ({"SMS_GATEWAYS": ["outbox"]}, ["delivery.E003"]),
        ({"SMS_GATEWAYS": ["twilio", "outbox"]}, ["delivery.E003"]),
        (
            {"SMS_GATEWAYS": ["x", *BOTH, "outbox"], "SINCH_FROM": "", "TWILIO_ACCOUNT_SID": ""},
            ["delivery.E001", "delivery.E002", "delivery.E003", "delivery.E004"],
        ),
    ],
    ids=str,
)
def test_each_gateway_needs_what_it_sends_with(
    wire: Wire, settings: Any, changed: dict[str, Any], problems: list[str]
) -> None:
    """Issue 3, point 8: E001 to E004."""
    settings.EMBEDDED = False
    for name, value in changed.items():
        setattr(settings, name, value)
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    assert sorted(str(problem.id) for problem in found if str(problem.id).startswith("delivery.")) == problems
    assert all(problem.hint for problem in found if str(problem.id).startswith("delivery."))


def test_a_sender_loads_its_gateways_before_the_first_message(settings: Any) -> None:
    """Loading Twilio's library took 0.5 s on a busy machine, which nobody is to wait for."""
    settings.SMS_GATEWAYS = BOTH
    gateways.gateway.cache_clear()
    stopped = threading.Event()
    stopped.set()
    watcher.watch("worker", stopped)
    assert gateways.gateway.cache_info().currsize == len(BOTH)
