"""The one scheduler: periodic tasks, each with a lease, a high-water mark where it needs one, and its own failure.

Whatever looks for messages (``watcher``) also runs what is due, so nothing here needs a broker, beat or cron.
The tasks register themselves: they are in the apps above, which this layer may not import.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from messaging.database import Clock, clock_plus, update_returning
from messaging.delivery.models import PeriodicTask

logger = logging.getLogger(__name__)

LEASE_SECONDS = 300
RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Last:
    """The last run that ended well: when it began, by the database's clock, and the mark it left."""

    began_at: datetime | None
    high_water: int | None


# Returns its new high-water mark, or None to leave the mark alone.
Work = Callable[[Last], int | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A periodic task: what is run, and seconds from the beginning of one run to the next one's."""

    seconds: int
    work: Work


_kinds: dict[str, Kind] = {}


def periodic_task(name: str, *, seconds: int) -> Callable[[Work], Work]:
    """Register a task. It may run again after a crash, or beside itself once its lease ran out: it has to bear that."""

    def register(work: Work) -> Work:
        _kinds[name] = Kind(seconds, work)
        return work

    return register


def run_due() -> None:
    """Run what is due. A task that fails is logged, tried again in a minute, and stops no other one."""
    resting = PeriodicTask.objects.filter(Q(due_at__gt=Clock()) | Q(leased_until__gt=Clock()))
    for name in sorted(_kinds.keys() - set(resting.values_list("name", flat=True))):
        try:
            run(name)
        except Exception:
            logger.exception("the periodic task %s failed", name)


def run(name: str) -> bool:
    """Run a task if it is due and nobody else holds its lease; return whether it ran (F12, F13)."""
    kind = _kinds[name]
    PeriodicTask.objects.bulk_create([PeriodicTask(name=name)], ignore_conflicts=True)
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=Clock())
    due = PeriodicTask.objects.filter(free, name=name, due_at__lte=Clock())
    taken = update_returning(due, leased_until=clock_plus(LEASE_SECONDS))
    if taken is None or taken.leased_until is None:
        return False
    # Writes nothing when the lease ran out and another run holds the task now.
    ours = PeriodicTask.objects.filter(name=name, leased_until=taken.leased_until)
    try:
        mark = kind.work(Last(taken.done_at, taken.high_water))
    except BaseException:
        ours.update(leased_until=None, due_at=clock_plus(min(kind.seconds, RETRY_SECONDS)))
        raise
    began_at = taken.leased_until - timedelta(seconds=LEASE_SECONDS)
    ours.update(
        leased_until=None,
        done_at=began_at,
        due_at=began_at + timedelta(seconds=kind.seconds),
        high_water=taken.high_water if mark is None else mark,
    )
    return True
