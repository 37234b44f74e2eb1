import os

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")

app = Celery("messaging")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_unsafe_start(**_: object) -> None:
    """End a worker that is configured unsafely before it takes a task."""
    from messaging import safety  # noqa: PLC0415 (needs loaded settings)

    safety.refuse_unsafe_start()
