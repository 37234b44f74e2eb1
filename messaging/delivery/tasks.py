"""Celery's side of delivery: fetch, call one flow, done."""

from celery import shared_task
from django.conf import settings

from messaging.delivery import chores, flows


@shared_task(name="messaging.delivery.tasks.deliver")
def deliver(message_id: int) -> None:
    """Send one message, if it is still to be sent."""
    flows.deliver(message_id)


@shared_task(name="messaging.delivery.tasks.sweep", expires=5)
def sweep() -> None:
    """Send what the doorbell missed, close what came too late, and do the chores that are due."""
    flows.deliver_pending(by="worker", threads=settings.SWEEP_THREADS)
    chores.do_due()


@shared_task(name="messaging.delivery.tasks.purge")
def purge() -> None:
    """Forget messages beyond their days (J-05)."""
    flows.purge(settings.MESSAGE_DAYS)
