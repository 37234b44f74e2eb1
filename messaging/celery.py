import logging.config
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from celery import Celery, bootsteps
from celery.fixups.django import DjangoFixup, DjangoWorkerFixup  # type: ignore[attr-defined]
from celery.loaders.app import AppLoader
from celery.signals import setup_logging, worker_init
from django.conf import settings
from django.db import close_old_connections
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")  # noqa: TID251 (where they are)

# A message that a worker has not acknowledged is not given back when its connection ends: the lease of the message's
# row does that. Kombu would try on the dead connection, and write what it could not give back into a file (F11).
Channel.do_restore = False

_new_client = Channel.conn_or_acquire


@contextmanager
def _kept_client(channel: Any, client: Any = None) -> Iterator[Any]:
    """Return a channel's one client of Redis, in place of a new one for each command.

    Its connections are in the channel's pool either way. Making a client took 546 of a wake-up's 1,575 calls (of Python
    and C, python -m benchmarks.counts).
    """
    found = client or vars(channel).get("kept_client")
    if found is None or (client is None and found.connection_pool is not channel.pool):
        with _new_client(channel) as found:
            channel.kept_client = found
    yield found


Channel.conn_or_acquire = _kept_client  # type: ignore[assignment, method-assign]


class LastingConnections(DjangoWorkerFixup):
    """Keep a thread's connection from task to task, as Django does from request to request: by its age and health.

    Celery's own closes it before and after each task: a new connection for each token costs more than its statements.
    """

    def close_database(self, **kwargs: Any) -> None:
        """Close connections that are too old or broken; the others are checked before their next use (F16)."""
        close_old_connections()


class DjangoWithLastingConnections(DjangoFixup):
    """Celery's adaptation to Django, with lasting connections."""

    @cached_property
    def worker_fixup(self) -> LastingConnections:
        """Return the fixup of workers; created late, because it reads the configuration."""
        return LastingConnections(self.app)


class Loader(AppLoader):
    """Celery's loader of its configuration; a wrong setting ends the process with one sentence."""

    def config_from_object(self, obj: Any, silent: bool = False) -> Any:
        """Load the settings first."""
        from messaging import safety  # noqa: PLC0415 (settings import this package)

        safety.load_settings()
        return super().config_from_object(obj, silent)


app = Celery("messaging", loader=Loader, fixups=[lambda app: DjangoWithLastingConnections(app).install()])  # type: ignore[list-item]
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class Watcher(bootsteps.StartStopStep):
    """Send messages and run periodic tasks from the worker's first moment on, whatever the broker does (Q-07).

    It is a thread of the worker, because the consumer may be waiting for the broker all the time.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self, parent: Any) -> None:
        """Start the watcher's thread."""
        from messaging.delivery import dispatcher  # noqa: PLC0415 (needs loaded settings)
        from messaging.periodic import watcher  # noqa: PLC0415

        dispatcher.start(parent.concurrency)
        self.thread = threading.Thread(
            target=watcher.watch, args=("worker", self.stopping), name="watcher", daemon=True
        )
        self.thread.start()

    def stop(self, parent: Any) -> None:
        """Start nothing new, and let messages that are being sent finish."""
        from messaging.delivery import dispatcher  # noqa: PLC0415 (needs loaded settings)

        self.stopping.set()
        dispatcher.stop(settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT)
        if self.thread:
            self.thread.join(settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT)

    terminate = stop


app.steps["worker"].add(Watcher)


@setup_logging.connect
def configure_logging(**_: object) -> None:
    """Keep Celery from configuring logs of its own."""
    logging.config.dictConfig(settings.LOGGING)


@worker_init.connect
def silence_messages_outside_of_the_logs(**_: object) -> None:
    """Silence Celery's messages about its end, which it writes to standard output past all formatters."""
    from celery.apps import worker  # noqa: PLC0415 (web processes do without it)

    worker.safe_say = lambda *_words: None  # type: ignore[attr-defined]


@worker_init.connect
def refuse_unsafe_start(**_: object) -> None:
    """End a worker with an unsafe configuration before it takes a task."""
    from messaging import safety  # noqa: PLC0415 (needs loaded settings)

    safety.refuse_unsafe_start()
