"""manage.py doctor: one plain sentence about each dependency, and nothing is sent."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest import mock

import pytest
import requests
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone
from django_recaptcha.client import RecaptchaResponse

from accounts.models import User
from messaging.delivery.models import Heartbeat, Message, OpenCircuit
from tests.authenticator import give_passkey
from tests.fake_network import SINCH_HOST, TWILIO_HOST, Wire, in_place_of_the_network, refusal, silence

pytestmark = pytest.mark.django_db


@pytest.fixture
def wire(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    for wire in in_place_of_the_network(settings, monkeypatch):
        settings.ALLOWED_HOSTS = ["portal.example"]
        wire.always["portal.example"] = (200, "ok\n")
        wire.always[TWILIO_HOST] = (200, json.dumps({"sid": "AC0", "status": "active"}))
        wire.always[SINCH_HOST] = (200, json.dumps({"batches": []}))
        yield wire


def doctor() -> tuple[int, str]:
    """Return the exit code and what was said."""
    out = StringIO()
    try:
        call_command("doctor", stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_a_healthy_portal_gets_one_good_sentence_for_each_part(wire: Wire, settings: Any) -> None:
    settings.SMS_GATEWAYS = ["twilio", "sinch"]
    Heartbeat.objects.create(name="worker")
    code, said = doctor()
    assert code == 0
    assert [line.split(":")[0] for line in said.splitlines()] == [
        "ok      Settings",
        "ok      Public address",
        "ok      Database",
        "ok      Migrations",
        "look    Broker",
        "ok      Sender",
        "ok      SMS by twilio",
        "ok      SMS by sinch",
        "ok      E-mail",
        "ok      Token key",
        "ok      Factor keys",
        "ok      Passkeys",
        "ok      Captcha",
    ]
    assert [request.method for request in wire.requests] == ["GET"] * 3
    assert not Message.objects.exists()


def test_what_is_broken_is_named_and_ends_with_one(wire: Wire, settings: Any) -> None:
    settings.SMS_GATEWAYS = ["twilio", "sinch"]
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        1,
    )
    settings.ALLOWED_HOSTS = ["other.example"]
    settings.TOKEN_KEY_PREVIOUS = "the one before"
    wire.always["portal.example"] = requests.ConnectionError()
    wire.always[TWILIO_HOST] = refusal(20003, 401)
    wire.always[SINCH_HOST] = silence()
    OpenCircuit.objects.create(name="twilio", open_until=timezone.now(), fault="ours")
    with mock.patch("messaging.delivery.wakeup.ping", side_effect=OSError):
        code, said = doctor()
    assert code == 1
    for sentence in (
        "BROKEN  Public address: portal.example is not in ALLOWED_HOSTS",
        "look    Public address: https://portal.example does not answer from here (ConnectionError).",
        "look    Broker: it does not answer (OSError); messages leave by the poller only.",
        "BROKEN  Sender: no worker and no poller has ever looked for messages.",
        "BROKEN  SMS by twilio: it refuses our credentials (twilio-20003).",
        "BROKEN  SMS by sinch: it does not answer as it should (ReadTimeout).",
        "look    SMS by twilio: not used since",
        "BROKEN  E-mail by 127.0.0.1:1: it does not answer as it should (ConnectionRefusedError).",
        "look    Token key: TOKEN_KEY_PREVIOUS is still set",
    ):
        assert sentence in said


def test_a_database_that_is_down_is_reported_and_the_rest_is_still_examined(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messaging.delivery.doctor.connection.cursor", mock.Mock(side_effect=OperationalError))
    monkeypatch.setattr("messaging.delivery.flows.silence", mock.Mock(side_effect=OperationalError))
    code, said = doctor()
    assert code == 1
    assert "BROKEN  Database: it does not answer (OperationalError). Nobody can sign in." in said
    assert "BROKEN  Sender: cannot be examined without the database." in said
    assert "ok      SMS by twilio" in said


def test_a_wrong_clock_and_a_silent_sender_are_reported(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """F40, Q-06."""
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(minutes=5))
    Message.objects.create(channel="email", destination="x", kind="notice", subject_id=0, language="en")
    monkeypatch.setattr("messaging.delivery.doctor.time.time", mock.Mock(return_value=time.time() - 120))
    code, said = doctor()
    assert code == 1
    assert "look    Database: it answers, but its clock is +1" in said
    assert "BROKEN  Sender: nobody has looked for messages for 30" in said  # seconds, and those of a slow machine
    assert "look    Queue: 1 messages wait to be sent." in said


def test_half_a_gateway_is_reported_by_the_checks_that_guard_the_start(wire: Wire, settings: Any) -> None:
    settings.TWILIO_AUTH_TOKEN = ""
    code, said = doctor()
    assert code == 1
    assert "BROKEN  Settings: The gateway twilio is configured without credentials or sender." in said


def test_a_portal_without_sms_says_what_that_means(wire: Wire, settings: Any) -> None:
    settings.SMS_GATEWAYS = []
    assert (
        "look    SMS: no gateway is configured (SMS_GATEWAYS); two factor authentication cannot be switched on."
        in doctor()[1]
    )


@pytest.mark.parametrize(
    ("against", "fallback", "said"),
    [
        (
            ["invalid-input-response"],
            False,
            "ok      Captcha: reCAPTCHA's verifier at www.google.com answers and knows",
        ),
        (["invalid-input-secret"], False, "BROKEN  Captcha: reCAPTCHA's verifier at www.google.com does not know"),
        (None, False, "BROKEN  Captcha: reCAPTCHA's verifier at www.google.com does not answer; nobody gets a token."),
        (None, True, "look    Captcha: reCAPTCHA's verifier at www.google.com does not answer; people get the self-"),
    ],
)
def test_the_verifier_of_recaptcha_is_asked_where_it_is_in_force(
    wire: Wire, settings: Any, monkeypatch: pytest.MonkeyPatch, against: list[str] | None, fallback: bool, said: str
) -> None:
    """C-05. The one over HTTPS is asked in ``services/test_captcha_verifier.py``."""
    settings.RECAPTCHA_ENABLED, settings.CAPTCHA_FALLBACK = True, fallback
    answer = mock.Mock(return_value=RecaptchaResponse(is_valid=False, error_codes=against))
    monkeypatch.setattr("twofactor.captcha._ask_google", mock.Mock(side_effect=OSError) if against is None else answer)
    assert said in doctor()[1]


@pytest.mark.parametrize(("name", "host"), [("twilio", TWILIO_HOST), ("sinch", SINCH_HOST)])
@pytest.mark.parametrize("nonsense", ["[]", "null", "[1]", "<html>"])
def test_a_gateway_that_answers_nonsense_is_reported_and_the_rest_is_examined(
    wire: Wire, settings: Any, name: str, host: str, nonsense: str
) -> None:
    settings.SMS_GATEWAYS = [name]
    wire.always[host] = (200, nonsense)
    said = doctor()[1]
    assert f"SMS by {name}: it " in said
    assert "ok      Captcha" in said


@pytest.mark.parametrize("location", ["https://portal.example/entrar/", "/entrar/"])
def test_a_page_that_redirects_to_itself_is_reported(wire: Wire, location: str) -> None:
    """O-04: the address for machines is exempt from the redirect to https; a page is not."""
    wire.always["portal.example"] = (301, location)
    code, said = doctor()
    assert code == 1
    assert "BROKEN  Public address: https://portal.example/entrar/ redirects to itself" in said
    assert "set TRUSTED_PROXY_COUNT" in said


@pytest.mark.parametrize("answer", [(502, ""), (400, ""), (302, "https://elsewhere.example/")])
def test_a_sign_in_page_that_does_not_answer_200_is_reported(wire: Wire, answer: tuple[int, str]) -> None:
    wire.always["portal.example"] = answer
    code, said = doctor()
    assert code == 1
    assert f"https://portal.example/entrar/ answers {answer[0]} instead of 200; nobody can sign in." in said


def test_an_audit_log_without_its_triggers_is_broken(wire: Wire, settings: Any) -> None:
    """J-01."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP TRIGGER audit_only_grows ON accounts_auditevent")
        else:
            cursor.execute("DROP TRIGGER audit_is_not_changed")
    code, said = doctor()
    assert code == 1
    assert "BROKEN  Database: The audit log of the database default is not protected" in said
    assert "(accounts.E001)" in said


def test_passkeys_of_another_host_are_reported(wire: Wire, settings: Any, bob: User) -> None:
    """K-04: whoever changes the host of PUBLIC_URL kills them. Those of this host are no matter."""
    give_passkey(bob)
    before = settings.PUBLIC_HOST
    assert f"ok      Passkeys: 1 for {before}; with another host in PUBLIC_URL they stop working." in doctor()[1]
    settings.PUBLIC_HOST = "new.example"
    said = doctor()[1]
    assert "ok      Passkeys: 0 for new.example" in said
    assert f"look    Passkeys: 1 were made for {before} and do not work at new.example" in said
