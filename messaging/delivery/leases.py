"""Claims of messages, each under a lease."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models, transaction

from messaging.database import Among, Clock, Compiled, ListSlot, Slot, Statement, clock_plus, update_returning
from messaging.delivery.models import Message, MessageQuerySet, State


def claim(message_id: int) -> Message | None:
    """Claim a message for sending under a lease, and count the try; None when it cannot be claimed (F12)."""
    return CLAIM.row(id=message_id)


def claim_many(message_ids: list[int], channel: str) -> list[Message]:
    """Claim those of these messages of a channel that can be claimed, as ``claim`` does each, in one statement.

    A message that another connection is changing is left out, not waited for.
    """
    return CLAIM_MANY.run(ids=message_ids, channel=channel)


def renew(message: Message) -> Message | None:
    """Count one more try of a claimed message under a new lease.

    None when another worker holds the message, or when the rest of its life is not worth a call (G-02).
    """
    return update_returning(held(message.pk, message.tries).worth_a_call(), **_one_more_try())


def note_sent(message: Message, gateway: str, gateway_id: str) -> None:
    """Record that a gateway took a claimed message, unless another worker holds the message."""
    NOTE_SENT.changed(id=message.pk, tries=message.tries, gateway=gateway, gateway_id=gateway_id)


def note_many_sent(sent: Iterable[tuple[Message, str, str]]) -> None:
    """Record that a gateway took each of these messages, as ``note_sent`` does one, in one round trip."""
    NOTE_SENT.each(
        {"id": message.pk, "tries": message.tries, "gateway": gateway, "gateway_id": gateway_id}
        for message, gateway, gateway_id in sent
    )


def held(message_id: int | Slot, tries: int | Slot) -> MessageQuerySet:
    """Return a claimed message if the claim is still ours: nobody has counted another try since."""
    return Message.objects.filter(pk=message_id, state=State.SENDING, tries=tries)


def age(message: Message) -> float:
    """Return the seconds from the click to the claim of a message, by the database's clock."""
    claimed = (message.leased_until or message.created_at) - message.created_at
    return claimed.total_seconds() - settings.DELIVERY_LEASE_SECONDS


def seconds_left(message: Message) -> int | None:
    """Return the whole seconds until a claimed message expires, by the database's clock (G-02)."""
    if message.expires_at is None or message.leased_until is None:
        return None
    after_lease = (message.expires_at - message.leased_until).total_seconds()
    return int(after_lease) + settings.DELIVERY_LEASE_SECONDS


def _one_more_try() -> dict[str, Any]:
    lease = clock_plus(settings.DELIVERY_LEASE_SECONDS)
    return {"state": State.SENDING, "tries": models.F("tries") + 1, "leased_until": lease}


def _claim_many() -> Statement[Message]:
    """Build the claim of many messages. Two that claim the same ones at once never wait for each other."""
    among = Among("id", ListSlot("ids", models.BigIntegerField()))
    asked = Message.objects.sendable().filter(among, channel=Slot("channel", models.CharField()))
    with transaction.atomic():  # outside of one, Django refuses to build what locks rows
        free = asked.select_for_update(skip_locked=True).values("id")
        return Statement(Message.objects.filter(id__in=free), **_one_more_try())


ID = Slot("id", models.BigIntegerField())
TRIES = Slot("tries", models.PositiveSmallIntegerField())
# Built once 125 µs, each time 3.2 ms.
CLAIM = Compiled(
    lambda: Statement(Message.objects.sendable().filter(pk=ID), **_one_more_try()),
    "DELIVERY_LEASE_SECONDS",
    "DELIVERY_MINIMUM_SECONDS_LEFT",
    "DELIVERY_TRIES",
    "NOTICE_TRIES",
)
# Run for each batch of messages.
CLAIM_MANY = Compiled(
    _claim_many,
    "DELIVERY_LEASE_SECONDS",
    "DELIVERY_MINIMUM_SECONDS_LEFT",
    "DELIVERY_TRIES",
    "NOTICE_TRIES",
)
# Built once 73 µs, each time 0.8 ms.
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
