"""What one gateway did not take goes by the other, and what it may have taken does not."""

from typing import Any

import pytest

from messaging.delivery import by_sinch, gateways, leases
from messaging.delivery import flows as delivery
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Message, State
from tests.fake_network import (
    SINCH_HOST,
    TWILIO_HOST,
    Wire,
    refusal,
    silence,
)
from tests.gateway_tools import BOTH, deliver_for, reread
from tests.tools import let_pass

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]


@pytest.mark.parametrize(("code", "status"), [(20429, 429), (20003, 401), (21606, 400), (99999, 400)])
def test_what_the_first_gateway_certainly_did_not_take_goes_by_the_second(
    both: Wire, message: Message, code: int, status: int
) -> None:
    """F28, F31: at once, in the same claim, with the same digits."""
    both.always[TWILIO_HOST] = refusal(code, status)
    delivery.deliver(message.pk)
    assert both.hosts == [TWILIO_HOST, SINCH_HOST]
    assert len(set(both.tokens)) == 1
    assert (reread(message).state, message.gateway, message.tries) == (State.SENT, "sinch", 2)
    assert (message.error, message.fault) == ("", "")


def test_the_order_is_the_operators(both: Wire, message: Message, settings: Any) -> None:
    settings.SMS_GATEWAYS = BOTH[::-1]
    both.always[SINCH_HOST] = (401, "")
    delivery.deliver(message.pk)
    assert both.hosts == [SINCH_HOST, TWILIO_HOST]


@pytest.mark.parametrize("answer", [silence(), (503, ""), (201, "not json")], ids=str)
def test_what_the_first_gateway_may_have_taken_does_not_go_by_the_second_in_the_same_claim(
    both: Wire, message: Message, answer: Any
) -> None:
    """F29: it waits for the one retry."""
    both.always[TWILIO_HOST] = answer
    delivery.deliver(message.pk)
    assert both.hosts == [TWILIO_HOST]
    assert (reread(message).state, message.tries) == (State.SENDING, 1)
    delivery.deliver_pending(by="poller")
    assert both.hosts == [TWILIO_HOST]


@pytest.mark.parametrize(("code", "status"), [(21614, 400), (21408, 403), (21610, 400), (60410, 403)])
def test_what_no_gateway_can_deliver_is_not_carried_to_the_second(
    both: Wire, message: Message, code: int, status: int
) -> None:
    """G-03, F30."""
    both.always[TWILIO_HOST] = refusal(code, status)
    deliver_for(20)
    assert both.hosts == [TWILIO_HOST]
    assert reread(message).state == State.FAILED


@pytest.mark.parametrize(
    "answers",
    [
        {TWILIO_HOST: refusal(20429, 429), SINCH_HOST: (429, "")},
        {TWILIO_HOST: refusal(20003, 401), SINCH_HOST: (401, "")},
        {TWILIO_HOST: (503, ""), SINCH_HOST: (503, "")},
        {TWILIO_HOST: refusal(20429, 429), SINCH_HOST: silence()},
    ],
    ids=str,
)
def test_a_token_costs_two_calls_at_most_whoever_is_called(
    both: Wire, message: Message, settings: Any, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]
) -> None:
    """G-04: fail-over is counted."""
    monkeypatch.setitem(gateways.GATEWAYS, "third", by_sinch.SinchGateway)
    settings.SMS_GATEWAYS = [*BOTH, "third"]
    both.always = answers
    deliver_for(120)
    assert len(both.requests) == 2
    assert len(set(both.tokens)) == 1
    assert reread(message).state == State.FAILED


def test_who_lost_the_claim_does_not_fail_over(both: Wire, message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    """F12: the lease ran out while the first gateway was asked, and another worker has the message."""

    def slowly(name: str, _parcel: object) -> str:
        assert name == "twilio"
        let_pass(16)
        assert leases.claim(message.pk)
        raise gateways.GatewayError("twilio-20429", Fault.BUSY)

    monkeypatch.setattr(gateways, "send", slowly)
    delivery.deliver(message.pk)
    assert both.requests == []
    assert (reread(message).state, message.tries) == (State.SENDING, 2)
