"""Events that anybody can cause again and again: a few are written one by one, the others are counted (B-16).

The audit log only grows, so a robot could fill the disk with it. For each action, person and network ten events a
minute are written; for each action and person a hundred in all, and of nobody (a login that is not known) about a
thousand an hour. Those left out are counted in the table of rate limits, and once an hour one event for each person and
network says how many there were; beyond the bound for all networks, one event for all of them.
"""

from typing import Any
from zlib import crc32

from django.conf import settings
from django.db import transaction

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event, record_only
from accounts.models import RateLimit, User
from accounts.rate_limits import Window
from accounts.request import context as request_context
from messaging.periodic.scheduler import Last, periodic_task

NOTES_A_MINUTE = 10  # for an action, a person and a network
NOTES_OF_A_PERSON = 100  # for an action and a person, from everywhere
# Of nobody, for an action, from everywhere: sixty an hour of each sixteenth of the networks. One row would be one lock.
NOTES_OF_NOBODY = 60
SHARES_OF_NOBODY = 16
LEFT_OUT = "left out"
KEPT_SECONDS = 30 * settings.DAY  # far longer than the hour after which they are written
AT_ONCE = 1000


def record_thinned(action: Action, *, user: User | None = None, about: str = "", **data: Any) -> None:
    """Add an event, or count it when as many were added in this minute; ``about`` counts kinds of it apart."""
    windows = _windows(f"{action} {about}".strip(), user)
    over = {usage.window.key for usage in rate_limits.count(windows) if usage.is_over_limit}
    if over:
        count_left_out(action, user=user, anywhere=windows[-1].key in over)
    else:
        record_only(action, user=user, **data)


def count_left_out(action: Action, *, user: User | None, anywhere: bool = False) -> None:
    """Count an event that is not written; ``anywhere``: without its network.

    A row for each of thousands of networks would stay for thirty days, because a thousand an hour are written down.
    """
    key = f"{LEFT_OUT} {action} {user.pk if user else 0} {None if anywhere else rate_limits.here()}"
    rate_limits.count([Window(key, KEPT_SECONDS, rate_limits.NO_LIMIT, LEFT_OUT)])


def _windows(what: str, user: User | None) -> list[Window]:
    networks = rate_limits.networks(request_context.current.get().ip)
    who, minute = user.pk if user else 0, settings.MINUTE
    found = [Window(f"events {what} {who} {name}", minute, NOTES_A_MINUTE * more, "events") for name, more in networks]
    # The same work for nobody as for a person, or the time would tell who exists (C-09).
    if user:
        return [*found, Window(f"events {what} {who}", minute, NOTES_OF_A_PERSON, "events")]
    share = crc32(rate_limits.here().encode()) % SHARES_OF_NOBODY
    return [*found, Window(f"events {what} nobody {share}", settings.HOUR, NOTES_OF_NOBODY, "events")]


@periodic_task("events left out", seconds=3600)
def record_left_out(_last: Last) -> None:
    """Record how many events were left out: one event for each action, person and network."""
    counted = RateLimit.objects.filter(key__startswith=f"{LEFT_OUT} ")
    for row in counted.order_by("pk")[:AT_ONCE]:
        with transaction.atomic():
            # When two runs, or a run and another event, come together, only one finds the count as it was read.
            if RateLimit.objects.filter(pk=row.pk, used=row.used).delete()[0]:
                _record(row)


def _record(row: RateLimit) -> None:
    action, person, network = row.key.removeprefix(f"{LEFT_OUT} ").split(" ")
    user = User.objects.filter(pk=int(person)).first()
    with request_context.as_if_from(request_context.Origin(ip=None if network == "None" else network)):
        record_event(Action.EVENTS_LEFT_OUT, user=user, counted=action, count=row.used)
