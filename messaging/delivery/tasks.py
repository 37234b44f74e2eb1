"""Celery's side of delivery: fetch, call one flow, done."""

from celery import shared_task

from messaging.delivery import flows


@shared_task(name="messaging.delivery.tasks.deliver")
def deliver(message_id: int) -> None:
    """Send one message, if it is still to be sent."""
    flows.deliver(message_id)
