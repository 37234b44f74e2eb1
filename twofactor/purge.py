"""Deleting old rows, in batches: by the periodic task every hour, and by ``manage.py purge``."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db.models import QuerySet

from accounts import new_device_alerts, rate_limits
from accounts.auth.session_store import SessionStore
from messaging.database import Clock, ago, delete_in_batches, update_in_batches
from messaging.delivery import flows as delivery
from messaging.periodic.scheduler import Last, periodic_task
from twofactor.models import (
    AppEnrolment,
    Challenge,
    EmailChange,
    Journey,
    PasskeyRegistration,
    PendingSignIn,
    PhoneChange,
    Reauthentication,
    RecoveryCode,
)

logger = logging.getLogger(__name__)


class PurgeFailed(Exception):
    """Some steps failed; their causes are in the log, and the other steps ran."""


def purge_destinations() -> int:
    """Empty the numbers and addresses of yesterday's challenges and changes (J-05). Return of how many rows."""
    yesterday = ago(settings.DAY)
    challenges = Challenge.objects.filter(issued_at__lt=yesterday).exclude(destination="")
    numbers = PhoneChange.objects.filter(created_at__lt=yesterday).exclude(number="")
    addresses = EmailChange.objects.filter(created_at__lt=yesterday).exclude(email="")
    posted = Reauthentication.objects.filter(created_at__lt=yesterday, posted__isnull=False)
    return (
        update_in_batches(challenges, destination="", network="")
        + update_in_batches(numbers, number="")
        + update_in_batches(addresses, email="")
        + update_in_batches(posted, posted=None)
    )


def purge_journeys() -> int:
    """Delete old journeys with their challenges, and recovery codes (J-05). Return how many."""
    kinds: tuple[type[Journey], ...] = (PendingSignIn, PhoneChange, EmailChange, Reauthentication, PasskeyRegistration)
    codes = RecoveryCode.objects.filter(issued_at__lt=ago(settings.CHALLENGE_DAYS * settings.DAY))
    secrets = AppEnrolment.objects.filter(expires_at__lte=Clock())  # they were shown, and never confirmed
    return sum(delete_in_batches(_old(kind)) for kind in kinds) + delete_in_batches(codes) + delete_in_batches(secrets)


def _old(kind: type[Journey]) -> QuerySet[Journey]:
    return kind._default_manager.filter(created_at__lt=ago(settings.CHALLENGE_DAYS * settings.DAY))


STEPS: dict[str, Callable[[], int]] = {
    "destinations": purge_destinations,
    "journeys": purge_journeys,
    "messages": lambda: delivery.purge(settings.MESSAGE_DAYS),
    "sessions": SessionStore.purge_expired,
    "rate limits": rate_limits.purge,
    "known devices": new_device_alerts.purge,
}


def purge() -> dict[str, int]:
    """Run every step; return how many rows each one deleted or emptied. Raises PurgeFailed after the last one."""
    forgotten, failed = {}, []
    for name, step in STEPS.items():
        try:
            forgotten[name] = step()
        except Exception:
            logger.exception("purge: %s failed", name)
            failed.append(name)
    if failed:
        raise PurgeFailed(", ".join(failed))
    return forgotten


@periodic_task("purge", seconds=3600)
def purge_hourly(_last: Last) -> None:
    """Delete old rows."""
    purge()
