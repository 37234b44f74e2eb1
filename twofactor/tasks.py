"""Celery's side of the second factor."""

from celery import shared_task

from twofactor import flows


@shared_task(name="twofactor.tasks.purge")
def purge() -> None:
    """Forget journeys, numbers and captchas beyond their days (J-05)."""
    flows.purge()
