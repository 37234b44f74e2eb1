"""Ranges of numbers that a gateway blocks for fraud: nobody calls it for them again until it is over (G-03)."""

from typing import Any

import pytest

from messaging.delivery import blocked_prefixes, circuit
from messaging.delivery import flows as delivery
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.flows import Report
from messaging.delivery.gateways import GatewayError
from messaging.delivery.models import BlockedPrefix, Message, State
from tests.conftest import BOBS_NUMBER, Browser
from tests.doubles import MemoryGateway
from tests.fake_network import TWILIO_HOST, Wire, refusal
from tests.tools import let_pass

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

STATUS = "/entrar/token/estado/"
TOLD = {"state": "failed", "text": "Not delivered: the carrier blocks this range of numbers."}
NEIGHBOUR, OUTSIDE = "+5511987650000", "+5511987660000"  # of BOBS_NUMBER's range, and of the next one
HOURS = 3600


def test_one_refusal_for_fraud_blocks_the_range(wire: Wire, message: Message, asked: Browser) -> None:
    """G-03: 60410; no second gateway is asked either."""
    wire.always[TWILIO_HOST] = refusal(60410, 403)
    delivery.deliver(message.pk)
    assert blocked_prefixes.is_blocked(BOBS_NUMBER)
    assert blocked_prefixes.is_blocked(NEIGHBOUR)
    assert not blocked_prefixes.is_blocked(OUTSIDE)
    assert len(wire.requests) == 1


def test_no_gateway_is_called_while_a_range_is_blocked_and_the_person_is_told(
    message: Message, asked: Browser, memory: MemoryGateway
) -> None:
    """G-03."""
    blocked_prefixes.block(NEIGHBOUR)
    delivery.deliver(message.pk)
    message.refresh_from_db()
    assert memory.sent == []
    assert (message.state, message.fault, message.error) == (State.FAILED, Fault.BLOCKED, "prefix-blocked")
    assert asked.get(STATUS, headers={"accept": "application/json"}).json() == TOLD


def test_a_blocked_range_of_numbers_does_not_stop_e_mail(browser: Browser, bobs_phone: Any) -> None:
    blocked_prefixes.block(BOBS_NUMBER)
    browser.post_password("bob")
    browser.post_channel("email")
    delivery.deliver_pending(by="poller")
    assert Message.objects.get().state == State.SENT


def test_a_block_ends_after_twelve_hours_and_a_new_one_begins(db: None) -> None:
    """G-03: by the database's clock."""
    blocked_prefixes.block(BOBS_NUMBER)
    let_pass(11.9 * HOURS)
    assert blocked_prefixes.is_blocked(NEIGHBOUR)
    blocked_prefixes.block(NEIGHBOUR)
    let_pass(11.9 * HOURS)
    assert blocked_prefixes.is_blocked(BOBS_NUMBER)
    let_pass(0.2 * HOURS)
    assert not blocked_prefixes.is_blocked(BOBS_NUMBER)
    delivery.purge(days=90)
    assert not BlockedPrefix.objects.exists()


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.BLOCKED])
def test_other_faults_block_nothing(message: Message, memory: MemoryGateway, fault: Fault) -> None:
    memory.errors = [GatewayError("no", fault)]
    delivery.deliver(message.pk)
    assert not BlockedPrefix.objects.exists()


def test_fraud_that_comes_by_report_blocks_the_range_too(message: Message, memory: MemoryGateway) -> None:
    """G-03: once, whoever repeats it."""
    delivery.deliver(message.pk)
    report = Report("twilio", "SM1", State.FAILED, "30450", Fault.BLOCKED)
    delivery.take_report(message.pk, 1, report)
    assert blocked_prefixes.is_blocked(NEIGHBOUR)
    assert list(circuit.ways(["twilio"])) == [circuit.Way("twilio", probing=False)], "nothing is wrong with the gateway"
    BlockedPrefix.objects.all().delete()
    delivery.take_report(message.pk, 1, report)
    assert not BlockedPrefix.objects.exists()
