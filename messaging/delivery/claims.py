"""Who holds a message: the statements that every token needs, built once (``Compiled``)."""

from django.conf import settings
from django.db import models

from messaging.database import Clock, Compiled, Slot, Statement, clock_plus
from messaging.delivery.models import Message, MessageQuerySet, State


def claim(message_id: int) -> Message | None:
    """Take a message for sending under a lease, counting the try; None when it is not to be had (F12)."""
    return CLAIM.row(id=message_id)


def renew(message: Message) -> Message | None:
    """Count one more try of a claimed message under a new lease.

    None when the claim is no longer ours, or when what is left of its life is not worth a call (G-02).
    """
    return RENEW.row(id=message.pk, tries=message.tries)


def note_sent(message: Message, gateway: str, gateway_id: str) -> None:
    """Record that a gateway took a claimed message, unless another worker holds the message now."""
    NOTE_SENT.run(id=message.pk, tries=message.tries, gateway=gateway, gateway_id=gateway_id)


def held(message_id: int | Slot, tries: int | Slot) -> MessageQuerySet:
    """Return a claimed message while the claim is ours: nobody has counted another try since."""
    return Message.objects.filter(pk=message_id, state=State.SENDING, tries=tries)


def _one_more_try(message: MessageQuerySet) -> Statement[Message]:
    lease = clock_plus(settings.DELIVERY_LEASE_SECONDS)
    return Statement(message, state=State.SENDING, tries=models.F("tries") + 1, leased_until=lease)


ID = Slot("id", models.BigIntegerField())
TRIES = Slot("tries", models.PositiveSmallIntegerField())
CLAIM = Compiled(lambda: _one_more_try(Message.objects.sendable().filter(pk=ID)))
RENEW = Compiled(lambda: _one_more_try(held(ID, TRIES).worth_a_call()))
NOTE_SENT = Compiled(
    lambda: Statement(
        held(ID, TRIES),
        state=State.SENT,
        sent_at=Clock(),
        gateway=Slot("gateway", models.CharField()),
        gateway_id=Slot("gateway_id", models.CharField()),
        fault="",
        error="",
    )
)
