"""Events that somebody can cause as often as they like: a few are written one by one, the rest is counted (B-16).

An audit log only grows, so a robot could fill the disk with it. Of one action of one person from one network ten
events a minute are written, and a hundred of one person from everywhere. What is left out is counted in the table
of rate limits, and every hour one event for each person and network says how many there were.
"""

from typing import Any

from django.db import transaction

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import RateLimit, User
from accounts.rate_limits import Window
from accounts.request import context as request_context
from messaging.periodic.scheduler import Last, periodic_task

MINUTE = 60  # seconds
NOTES_A_MINUTE = 10  # of one action of one person from one network
NOTES_OF_A_PERSON = 100  # the same, from everywhere
LEFT_OUT = "left out"
KEPT_SECONDS = 30 * 86_400  # far longer than an hour, after which they are written
NO_LIMIT = 2**31
AT_ONCE = 1000


def record_thinned(action: Action, *, user: User | None = None, about: str = "", **data: Any) -> None:
    """Add an event, or count it where as many were added in this minute; ``about`` tells kinds of it apart."""
    if any(balance.is_overdrawn for balance in rate_limits.count(_windows(f"{action} {about}".strip(), user))):
        count_left_out(action, user=user)
    else:
        record_event(action, user=user, **data)


def count_left_out(action: Action, *, user: User | None) -> None:
    """Count an event that is not written."""
    key = f"{LEFT_OUT} {action} {user.pk if user else 0} {_here()}"
    rate_limits.count([Window(key, KEPT_SECONDS, NO_LIMIT, LEFT_OUT)])


def _windows(what: str, user: User | None) -> list[Window]:
    here = rate_limits.networks(request_context.current.get().ip)
    who = user.pk if user else 0
    found = [Window(f"events {what} {who} {name}", MINUTE, NOTES_A_MINUTE * more, "events") for name, more in here]
    # As much work for nobody as for a person, or the time tells who exists (C-09). A row for all would be one lock.
    whose = f"{who}" if user else f"{who} {_here()} nobody"
    return [*found, Window(f"events {what} {whose}", MINUTE, NOTES_OF_A_PERSON, "events")]


def _here() -> str:
    return rate_limits.network(request_context.current.get().ip)


@periodic_task("events left out", seconds=3600)
def record_left_out(_last: Last) -> None:
    """Write down how many events were left out, one event for each action, person and network."""
    counted = RateLimit.objects.filter(key__startswith=f"{LEFT_OUT} ")
    for row in counted.order_by("pk")[:AT_ONCE]:
        with transaction.atomic():
            # Of two runs, or of a run and another event, one finds the count as it was read.
            if RateLimit.objects.filter(pk=row.pk, used=row.used).delete()[0]:
                _record(row)


def _record(row: RateLimit) -> None:
    action, person, network = row.key.removeprefix(f"{LEFT_OUT} ").split(" ")
    user = User.objects.filter(pk=int(person)).first()
    before = request_context.current.set(request_context.Origin(ip=None if network == "None" else network))
    try:
        record_event(Action.EVENTS_LEFT_OUT, user=user, counted=action, count=row.used)
    finally:
        request_context.current.reset(before)
