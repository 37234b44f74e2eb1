"""A message: one thing that leaves the system, and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from messaging.database import Clock, clock_plus, update_returning


class Channel(models.TextChoices):
    """How a message travels."""

    SMS = "sms", "SMS"
    EMAIL = "email", "e-mail"


class State(models.TextChoices):
    """What became of a message; it only moves forward."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"


class MessageQuerySet(models.QuerySet["Message"]):
    """The queue that the database is."""

    def waiting(self) -> "MessageQuerySet":
        """Return what nobody is sending: queued, or under a lease that ran out."""
        return self.filter(Q(state=State.QUEUED) | Q(state=State.SENDING, leased_until__lt=Clock()))

    def claim(self, message_id: int) -> "Message | None":
        """Take a message for sending under a lease, counting the try; None when it is not to be had (F12)."""
        return update_returning(
            self.filter(pk=message_id, tries__lt=settings.DELIVERY_TRIES).waiting().filter(self.in_time()),
            state=State.SENDING,
            tries=models.F("tries") + 1,
            leased_until=clock_plus(settings.DELIVERY_LEASE_SECONDS),
        )

    def close_hopeless(self) -> int:
        """Close what may not be tried again: too late, or out of tries. Return how many."""
        late = self.waiting().exclude(self.in_time()).update(state=State.EXPIRED)
        spent = self.waiting().filter(tries__gte=settings.DELIVERY_TRIES).update(state=State.FAILED)
        return late + spent

    @staticmethod
    def in_time() -> Q:
        """Match what still has enough life to be worth sending (G-02); notices never expire."""
        soonest = clock_plus(settings.DELIVERY_MINIMUM_SECONDS_LEFT)
        return Q(expires_at__isnull=True) | Q(expires_at__gt=soonest)


class Message(models.Model):
    """One message. Holds no text: it is composed at the moment of sending (T-06)."""

    channel = models.CharField(max_length=5, choices=Channel.choices)
    destination = models.CharField(max_length=254)
    kind = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    language = models.CharField(max_length=5)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    gateway = models.CharField(max_length=20, default="")
    gateway_id = models.CharField(max_length=64, default="")
    error = models.CharField(max_length=60, default="")

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="message_open",
                condition=Q(state__in=[State.QUEUED, State.SENDING]),
            ),
            models.Index(fields=["kind", "subject_id"], name="message_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} by {self.channel}: {self.state}"
