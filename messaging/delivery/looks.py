"""The statements of a look for messages, which each worker runs every two seconds, built once.

A look that finds nothing makes 417 Python calls; it made 5,238 when the ORM built its statements each time.
"""

from typing import Any

from django.db import models

from messaging.database import Clock, Compiled, Slot, Statement
from messaging.delivery.models import Heartbeat, Message, State
from messaging.delivery.renderers import awaited_kinds

LIMIT = 200  # messages of one look
SOONEST, TRIES = "DELIVERY_MINIMUM_SECONDS_LEFT", ("DELIVERY_TRIES", "NOTICE_TRIES")  # the settings that end a message


def order() -> tuple[Any, ...]:
    """Return the order of a look: tokens, then links that somebody waits for, then the rest, maybe 100,000."""
    is_awaited = models.Case(models.When(kind__in=awaited_kinds(), then=0), default=1)
    return (models.F("expires_at").asc(nulls_last=True), is_awaited, "id")


def _first(messages: models.QuerySet[Message]) -> Statement[Message]:
    return Statement(messages.order_by(*order())[:LIMIT])


def note_life(name: str) -> None:
    """Record that a sender, "worker" or "poller", looks for messages now."""
    if not BEAT.changed(name=name):
        Heartbeat.objects.update_or_create(name=name, defaults={"at": Clock()})


# Built once 21 µs, each time 0.2 ms.
BEAT = Compiled(lambda: Statement(Heartbeat.objects.filter(name=Slot("name", models.CharField())), at=Clock()))
# Built once 117 µs, each time 0.6 ms.
EXPIRE_LATE = Compiled(lambda: Statement(Message.objects.late(), state=State.EXPIRED), SOONEST)
# Built once 105 µs, each time 1.1 ms.
OUT_OF_TRIES = Compiled(lambda: _first(Message.objects.out_of_tries()), *TRIES)
# With 200 that wait, built once 1.5 ms, each time 2.9 ms.
WAITING = Compiled(lambda: _first(Message.objects.sendable().only("id", "channel", "kind")), SOONEST, *TRIES)
