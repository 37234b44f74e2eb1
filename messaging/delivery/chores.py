"""What is to be done every so often: by whoever looks for messages, and once, however many of those there are.

The sweep and the poller both look; so nothing here needs a broker, a beat or a cron of its own.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from messaging.database import Clock, clock_plus, update_returning
from messaging.delivery.models import Chore

logger = logging.getLogger(__name__)

# Gets the moment when it was last begun and done, by the database's clock; None when it never was.
Work = Callable[[datetime | None], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A chore: what is done, and after how many seconds again."""

    seconds: int
    work: Work


_kinds: dict[str, Kind] = {}


def every(seconds: int, name: str) -> Callable[[Work], Work]:
    """Register the decorated function as a chore. It may be begun again after a crash, so it has to bear that."""

    def register(work: Work) -> Work:
        _kinds[name] = Kind(seconds, work)
        return work

    return register


def do_due() -> None:
    """Do what is due; a chore that fails is logged and does not keep the others from being done."""
    resting = set(Chore.objects.filter(due_at__gt=Clock()).values_list("name", flat=True))
    for name in _kinds.keys() - resting:
        _do_safely(name)


def _do_safely(name: str) -> None:
    try:
        do(name)
    except Exception:
        logger.exception("the chore %s failed", name)


def do(name: str) -> bool:
    """Do a chore if it is due and nobody else has taken it; return whether it was done (F12, F13)."""
    kind = _kinds[name]
    Chore.objects.bulk_create([Chore(name=name)], ignore_conflicts=True)
    due = Chore.objects.filter(name=name, due_at__lte=Clock())
    taken = update_returning(due, due_at=clock_plus(kind.seconds))
    if taken is None:
        return False
    kind.work(taken.done_at)
    Chore.objects.filter(pk=taken.pk).update(done_at=taken.due_at - timedelta(seconds=kind.seconds))
    return True
