"""Enqueue, claim, send, record. The database is the queue, the broker only carries wake-ups."""

import logging
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import get_language

from messaging.database import Clock, clock_plus, delete_in_batches
from messaging.delivery import blocked_prefixes, circuit, gateways, leases, wakeup
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import BlockedPrefix, Channel, GatewayFailure, Heartbeat, Message, State
from messaging.delivery.renderers import Content, NothingToSay, NotYet, awaited_kinds, call_on_failure, render

logger = logging.getLogger(__name__)

SWEEP_LIMIT = 200
DAY = 86_400  # seconds
NOT_RENDERED = "nobody"  # in the place of a gateway; the word is in rows that are kept
SENDER_DIED = "sender-died"  # the error of a message whose tries all ended without an answer


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
    queues of their own, before notices. ``owner_id`` says on whose behalf, for the figures of the apps above.
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

    ``people`` have an ``email`` and a ``language``. No worker is woken: the sweep takes them, tokens first.
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
    message = leases.claim(message_id)
    if message is None:
        return
    try:
        content = render(message)
    except NothingToSay:
        _record(message, state=State.EXPIRED)
        return
    except NotYet as reason:
        _record_failure(message, NOT_RENDERED, gateways.GatewayError(str(reason), Fault.OURS))
        return
    if message.channel == Channel.EMAIL:
        _send_email(message, content)
    else:
        _send_sms(message, content)


def deliver_pending(*, by: str, threads: int = 1) -> int:
    """Send what no wake-up announced, and close what came too late. Return how many were looked at.

    ``by`` names the sender that leaves its heartbeat: "worker" or "poller". With several ``threads`` a gateway
    that hangs does not hold up the messages behind it (Q-02).
    """
    Heartbeat.objects.update_or_create(name=by, defaults={"at": Clock()})
    close_hopeless()
    waiting = list(Message.objects.sendable().order_by(*sweep_order()).values_list("id", flat=True)[:SWEEP_LIMIT])
    if threads == 1:
        for message_id in waiting:
            _deliver_safely(message_id)
    elif waiting:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_deliver_in_thread, waiting))
    return len(waiting)


def sweep_order() -> tuple[Any, ...]:
    """Return the order of what waits: tokens, links that somebody waits for, then the rest, maybe 100,000 reminders."""
    is_awaited = models.Case(models.When(kind__in=awaited_kinds(), then=0), default=1)
    return (models.F("expires_at").asc(nulls_last=True), is_awaited, "id")


def close_hopeless() -> None:
    """Close what may not be tried again: too late (F5), or out of tries because its senders died (F6)."""
    Message.objects.late().update(state=State.EXPIRED)
    for message in Message.objects.out_of_tries().order_by(*sweep_order())[:SWEEP_LIMIT]:
        _close_out_of_tries(message)


def _close_out_of_tries(message: Message) -> None:
    """Record the failure like any other; of two senders one closes it. Keep the fault that a call has left."""
    facts = {"fault": message.fault or Fault.UNSURE, "error": message.error or SENDER_DIED}
    with transaction.atomic():
        if Message.objects.out_of_tries().filter(pk=message.pk).update(state=State.FAILED, **facts):
            logger.error("message %s failed: %s", message.pk, facts["error"])
            call_on_failure(message, facts["fault"])


def _deliver_in_thread(message_id: int) -> None:
    try:
        _deliver_safely(message_id)
    finally:
        connection.close()  # the thread's own


def _deliver_safely(message_id: int) -> None:
    """Send one message; a poisoned one must not stand before the others (F6)."""
    try:
        deliver(message_id)
    except Exception:
        logger.exception("message %s could not be sent", message_id)


@dataclass(frozen=True, slots=True)
class Report:
    """What a gateway says afterwards of a message that it took."""

    gateway: str
    gateway_id: str
    state: State
    code: str = ""
    fault: Fault | None = None


def take_report(message_id: int, tries: int, report: Report) -> None:
    """Record a gateway's report on one of our calls, and what follows from it for others (F31, F32)."""
    facts = {"gateway": report.gateway, "gateway_id": "".join(filter(str.isalnum, report.gateway_id))[:64]}
    if report.fault:
        facts |= {"fault": report.fault, "error": f"{report.gateway}-{report.code}"[:60]}
    taken = Message.objects.report(message_id, tries, report.state, **facts)
    if not taken or report.state is not State.FAILED:
        return
    message = Message.objects.get(pk=message_id)
    call_on_failure(message, report.fault or "")
    if report.fault in {Fault.OURS, Fault.BLOCKED}:
        note_fault(message, report.gateway, report.fault)


def silence() -> float | None:
    """Return the seconds since any sender looked for messages; None when none ever did (Q-06)."""
    age = models.ExpressionWrapper(Clock() - models.F("at"), output_field=models.DurationField())
    last = Heartbeat.objects.annotate(age=age).order_by("-at").first()
    return last.age.total_seconds() if last else None


def purge(days: int) -> int:
    """Delete messages, and gateways' failures, older than ``days`` (J-05). Return how many messages."""
    before = clock_plus(-days * DAY)
    delete_in_batches(BlockedPrefix.objects.filter(until__lt=Clock()))
    delete_in_batches(GatewayFailure.objects.filter(at__lt=before))
    return delete_in_batches(Message.objects.filter(created_at__lt=before))


def _send_email(message: Message, content: Content) -> None:
    try:
        gateways.send_email(message.destination, content)
    except gateways.GatewayError as error:
        circuit.count_failure("smtp", error.fault)
        _record_failure(message, "smtp", error)
    else:
        leases.note_sent(message, "smtp", "")


def _send_sms(message: Message, content: Content) -> None:
    """Send to a number, unless a gateway blocks its range: nobody is called then, and the reader is told."""
    if blocked_prefixes.is_blocked(message.destination):
        _record(message, state=State.FAILED, error="prefix-blocked", fault=Fault.BLOCKED)
    else:
        _send_by_gateways(message, content)


def _send_by_gateways(message: Message, content: Content) -> None:
    """Send by the first usable gateway; by the next one where the first one certainly did not take it."""
    failed: tuple[str, gateways.GatewayError] | None = None
    for way in circuit.ways(settings.SMS_GATEWAYS):
        if failed:
            renewed = leases.renew(message)
            if renewed is None:
                return
            message = renewed
        error = _call(message, content, way)
        if error is None:
            return
        failed = (way.name, error)
        if not error.fault.lets_another_try or message.tries >= settings.DELIVERY_TRIES:
            break
    if failed:
        _record_failure(message, *failed)
    elif settings.SMS_GATEWAYS:  # every circuit is open; the reader is told why
        _wait(message, _jitter(), fault=circuit.worst_fault())
    else:
        _record(message, state=State.FAILED, error="no-gateway", fault=Fault.OURS)


def _call(message: Message, content: Content, way: circuit.Way) -> gateways.GatewayError | None:
    """Make one gateway call. Record a success; return the error of a failure."""
    parcel = gateways.Parcel(message.destination, content.text, leases.seconds_left(message), message.pk, message.tries)
    try:
        gateway_id = gateways.gateway(way.name).send(parcel)
    except gateways.GatewayError as error:
        note_fault(message, way.name, error.fault)
        return error
    if way.probing:
        circuit.close(way.name)
    leases.note_sent(message, way.name, gateway_id)
    return None


def note_fault(message: Message, gateway: str, fault: Fault) -> None:
    """Draw what follows from a fault for other messages: for those by this gateway, and for those to this range."""
    circuit.note_failed_call(gateway, fault)
    if fault is Fault.BLOCKED:
        blocked_prefixes.block(message.destination)


def _wait(message: Message, pause: float, **facts: Any) -> None:
    """Give the try back, for nobody has processed the message, and let it wait so many seconds."""
    _record(message, tries=message.tries - 1, leased_until=clock_plus(pause), **facts)


def _jitter() -> float:
    return random.uniform(1, 3)  # noqa: S311 (spreads retries, no secret)


def _record_failure(message: Message, gateway: str, error: gateways.GatewayError) -> None:
    """Give up, or leave the message for another try: soon for a token (G-04), later and later for a notice.

    A token that no SMS gateway saw and that was certainly not processed is tried as long as it is worth it: greylisting
    takes a minute, and nobody gets two.
    """
    no_sms_gateway = message.channel == Channel.EMAIL or gateway == NOT_RENDERED
    # Where an SMS gateway was called, ``circuit`` logs our own fault as an error.
    level = logging.ERROR if no_sms_gateway and error.fault is Fault.OURS else logging.WARNING
    logger.log(level, "message %s not accepted by %s: %s", message.pk, gateway, f"{error.reason} {error.said}".strip())
    facts = {"gateway": gateway, "error": error.reason, "fault": error.fault}
    token = message.expires_at is not None
    tried_enough = message.tries >= (settings.DELIVERY_TRIES if token else settings.NOTICE_TRIES)
    if token and no_sms_gateway and error.fault.lets_another_try:
        _wait(message, max(_jitter(), leases.age(message) / 2), **facts)  # later and later
    elif error.fault.is_final or tried_enough:
        _record(message, state=State.FAILED, **facts)
    else:
        pause = _jitter() if token else min(3600, 2**message.tries * _jitter())
        _record(message, leased_until=clock_plus(pause), **facts)


def _record(message: Message, **values: Any) -> None:
    """Write the outcome, unless the lease ran out and another worker holds the message now."""
    recorded = leases.held(message.pk, message.tries).update(**values)
    if recorded and values.get("state") == State.FAILED:
        call_on_failure(message, values["fault"])
