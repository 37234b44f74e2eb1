"""The Celery task of delivery: it calls one flow, or hands its message to the worker's dispatcher."""

import logging
from collections.abc import Callable
from typing import Any

from celery import Task, shared_task
from django.db import models

from messaging.delivery import dispatcher, flows
from messaging.delivery.waiting import QUEUES

logger = logging.getLogger(__name__)


class WakeUp(Task[Any, Any]):
    """A task that a worker with a dispatcher does not run."""

    Strategy = f"{__name__}:straight_to_the_dispatcher"


@shared_task(name="messaging.delivery.tasks.deliver", base=WakeUp)
def deliver(message_id: int) -> None:
    """Send one message, if it still has to be sent."""
    flows.deliver(message_id)


def straight_to_the_dispatcher(task: Any, app: Any, consumer: Any) -> Callable[..., Any]:
    """Return what a worker does with a wake-up: Celery's ``Task.Strategy``.

    Its own makes a request of each, hands it to a thread and follows it: 0.3 to 0.5 ms of processor time a token, where
    an id has to be passed on. A wake-up is acknowledged at once, because the database is the queue.
    """
    from celery.worker.strategy import default  # noqa: PLC0415 (web processes do without it)

    as_usual = default(task, app, consumer)

    def receive(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> Any:
        message_id = _message_of(message) if dispatcher.runs() else None
        if message_id is None:
            return as_usual(message, body, ack, reject, callbacks)
        dispatcher.take(message_id, queue=_queue_of(message))
        return ack(logger, consumer.connection_errors)

    return receive


def _message_of(message: Any) -> int | None:
    """Return the id in a wake-up; None for what is not written as ``wakeup.send`` does, which Celery then refuses.

    A number that no row can have would end the claim of all messages that are claimed with it.
    """
    match message.payload:
        case [[int(message_id)], dict(), dict()] if 0 < message_id <= models.BigIntegerField.MAX_BIGINT:
            return message_id
    return None


def _queue_of(message: Any) -> str:
    """Return the queue that a wake-up came from."""
    queue = message.delivery_info.get("routing_key")
    return queue if queue in QUEUES else QUEUES[-1]
