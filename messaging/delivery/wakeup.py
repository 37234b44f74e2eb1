"""The wake-up: it tells a worker to look now, in bounded time. It may be lost without harm."""

import logging

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def send(message_id: int, *, queue: str) -> None:
    """Tell a worker that a message waits; only its id is sent (J-03). A dead broker is logged, never raised (F7).

    A wake-up has no expiry: a worker would judge that by its own clock; the claim uses the database's.
    """
    if not settings.REDIS_URL:  # there is no broker: the poller sends
        return
    try:
        current_app.send_task(
            "messaging.delivery.tasks.deliver",
            args=[message_id],
            queue=queue,
            argsrepr=str(message_id),
            declare=[],  # a worker declares its queue; here it took 200 of a wake-up's 1,020 calls (of Python and C)
        )
    except (OperationalError, OSError) as error:
        logger.warning("wake-up lost for message %s: %s", message_id, type(error).__name__)


def ping() -> None:
    """Connect to the broker once. Raises kombu's OperationalError or OSError when it does not answer."""
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=0, timeout=1)
