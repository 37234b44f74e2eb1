import os
from functools import cached_property
from typing import Any

from celery import Celery
from celery.fixups.django import DjangoFixup, DjangoWorkerFixup  # type: ignore[attr-defined]
from celery.signals import worker_init
from django.db import close_old_connections
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")

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


app = Celery("messaging", fixups=[lambda app: DjangoWithLastingConnections(app).install()])  # type: ignore[list-item]
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_unsafe_start(**_: object) -> None:
    """End a worker that is configured unsafely before it takes a task."""
    from messaging import safety  # noqa: PLC0415 (needs loaded settings)

    safety.refuse_unsafe_start()
