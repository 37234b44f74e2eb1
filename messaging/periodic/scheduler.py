"""The one scheduler of periodic tasks: each has a lease, and a high-water mark if it needs one.

``watcher`` runs the tasks that are due whenever it looks for messages, so nothing needs a broker, beat or cron. The
tasks register themselves by ``periodic_task``: they are in the apps above, which this layer may not import.
docs/operations.md lists them.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from messaging.database import Clock, Compiled, Statement, clock_plus, update_returning
from messaging.delivery.models import PeriodicTask

logger = logging.getLogger(__name__)

LEASE_SECONDS = 300
RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Last:
    """The last successful run: when it began, by the database's clock, and the mark that it left."""

    began_at: datetime | None
    high_water: int | None


# Returns the new high-water mark, or None to leave it unchanged.
Work = Callable[[Last], int | None]


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """A periodic task: its function, and the seconds from the beginning of one run to the beginning of the next."""

    seconds: int
    work: Work


_tasks: dict[str, ScheduledTask] = {}


def periodic_task(name: str, *, seconds: int) -> Callable[[Work], Work]:
    """Register a task. It has to allow another run after a crash, or at the same moment once its lease has expired."""

    def register(work: Work) -> Work:
        _tasks[name] = ScheduledTask(seconds, work)
        return work

    return register


# Built once 18 µs, each time 0.2 ms.
RESTING = Compiled(
    lambda: Statement(PeriodicTask.objects.filter(Q(due_at__gt=Clock()) | Q(leased_until__gt=Clock())).only("name"))
)


def run_due() -> None:
    """Run the tasks that are due. A task that fails is logged, tried again in a minute, and stops no other one."""
    for name in sorted(_tasks.keys() - {task.name for task in RESTING.run()}):
        try:
            run(name)
        except Exception:
            logger.exception("the periodic task %s failed", name)


def run(name: str) -> bool:
    """Run a task if it is due and nobody else holds its lease; return whether it ran (F12, F13)."""
    task = _tasks[name]
    PeriodicTask.objects.bulk_create([PeriodicTask(name=name)], ignore_conflicts=True)
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=Clock())
    due = PeriodicTask.objects.filter(free, name=name, due_at__lte=Clock())
    taken = update_returning(due, leased_until=clock_plus(LEASE_SECONDS))
    if taken is None or taken.leased_until is None:
        return False
    # Matches no row when the lease has expired and another run holds the task.
    ours = PeriodicTask.objects.filter(name=name, leased_until=taken.leased_until)
    try:
        mark = task.work(Last(taken.done_at, taken.high_water))
    except BaseException:
        ours.update(leased_until=None, due_at=clock_plus(min(task.seconds, RETRY_SECONDS)))
        raise
    began_at = taken.leased_until - timedelta(seconds=LEASE_SECONDS)
    ours.update(
        leased_until=None,
        done_at=began_at,
        due_at=began_at + timedelta(seconds=task.seconds),
        high_water=taken.high_water if mark is None else mark,
    )
    return True
