"""Enqueue, claim, send, record. The database is the queue, the broker only its doorbell."""

import logging
import random
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Expression
from django.utils.translation import get_language

from messaging.database import Clock, clock_plus
from messaging.delivery import doorbell, gateways
from messaging.delivery.composers import NothingToSay, compose
from messaging.delivery.models import Message, State

logger = logging.getLogger(__name__)

SWEEP_LIMIT = 200


def enqueue(
    *,
    channel: str,
    destination: str,
    kind: str,
    subject_id: int,
    language: str = "",
    lifetime: float | None = None,
    urgent: bool = False,
) -> Message:
    """Queue a message in the caller's transaction and ring the doorbell once that is committed.

    ``language`` is the reader's, if known; else that of the request. ``lifetime`` is in seconds from now; None
    means that the message is kept until it is sent. ``urgent`` messages (tokens) have a queue of their own, so
    that notices never stand before them.
    """
    expires_at: Expression | None = None if lifetime is None else clock_plus(lifetime)
    message = Message.objects.create(
        channel=channel,
        destination=destination,
        kind=kind,
        subject_id=subject_id,
        language=language or get_language() or settings.LANGUAGE_CODE,
        expires_at=expires_at,  # an expression, on the database's clock
    )
    queue = "tokens" if urgent else "notices"
    transaction.on_commit(lambda: doorbell.ring(message.pk, queue=queue, expires_in=lifetime), robust=True)
    return message


def deliver(message_id: int) -> None:
    """Send one message if it can be claimed; record what came of it."""
    message = Message.objects.claim(message_id)
    if message is None:
        return
    try:
        content = compose(message)
        gateway, gateway_id = gateways.send(message, content, seconds_left=_seconds_left(message))
    except NothingToSay:
        _record(message, state=State.EXPIRED)
    except gateways.GatewayError as error:
        _record_failure(message, error)
    else:
        _record(message, state=State.SENT, sent_at=Clock(), gateway=gateway, gateway_id=gateway_id)


def deliver_pending() -> None:
    """Send what the doorbell missed, oldest first, and close what came too late."""
    Message.objects.close_hopeless()
    waiting = Message.objects.waiting().order_by("id").values_list("id", flat=True)
    for message_id in list(waiting[:SWEEP_LIMIT]):
        try:
            deliver(message_id)
        except Exception:
            logger.exception("message %s could not be sent", message_id)


def _seconds_left(message: Message) -> int | None:
    """Return the whole seconds a claimed message still lives, by the database's clock (G-02)."""
    if message.expires_at is None or message.leased_until is None:
        return None
    after_lease = (message.expires_at - message.leased_until).total_seconds()
    return int(after_lease) + settings.DELIVERY_LEASE_SECONDS


def _record_failure(message: Message, error: gateways.GatewayError) -> None:
    """Give up, or leave the message for another try after a short, random wait (G-04)."""
    logger.warning("message %s not accepted: %s", message.pk, error.reason)
    if error.permanent or message.tries >= settings.DELIVERY_TRIES:
        _record(message, state=State.FAILED, error=error.reason)
    else:
        wait = random.uniform(1, 3)  # noqa: S311 (jitter, not a secret)
        _record(message, state=State.SENDING, error=error.reason, leased_until=clock_plus(wait))


def _record(message: Message, **values: Any) -> None:
    """Write the outcome, unless the lease ran out and another worker holds the message now."""
    Message.objects.filter(pk=message.pk, state=State.SENDING, tries=message.tries).update(**values)
