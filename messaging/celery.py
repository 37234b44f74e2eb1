import logging.config
import os
import threading
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

# What a worker has not acknowledged is not given back when its connection ends: the lease of the message's row does
# that. Kombu would try on the dead connection, and write what it could not give back into a file (F11).
Channel.do_restore = False


class LastingConnections(DjangoWorkerFixup):
    """Keep a thread's connection from task to task by the rule of requests: its age and its health.

    Celery's own closes it before and after each task: a new connection for each token costs more than its statements.
    """

    def close_database(self, **kwargs: Any) -> None:
        """Close connections that are too old or broken; what is left is tried before its next use (F16)."""
        close_old_connections()


class DjangoWithLastingConnections(DjangoFixup):
    """Celery's adaptation to Django, with lasting connections."""

    @cached_property
    def worker_fixup(self) -> LastingConnections:
        """Return what acts in workers; made late, for it reads the configuration."""
        return LastingConnections(self.app)


class Loader(AppLoader):
    """Celery's reader of its configuration, which ends in one sentence where a setting is wrong."""

    def config_from_object(self, obj: Any, silent: bool = False) -> Any:
        """Load the settings first."""
        from messaging import safety  # noqa: PLC0415 (settings import this package)

        safety.load_settings()
        return super().config_from_object(obj, silent)


app = Celery("messaging", loader=Loader, fixups=[lambda app: DjangoWithLastingConnections(app).install()])  # type: ignore[list-item]
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class Watcher(bootsteps.StartStopStep):
    """Send and run what is due from the worker's first moment on, whatever the broker does (Q-07).

    A thread of the worker itself: its consumer may be waiting for the broker all the while.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self, parent: Any) -> None:
        """Begin to look."""
        from messaging.periodic import watcher  # noqa: PLC0415 (needs loaded settings)

        self.thread = threading.Thread(
            target=watcher.watch, args=("worker", self.stopping), name="watcher", daemon=True
        )
        self.thread.start()

    def stop(self, parent: Any) -> None:
        """Take nothing new, and let what is being sent come to its end."""
        self.stopping.set()
        if self.thread:
            self.thread.join(settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT)

    terminate = stop


app.steps["worker"].add(Watcher)


@setup_logging.connect
def log_as_the_portal_does(**_: object) -> None:
    """Keep Celery from writing lines of a form of its own."""
    logging.config.dictConfig(settings.LOGGING)


@worker_init.connect
def say_nothing_past_the_logs(**_: object) -> None:
    """Keep Celery's words about its end, which it writes to standard output past all formatters, out of the lines."""
    from celery.apps import worker  # noqa: PLC0415 (web processes do without it)

    worker.safe_say = lambda *_words: None  # type: ignore[attr-defined]


@worker_init.connect
def refuse_unsafe_start(**_: object) -> None:
    """End a worker that is configured unsafely before it takes a task."""
    from messaging import safety  # noqa: PLC0415 (needs loaded settings)

    safety.refuse_unsafe_start()
