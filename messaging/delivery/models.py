"""Messages, with their delivery status, and what delivery keeps about gateways, senders and periodic tasks."""

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from messaging.database import Clock, Compiled, Insert, Slot, clock_plus, slots
from messaging.delivery.failure_reasons import Fault


class Channel(models.TextChoices):
    """How a message is sent."""

    SMS = "sms", "SMS"
    EMAIL = "email", _("e-mail")


class State(models.TextChoices):
    """The delivery status of a message; it only moves forward."""

    QUEUED = "queued", _("queued")
    SENDING = "sending", _("sending")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("failed")
    EXPIRED = "expired", _("expired")


class MessageQuerySet(models.QuerySet["Message"]):
    """The queue."""

    def waiting(self) -> "MessageQuerySet":
        """Return messages that nobody is sending: queued, or under a lease that has expired."""
        return self.filter(Q(state=State.QUEUED) | Q(state=State.SENDING, leased_until__lt=Clock()))

    def sendable(self) -> "MessageQuerySet":
        """Return messages that wait, are worth sending and have a try left: two for tokens (G-04), many for notices."""
        notice = Q(expires_at__isnull=True, tries__lt=settings.NOTICE_TRIES)
        token = Q(expires_at__gt=self.soonest(), tries__lt=settings.DELIVERY_TRIES)
        return self.waiting().filter(notice | token)

    def waiting_for_the_operator(self) -> "MessageQuerySet":
        """Return messages that wait because of a fault of ours: credentials, sender, relaying, an unknown key."""
        return self.filter(state=State.SENDING, fault__in=[Fault.OURS, Fault.REFUSED])

    def late(self) -> "MessageQuerySet":
        """Return messages that wait and are no longer worth a gateway call (F5)."""
        return self.waiting().filter(expires_at__lte=self.soonest())

    def out_of_tries(self) -> "MessageQuerySet":
        """Return messages that wait and have no try left (F6)."""
        notice = Q(expires_at__isnull=True, tries__gte=settings.NOTICE_TRIES)
        token = Q(expires_at__isnull=False, tries__gte=settings.DELIVERY_TRIES)
        return self.waiting().filter(notice | token)

    def queue(self, *, lifetime: float | None, **facts: Any) -> "Message":
        """Insert one message, which lives ``lifetime`` seconds from now, or without end."""
        return QUEUE.new(lifetime=None if lifetime is None else timedelta(seconds=lifetime), **facts)

    def insert_from(self, source: models.QuerySet[Any], row: dict[str, Any]) -> int:
        """Insert one message for each row of another queryset, with these columns; return how many."""
        sql, params = source.order_by().values_list(*row.values()).query.sql_with_params()
        table = connection.ops.quote_name(self.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} ({', '.join(row)}) {sql}", params)
            return int(cursor.rowcount)

    def report(self, message_id: int, tries: int, state: str, **facts: str) -> int:
        """Move a message forward to the state that its gateway reports; other reports change nothing (G-06).

        ``tries`` is the number of the call. A success is true of the message, whichever call it is about; a failure
        only if it is about the last call, because the second gateway may carry what the first one lost (F29).
        """
        before = {State.SENT: [State.SENDING]}.get(State(state), [State.SENDING, State.SENT])
        reported = self.filter(pk=message_id, state__in=before)
        if state == State.FAILED:
            reported = reported.filter(tries=tries)
        return reported.update(state=state, reported_at=Clock(), **facts)

    def worth_a_call(self) -> "MessageQuerySet":
        """Return messages without an end of life, or with enough left of it for a gateway call (G-02)."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=self.soonest()))

    @staticmethod
    def soonest() -> models.Expression:
        """Return the earliest end of life that is worth a gateway call (G-02)."""
        return clock_plus(settings.DELIVERY_MINIMUM_SECONDS_LEFT)


class Message(models.Model):
    """One message. It has no text: that is rendered at the moment of sending (T-06)."""

    channel = models.CharField(_("channel"), max_length=5, choices=Channel.choices)
    destination = models.CharField(_("destination"), max_length=254)
    kind = models.CharField(_("kind"), max_length=40)
    subject_id = models.BigIntegerField(_("number of what it is about"))
    language = models.CharField(_("language"), max_length=5)
    # The account on whose behalf it is sent: an id of the apps above, for their figures.
    owner_id = models.BigIntegerField(_("on whose behalf"), null=True)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.QUEUED)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    created_at = models.DateTimeField(_("created at"), db_default=Clock())
    expires_at = models.DateTimeField(_("valid until"), null=True)
    leased_until = models.DateTimeField(_("taken by a worker until"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    reported_at = models.DateTimeField(_("receipt at"), null=True)
    gateway = models.CharField(_("gateway"), max_length=20, default="")
    gateway_id = models.CharField(_("number at the gateway"), max_length=64, default="")
    error = models.CharField(_("error"), max_length=60, default="")
    fault = models.CharField(_("reason"), max_length=9, default="")

    objects: ClassVar[Any] = MessageQuerySet.as_manager()
    subject: Any = None  # what it is about, where that was read together with other messages

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(
                fields=["id"],
                name="message_open",
                condition=Q(state__in=[State.QUEUED, State.SENDING]),
            ),
            models.Index(fields=["kind", "subject_id"], name="message_subject"),
            models.Index(fields=["gateway", "sent_at"], name="message_by_gateway", condition=Q(sent_at__isnull=False)),
            models.Index(fields=["created_at"], name="message_created"),
            models.Index(fields=["owner_id", "created_at"], name="message_owner_token", condition=Q(kind="token")),
            models.Index(
                fields=["owner_id"], name="message_refused", condition=Q(channel=Channel.EMAIL, state=State.FAILED)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.get_channel_display()}, {self.get_state_display()}"


def _queue() -> Insert[Message]:
    end = models.ExpressionWrapper(
        Clock() + Slot("lifetime", models.DurationField()), output_field=models.DateTimeField()
    )
    columns = slots(Message, "channel", "destination", "kind", "subject_id", "language", "owner_id")
    return Insert(Message, expires_at=end, **columns)


# Built once 58 µs, each time 0.3 ms.
QUEUE = Compiled(_queue)


class GatewayFailure(models.Model):
    """One failed gateway call. Successes are the messages themselves."""

    name = models.CharField(_("gateway"), max_length=20)
    fault = models.CharField(_("reason"), max_length=9)
    at = models.DateTimeField(_("when"), db_default=Clock())

    class Meta:
        verbose_name = _("failure of a gateway")
        verbose_name_plural = _("failures of gateways")
        indexes = [models.Index(fields=["name", "at"], name="gateway_failure")]

    def __str__(self) -> str:
        return f"{self.name}: {self.fault}"


class OpenCircuit(models.Model):
    """A gateway that is not used now. A successful probe deletes the row."""

    name = models.CharField(_("gateway"), max_length=20, primary_key=True)
    open_until = models.DateTimeField(_("not used until"))
    fault = models.CharField(_("reason"), max_length=9)
    opened_at = models.DateTimeField(_("since"), db_default=Clock())

    class Meta:
        verbose_name = _("gateway that is not used")
        verbose_name_plural = _("gateways that are not used")

    def __str__(self) -> str:
        return f"{self.name}: {self.fault}"


class BlockedPrefix(models.Model):
    """A range of numbers (E.164 without the last four digits) that a gateway blocks because it suspects fraud."""

    prefix = models.CharField(max_length=12, primary_key=True)
    until = models.DateTimeField()
    blocked_at = models.DateTimeField(db_default=Clock())

    def __str__(self) -> str:
        return f"{self.prefix}… → {self.until}"


class Heartbeat(models.Model):
    """When a sender last looked for messages. A process that runs but does not work leaves none (Q-06)."""

    name = models.CharField(_("worker"), max_length=20, primary_key=True)
    at = models.DateTimeField(_("last seen"), db_default=Clock())

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return f"{self.name}, {self.at}"


class PeriodicTask(models.Model):
    """When a periodic task is due, until when a run holds it, and when the last successful run began."""

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    due_at = models.DateTimeField(_("due at"), db_default=Clock())
    done_at = models.DateTimeField(_("last ended well"), null=True)
    leased_until = models.DateTimeField(_("taken by a worker until"), null=True)
    high_water = models.BigIntegerField(_("done up to"), null=True)

    class Meta:
        verbose_name = _("periodic task")
        verbose_name_plural = _("periodic tasks")
        db_table = "delivery_chore"  # the model's earlier name

    def __str__(self) -> str:
        return f"{self.name}, {self.due_at}"
