"""Every few seconds, send the messages that wait and run the tasks that are due. Needs no broker (Q-07)."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections

from messaging.database import is_outage
from messaging.delivery import flows, gateways
from messaging.periodic import scheduler

logger = logging.getLogger(__name__)

SECONDS = 2.0  # between two looks
LOOKS = 4  # at once, at most


def look(by: str, *, threads: int) -> None:
    """Send what waits and run the periodic tasks that are due, once."""
    flows.deliver_pending(by=by, threads=threads)
    scheduler.run_due()


def watch(by: str, stop: threading.Event, seconds: float = SECONDS) -> None:
    """Look again and again until ``stop``. ``by`` names the sender in its heartbeat: "worker" or "poller".

    A look that waits for a silent gateway does not delay the next one (Q-02), and a long periodic task delays no look,
    because it has a thread of its own.
    """
    _outlive_outages(gateways.make_ready)
    looks: set[Future[None]] = set()
    tasks: Future[None] | None = None
    with ThreadPoolExecutor(LOOKS + 1, thread_name_prefix="watcher") as pool:
        while not stop.is_set():
            looks = {look for look in looks if not look.done()}
            if len(looks) < LOOKS:
                looks.add(pool.submit(_send, by))
                _show_life()
            if tasks is None or tasks.done():
                tasks = pool.submit(_outlive_outages, scheduler.run_due)
            stop.wait(seconds)


def _show_life() -> None:
    """Touch the file for a health check: it is stale when every look hangs."""
    if settings.ALIVE_FILE:
        Path(settings.ALIVE_FILE).touch()


def _send(by: str) -> None:
    _outlive_outages(lambda: flows.deliver_pending(by=by, threads=settings.SWEEP_THREADS))


def _outlive_outages(step: Callable[[], object]) -> None:
    """Run one step. Neither an outage of the database nor a mistake of ours ends the watcher."""
    close_old_connections()
    try:
        step()
    except DatabaseError as error:
        if is_outage(error):
            logger.warning("the database does not answer: %s", type(error).__name__)
        else:
            logger.exception("a look for messages failed")
    except Exception:
        logger.exception("a look for messages failed")
    finally:
        close_old_connections()
