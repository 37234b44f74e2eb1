"""What Prometheus reads at /metrics, and who may."""

import re
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import AuditEvent, User
from messaging.database import clock_plus
from messaging.delivery import flows as delivery
from messaging.delivery.models import GatewayFailure, Message, OpenCircuit, State
from tests.conftest import BOBS_NUMBER, PASSWORD, Browser, last_token
from tests.operation_tools import ALIVE, METRICS, READY, aged, break_database, message
from tests.tools import let_pass

pytestmark = pytest.mark.django_db


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
    "messaging_gateway_failures_5m",
    "messaging_sender_silence_seconds",
    "messaging_refusals_5m",
    "messaging_limits_hit_5m",
    "messaging_sms_of_the_day",
    "messaging_sms_a_day",
    "messaging_database_up",
    "messaging_requests",
    "messaging_request_seconds",
}


@pytest.mark.parametrize("path", [READY, ALIVE, METRICS])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "web:8000", "web_1", "evil.example"])
def test_machines_ask_from_inside_by_any_name_and_without_https(settings: Any, path: str, host: str) -> None:
    """O-08: a probe, a load balancer and Prometheus know an address or a service's name; nothing of it comes back."""
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["portal.example"], True
    answer = Browser().get(path, headers={"host": host})
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert host.partition(":")[0] not in answer.content.decode() + str(answer.headers)
    assert Browser().get("/entrar/", headers={"host": host}).status_code == 400


def test_without_the_database_metrics_tell_what_they_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """O-09: else no alarm could fire while nobody can sign in. Requests are counted without it (O-20)."""
    assert samples(scraped())["messaging_database_up"] == {(): 1}
    break_database(monkeypatch)
    found = samples(scraped())
    assert found.keys() - {"messaging_requests", "messaging_request_seconds"} == {
        "messaging_database_up",
        "messaging_sms_a_day",
    }
    assert found["messaging_database_up"] == {(): 0}
    assert found["messaging_sms_a_day"] == {(): 10_000}
    assert found["messaging_requests"]["2xx", "machine"] > 0


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


def test_the_oldest_waiting_message_is_reported_by_channel() -> None:
    """Issue 3, point 9: what nobody can send any more does not wait."""
    message(age=50)
    message(age=20)
    message(age=70, channel="email", kind="notice")
    message(age=500, state=State.SENT)
    gone = message(age=400)
    Message.objects.filter(pk=gone.pk).update(expires_at=clock_plus(10))
    ages = samples(scraped())["messaging_queue_age_seconds"]
    assert ages == {("sms",): pytest.approx(50, abs=5), ("email",): pytest.approx(70, abs=5)}


def test_circuits_are_reported_by_gateway(settings: Any) -> None:
    """F35."""
    settings.SMS_GATEWAYS = ["twilio", "sinch"]
    OpenCircuit.objects.create(name="sinch", open_until=clock_plus(-1), fault="ours")
    assert samples(scraped())["messaging_circuit_open"] == {("twilio",): 0, ("sinch",): 1}


def test_calls_that_failed_are_reported_by_gateway_and_fault() -> None:
    """The alarm for a mail server or a gateway that refuses us."""
    for name, fault, age in (("smtp", "ours", 0), ("smtp", "ours", 200), ("smtp", "busy", 0), ("twilio", "ours", 301)):
        aged(GatewayFailure.objects.create(name=name, fault=fault), "at", age)
    assert samples(scraped())["messaging_gateway_failures_5m"] == {("ours", "smtp"): 2, ("busy", "smtp"): 1}


def test_silence_is_measured_in_seconds() -> None:
    """Q-06: without end while nobody ever looked."""
    assert samples(scraped())["messaging_sender_silence_seconds"] == {(): float("inf")}
    delivery.deliver_pending(by="poller")
    let_pass(90)
    assert samples(scraped())["messaging_sender_silence_seconds"] == {(): pytest.approx(90, abs=5)}


def test_refusals_are_counted_by_action(bob: User) -> None:
    """Issue 3, point 9."""
    for action in (
        Action.TOKEN_REFUSED,
        Action.TOKEN_REFUSED,
        Action.PASSWORD_FAILED,
        Action.PASSWORD_RESET_LIMITED,
        Action.SIGN_IN_VERIFIED,
    ):
        record_event(action, user=bob)
    AuditEvent.objects.create(action="token.refused", user=bob, at=clock_plus(-301))
    assert samples(scraped())["messaging_refusals_5m"] == {
        ("token.refused",): 2,
        ("password.failed",): 1,
        ("password.reset_limited",): 1,
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
