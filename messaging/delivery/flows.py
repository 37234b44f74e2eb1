"""Enqueue, claim, send, record. The database is the queue; the broker only carries wake-ups."""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import get_language

from messaging.database import Clock, ago, delete_in_batches
from messaging.delivery import dispatcher, leases, looks, sending, wakeup
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import BlockedPrefix, Channel, GatewayFailure, Heartbeat, Message, State
from messaging.delivery.renderers import awaited_kinds, call_on_failure, reader

logger = logging.getLogger(__name__)

SENDER_DIED = "sender-died"  # the error of a message whose tries all ended without a result


def enqueue(  # noqa: PLR0913 (the facts of a message, each by its name)
    *,
    channel: str,
    destination: str,
    kind: str,
    subject_id: int,
    language: str = "",
    lifetime: float | None = None,
    urgent: bool = False,
    owner_id: int | None = None,
) -> Message:
    """Queue a message in the caller's transaction and wake a worker once that is committed.

    ``language`` is the reader's, if known; else that of the request. ``lifetime`` is in seconds from now; None
    means that the message is kept until it is sent. ``urgent`` messages (tokens) and links that somebody waits for have
    queues of their own, before notices. ``owner_id`` is the account, for the figures of the apps above.
    """
    message = Message.objects.queue(
        channel=channel,
        destination=destination,
        kind=kind,
        subject_id=subject_id,
        language=language or get_language() or settings.LANGUAGE_CODE,
        owner_id=owner_id,
        lifetime=lifetime,
    )
    queue = "tokens" if urgent else "links" if kind in awaited_kinds() else "notices"
    transaction.on_commit(lambda: wakeup.send(message.pk, queue=queue), robust=True)
    return message


def enqueue_notices(
    people: models.QuerySet[Any], subject_id: int | models.F, *, owner_id: int | None, kind: str = "notice"
) -> int:
    """Queue one notice to the mailbox of each of ``people``, in one INSERT … SELECT; return how many.

    ``people`` have an ``email`` and a ``language``. No worker is woken: the sweep sends them, after tokens.
    """
    language = Coalesce(NullIf("language", Value("")), Value(get_language() or settings.LANGUAGE_CODE))
    row = {
        "channel": Value(Channel.EMAIL),
        "destination": models.F("email"),
        "kind": Value(kind),
        "subject_id": subject_id if isinstance(subject_id, models.F) else Value(subject_id),
        "language": language,
        "owner_id": Value(owner_id, output_field=models.BigIntegerField()),
        "state": Value(State.QUEUED),
        "tries": Value(0),
        **dict.fromkeys(("gateway", "gateway_id", "error", "fault"), Value("")),
    }
    return Message.objects.insert_from(people, row)


def enqueue_many(messages: Iterable[Message]) -> None:
    """Queue many messages in one statement. No worker is woken: the sweep sends them, seconds later."""
    Message.objects.bulk_create(messages)


def deliver(message_id: int) -> None:
    """Send one message if it can be claimed; record what came of it."""
    if message := leases.claim(message_id):
        sending.send(message)


def deliver_pending(*, by: str, threads: int = 1) -> int:
    """Send the messages that no wake-up announced, and close those that are too late. Return how many were looked at.

    ``by`` names the sender in its heartbeat: "worker" or "poller". With several ``threads`` a gateway that hangs does
    not delay the messages behind it (Q-02).
    """
    looks.note_life(by)
    close_hopeless()
    found = looks.WAITING.run()
    waiting = [message.pk for message in _not_dispatched(found)]
    if threads == 1:
        for message_id in waiting:
            _deliver_safely(message_id)
    elif waiting:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_deliver_share, [iter(waiting)] * threads))  # one iterator, from which all take
    return len(found)


def _not_dispatched(found: list[Message]) -> list[Message]:
    """Give tokens to this process's dispatcher, if it has one; return the other messages.

    Those are left to the look's own threads: a hundred thousand notices must not stand before a token.
    """
    tokens = [message for message in found if reader(message.kind)] if dispatcher.runs() else []
    dispatcher.take(*(message.pk for message in tokens), more=bool(tokens) and len(found) == looks.LIMIT)
    return [message for message in found if message not in tokens]


def close_hopeless() -> None:
    """Close messages that may not be tried again: too late (F5), or out of tries because their senders died (F6)."""
    looks.EXPIRE_LATE.changed()
    for message in looks.OUT_OF_TRIES.run():
        _close_out_of_tries(message)


def _close_out_of_tries(message: Message) -> None:
    """Record the failure once, even with two senders. Keep the fault that a call has left."""
    facts = {"fault": message.fault or Fault.UNSURE, "error": message.error or SENDER_DIED}
    with transaction.atomic():
        if Message.objects.out_of_tries().filter(pk=message.pk).update(state=State.FAILED, **facts):
            logger.error("message %s failed: %s", message.pk, facts["error"])
            call_on_failure(message, facts["fault"])


def _deliver_share(waiting: Iterator[int]) -> None:
    """Send messages that other threads have not taken, over one connection: a new one costs more than a token."""
    try:
        for message_id in waiting:
            connection.close_if_unusable_or_obsolete()
            _deliver_safely(message_id)
    finally:
        connection.close()  # the connection of this thread


def _deliver_safely(message_id: int) -> None:
    """Send one message; an error of one message must not delay the others (F6)."""
    try:
        deliver(message_id)
    except Exception:
        logger.exception("message %s could not be sent", message_id)


@dataclass(frozen=True, slots=True)
class Report:
    """A gateway's later report on a message that it took."""

    gateway: str
    gateway_id: str
    state: State
    code: str = ""
    fault: Fault | None = None


def take_report(message_id: int, tries: int, report: Report) -> None:
    """Record a gateway's report on one of our calls, and what follows for other messages (F31, F32)."""
    facts = {"gateway": report.gateway, "gateway_id": "".join(filter(str.isalnum, report.gateway_id))[:64]}
    if report.fault:
        facts |= {"fault": report.fault, "error": f"{report.gateway}-{report.code}"[:60]}
    taken = Message.objects.report(message_id, tries, report.state, **facts)
    if not taken or report.state is not State.FAILED:
        return
    message = Message.objects.get(pk=message_id)
    call_on_failure(message, report.fault or "")
    if report.fault in {Fault.OURS, Fault.BLOCKED}:
        sending.note_fault(message, report.gateway, report.fault)


def silence() -> float | None:
    """Return the seconds since any sender last looked for messages; None when none ever did (Q-06)."""
    age = models.ExpressionWrapper(Clock() - models.F("at"), output_field=models.DurationField())
    last = Heartbeat.objects.annotate(age=age).order_by("-at").first()
    return last.age.total_seconds() if last else None


def purge(days: int) -> int:
    """Delete messages and gateways' failures that are older than ``days`` (J-05). Return how many messages."""
    before = ago(days * settings.DAY)
    delete_in_batches(BlockedPrefix.objects.filter(until__lt=Clock()))
    delete_in_batches(GatewayFailure.objects.filter(at__lt=before))
    return delete_in_batches(Message.objects.filter(created_at__lt=before))
