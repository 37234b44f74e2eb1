"""A claimed message on its way: which gateway is called, what is recorded, and what follows from a failure."""

import logging
import random
from typing import Any

from django.conf import settings

from messaging.database import clock_plus
from messaging.delivery import blocked_prefixes, circuit, gateways, leases
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Channel, Message, State
from messaging.delivery.renderers import Content, NothingToSay, NotYet, call_on_failure, render

logger = logging.getLogger(__name__)

NOT_RENDERED = "nobody"  # instead of a gateway's name; existing rows have this word


def send(message: Message) -> None:
    """Send a claimed message; record what came of it."""
    try:
        content = render(message)
    except NothingToSay:
        record(message, state=State.EXPIRED)
        return
    except NotYet as reason:
        _record_failure(message, NOT_RENDERED, gateways.GatewayError(str(reason), Fault.OURS))
        return
    if message.channel == Channel.EMAIL:
        _send_email(message, content)
    else:
        _send_sms(message, content)


def _send_email(message: Message, content: Content) -> None:
    try:
        gateways.send_email(message.destination, content)
    except gateways.GatewayError as error:
        circuit.count_failure("smtp", error.fault)
        _record_failure(message, "smtp", error)
    else:
        leases.note_sent(message, "smtp", "")


def _send_sms(message: Message, content: Content) -> None:
    """Send to a number. If a gateway blocks its range, no gateway is called and the message fails."""
    if blocked_prefixes.is_blocked(message.destination):
        record(message, state=State.FAILED, error="prefix-blocked", fault=Fault.BLOCKED)
    else:
        _send_by_gateways(message, content)


def after_failed_call(message: Message, content: Content, gateway: str, error: gateways.GatewayError) -> None:
    """Do what follows from a failed call of the first gateway, which was made elsewhere."""
    note_fault(message, gateway, error.fault)
    _send_by_gateways(message, content, (gateway, error))


def _send_by_gateways(
    message: Message, content: Content, failed: tuple[str, gateways.GatewayError] | None = None
) -> None:
    """Send by the first usable gateway; by the next one where the one before certainly did not take it.

    ``failed`` is the first gateway with its error, where it was called already.
    """
    ways = circuit.ways(settings.SMS_GATEWAYS[1:] if failed else settings.SMS_GATEWAYS)
    while failed is None or _lets_another_try(message, failed[1]):
        way = next(ways, None)  # only now: it may be the one call that probes a circuit
        if way is None:
            break
        if failed:
            renewed = leases.renew(message)
            if renewed is None:
                return
            message = renewed
        error = _call(message, content, way)
        if error is None:
            return
        failed = (way.name, error)
    if failed:
        _record_failure(message, *failed)
    elif settings.SMS_GATEWAYS:  # every circuit is open; the token page says so
        _wait(message, _jitter(), fault=circuit.worst_fault())
    else:
        record(message, state=State.FAILED, error="no-gateway", fault=Fault.OURS)


def _lets_another_try(message: Message, error: gateways.GatewayError) -> bool:
    return error.fault.lets_another_try and message.tries < settings.DELIVERY_TRIES


def parcel(message: Message, content: Content) -> gateways.Parcel:
    """Return what a gateway gets of a claimed message."""
    left = leases.seconds_left(message)
    return gateways.Parcel(message.destination, content.text, left, message.pk, message.tries)


def _call(message: Message, content: Content, way: circuit.Way) -> gateways.GatewayError | None:
    """Make one gateway call. Record a success; return the error of a failure."""
    try:
        gateway_id = gateways.send(way.name, parcel(message, content))
    except gateways.GatewayError as error:
        note_fault(message, way.name, error.fault)
        return error
    if way.probing:
        circuit.close(way.name)
    leases.note_sent(message, way.name, gateway_id)
    return None


def note_fault(message: Message, gateway: str, fault: Fault) -> None:
    """Record what follows from a fault for other messages: of this gateway, and to this range of numbers."""
    circuit.note_failed_call(gateway, fault)
    if fault is Fault.BLOCKED:
        blocked_prefixes.block(message.destination)


def give_back(message: Message) -> None:
    """Let any worker claim a claimed message, for which no gateway was called, as if nobody had."""
    _wait(message, 0)


def _wait(message: Message, pause: float, **facts: Any) -> None:
    """Give the try back, because nobody has processed the message, and let it wait ``pause`` seconds."""
    record(message, tries=message.tries - 1, leased_until=clock_plus(pause), **facts)


def _jitter() -> float:
    return random.uniform(1, 3)  # noqa: S311 (spreads retries, no secret)


def _record_failure(message: Message, gateway: str, error: gateways.GatewayError) -> None:
    """Give up, or leave the message for another try: soon for a token (G-04), at growing intervals for a notice.

    A token that was certainly not processed, and for which no SMS gateway was called, is tried as long as it lives:
    greylisting takes a minute, and nobody gets the token twice.
    """
    no_sms_gateway = message.channel == Channel.EMAIL or gateway == NOT_RENDERED
    # Where an SMS gateway was called, ``circuit`` logs a fault of ours as an error.
    level = logging.ERROR if no_sms_gateway and error.fault is Fault.OURS else logging.WARNING
    logger.log(level, "message %s not accepted by %s: %s", message.pk, gateway, f"{error.reason} {error.said}".strip())
    facts = {"gateway": gateway, "error": error.reason, "fault": error.fault}
    token = message.expires_at is not None
    tried_enough = message.tries >= (settings.DELIVERY_TRIES if token else settings.NOTICE_TRIES)
    if token and no_sms_gateway and error.fault.lets_another_try:
        _wait(message, max(_jitter(), leases.age(message) / 2), **facts)  # at growing intervals
    elif error.fault.is_final or tried_enough:
        record(message, state=State.FAILED, **facts)
    else:
        pause = _jitter() if token else min(3600, 2**message.tries * _jitter())
        record(message, leased_until=clock_plus(pause), **facts)


def record(message: Message, **values: Any) -> None:
    """Record the outcome, unless the lease has expired and another worker holds the message."""
    recorded = leases.held(message.pk, message.tries).update(**values)
    if recorded and values.get("state") == State.FAILED:
        call_on_failure(message, values["fault"])
