"""A gateway that fails is not used for a while, and the pages say so."""

from datetime import UTC, datetime

import pytest

from messaging.database import clock_plus
from messaging.delivery import circuit, gateways
from messaging.delivery import flows as delivery
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import GatewayFailure, Message, OpenCircuit, State
from tests.conftest import Browser
from tests.fake_network import (
    SINCH_HOST,
    TWILIO_HOST,
    Wire,
    refusal,
)
from tests.gateway_tools import BOTH, CHANNEL, GENERIC, TOKEN, deliver_for, open_circuit, reread, told
from tests.tools import let_pass, page
from twofactor.models import PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]


def sent_before(count: int, *, seconds: float = 5, gateway: str = "twilio") -> None:
    """Have had so many messages taken by a gateway."""
    now = datetime.now(UTC)
    row = {"channel": "sms", "destination": "x", "kind": "old", "subject_id": 0, "language": "en"}
    rows = [Message(**row, state=State.SENT, gateway=gateway, sent_at=now, created_at=now) for _ in range(count)]
    Message.objects.bulk_create(rows)
    Message.objects.filter(kind="old").update(sent_at=clock_plus(-seconds))


def failed_before(count: int, *, seconds: float = 5, gateway: str = "twilio") -> None:
    for _ in range(count):
        failure = GatewayFailure.objects.create(name=gateway, fault=Fault.UNSURE)
        GatewayFailure.objects.filter(pk=failure.pk).update(at=clock_plus(-seconds))


@pytest.mark.parametrize(
    ("failures", "successes", "opens"),
    [(10, 10, True), (20, 0, True), (19, 0, False), (10, 9, False), (9, 11, False), (30, 31, False), (30, 30, True)],
)
def test_a_circuit_opens_at_half_of_twenty_calls(wire: Wire, failures: int, successes: int, opens: bool) -> None:
    """F35."""
    sent_before(successes)
    failed_before(failures - 1)
    circuit.note_failed_call("twilio", Fault.UNSURE)
    assert OpenCircuit.objects.filter(name="twilio").exists() is opens


def test_only_the_last_sixty_seconds_and_the_gateways_own_calls_count(wire: Wire) -> None:
    """F35."""
    failed_before(30, seconds=61)
    failed_before(30, gateway="sinch")
    circuit.note_failed_call("twilio", Fault.UNSURE)
    assert not OpenCircuit.objects.exists()


def test_successes_long_ago_do_not_hide_failures_of_now(wire: Wire) -> None:
    """F35."""
    sent_before(100, seconds=61)
    sent_before(100, gateway="sinch")
    Message.objects.filter(gateway="twilio").update(sent_at=clock_plus(-61))
    failed_before(19)
    circuit.note_failed_call("twilio", Fault.BUSY)
    assert OpenCircuit.objects.get().fault == Fault.BUSY


@pytest.mark.parametrize("fault", [fault for fault in Fault if not fault.is_the_gateways])
def test_the_faults_of_numbers_and_handsets_open_nothing(wire: Wire, fault: Fault) -> None:
    """F35: or anybody could switch SMS off with a handful of bad numbers."""
    for _ in range(25):
        circuit.note_failed_call("twilio", fault)
    assert not OpenCircuit.objects.exists()
    assert not GatewayFailure.objects.exists()


def test_our_own_fault_opens_the_circuit_at_once_and_the_next_message_goes_by_the_other(
    both: Wire, message: Message, asked: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """F31, F35."""
    both.always[TWILIO_HOST] = refusal(20003, 401)
    delivery.deliver(message.pk)
    assert "circuit of twilio is open: ours" in caplog.text
    let_pass(31)
    OpenCircuit.objects.update(open_until=clock_plus(20))
    asked.post("/entrar/token/reenviar/")
    delivery.deliver_pending(by="poller")
    assert both.hosts == [TWILIO_HOST, SINCH_HOST, SINCH_HOST]


def test_failing_calls_open_the_circuit_and_the_message_goes_by_the_other(both: Wire, message: Message) -> None:
    """F35."""
    failed_before(19)
    both.always[TWILIO_HOST] = (503, "")
    delivery.deliver(message.pk)
    let_pass(5)
    delivery.deliver_pending(by="poller")
    assert both.hosts == [TWILIO_HOST, SINCH_HOST]
    assert (reread(message).state, message.gateway) == (State.SENT, "sinch")
    assert len(set(both.tokens)) == 1


def test_while_all_circuits_are_open_a_message_waits_without_spending_a_try(both: Wire, message: Message) -> None:
    """F35, G-04."""
    for name in BOTH:
        open_circuit(name, seconds=60)
    deliver_for(20)
    assert both.requests == []
    assert (reread(message).state, message.tries, message.fault) == (State.SENDING, 0, Fault.UNSURE)
    OpenCircuit.objects.all().delete()
    deliver_for(10)
    assert both.hosts == [TWILIO_HOST]
    assert (reread(message).state, message.tries) == (State.SENT, 1)


def test_a_message_that_waited_in_vain_is_shown_as_not_sent(both: Wire, message: Message, asked: Browser) -> None:
    """F35, F38, Q-02."""
    for name in BOTH:
        open_circuit(name, seconds=600)
    deliver_for(165)
    assert both.requests == []
    assert reread(message).state == State.EXPIRED
    assert told(asked) == {"state": "failed", "text": GENERIC}


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_the_page_says_at_once_that_sms_does_not_work_because_of_us(
    wire: Wire, message: Message, asked: Browser, looks: int
) -> None:
    """F31, O-17: the circuit is open for a reason that only an operator removes; "On its way" would be a lie."""
    wire.always[TWILIO_HOST] = refusal(20003, 401)
    for _ in range(looks):
        delivery.deliver_pending(by="worker")
        let_pass(4)
    assert reread(message).state == State.SENDING
    assert "SMS does not work right now. We keep trying; the other way may be quicker." in page(
        asked.get("/entrar/token/")
    )


def test_an_open_circuit_is_not_probed_before_its_time(both: Wire) -> None:
    """F35."""
    open_circuit("twilio", seconds=2)
    assert [way.name for way in circuit.ways(BOTH)] == ["sinch"]


def test_one_probe_at_a_time(both: Wire) -> None:
    """F35: two workers that have both seen the circuit open; one of them calls."""
    open_circuit("sinch", seconds=-1)
    one, other = circuit.ways(BOTH), circuit.ways(BOTH)
    assert next(one) == next(other) == circuit.Way("twilio", probing=False)
    assert next(one) == circuit.Way("sinch", probing=True)
    assert list(other) == []
    assert OpenCircuit.objects.filter(open_until__gt=clock_plus(25)).count() == 1


def test_a_probe_that_goes_through_closes_the_circuit(
    both: Wire, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    """F35."""
    open_circuit("twilio", seconds=-1)
    delivery.deliver(message.pk)
    assert both.hosts == [TWILIO_HOST]
    assert not OpenCircuit.objects.exists()
    assert "circuit of twilio is closed again" in caplog.text


def test_a_probe_that_fails_leaves_the_circuit_open_for_another_while(both: Wire, message: Message) -> None:
    """F35."""
    open_circuit("twilio", seconds=-1)
    both.always[TWILIO_HOST] = (503, "")
    delivery.deliver(message.pk)
    assert OpenCircuit.objects.filter(name="twilio", open_until__gt=clock_plus(25)).exists()
    let_pass(5)
    delivery.deliver_pending(by="poller")
    assert both.hosts == [TWILIO_HOST, SINCH_HOST]


def test_a_message_of_a_closed_circuit_closes_nothing(
    both: Wire, message: Message, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """F35: only a probe does; a call that was under way when the circuit opened proves nothing."""

    def meanwhile(_name: str, _parcel: object) -> str:
        open_circuit("twilio")
        return "SM0"

    monkeypatch.setattr(gateways, "send", meanwhile)
    delivery.deliver(message.pk)
    assert reread(message).state == State.SENT
    assert OpenCircuit.objects.get().name == "twilio"
    assert "closed again" not in caplog.text


# The choice of the channel --------------------------------------------------------------------------

NOT_WORKING = "SMS is not working right now. Choose e-mail"


@pytest.mark.parametrize(("broken", "told_so"), [([], False), (["twilio"], False), (["sinch"], False), (BOTH, True)])
def test_sms_is_shown_as_unavailable_while_all_circuits_are_open(
    both: Wire, browser: Browser, bobs_phone: PhoneDevice, broken: list[str], told_so: bool
) -> None:
    """F35: and e-mail is offered next to it, and works."""
    for name in broken:
        open_circuit(name)
    browser.post_password("bob")
    shown = page(browser.get(CHANNEL))
    assert (NOT_WORKING in shown) is told_so
    assert 'value="email"' in shown
    assert browser.post_channel("email").headers["Location"] == TOKEN


def test_sms_is_offered_again_when_a_probe_is_due(both: Wire) -> None:
    """F35: or nobody would ever make it."""
    open_circuit("twilio")
    open_circuit("sinch", seconds=-1)
    assert circuit.sms_is_available()
    OpenCircuit.objects.update(open_until=clock_plus(5))
    assert not circuit.sms_is_available()
