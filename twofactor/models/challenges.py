"""Challenges: demands for proof. Their queries are conditional updates, so the database decides."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache, reduce
from operator import or_
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from accounts.models import User
from messaging.database import Clock, Compiled, Insert, Slot, Statement, clock_plus, slots
from messaging.delivery.models import Channel, Message, State
from twofactor.exceptions import TokenLate
from twofactor.models.journeys import UNCONFIRMED, Journey, PendingSignIn, Purpose
from twofactor.models.proofs import EmailChange, PhoneChange, Reauthentication
from twofactor.tokens import derive


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    """Queries of challenges; none reads a row, decides in Python and writes."""

    def of_any_purpose(self, journey: Journey) -> "ChallengeQuerySet":
        """Return the challenges of a journey."""
        return self.filter(**{journey.name: journey})

    def of(self, journey: Journey) -> "ChallengeQuerySet":
        """Return the challenges of a journey for its current purpose."""
        return self.of_any_purpose(journey).filter(purpose=journey.purpose)

    def open(self) -> "ChallengeQuerySet":
        """Return those that were neither verified nor superseded; they may have expired all the same."""
        return self.filter(verified_at__isnull=True, superseded_at__isnull=True)

    def with_delivery_status(self) -> "ChallengeQuerySet":
        """Add the delivery status of each message, for its reader; None where none was queued."""
        messages = Message.objects.filter(kind="token", subject_id=OuterRef("pk")).order_by("-pk")
        state, fault = (Subquery(messages.values(field)[:1]) for field in ("state", "fault"))
        return self.annotate(message_state=state, message_fault=fault)  # type: ignore[no-redef]

    def newest_first(self) -> "ChallengeQuerySet":
        """Return all, the latest first, with ``seconds_left`` and ``age`` by the database's clock."""
        duration = models.DurationField()
        left = models.ExpressionWrapper(F("expires_at") - Clock(), output_field=duration)
        age = models.ExpressionWrapper(Clock() - F("issued_at"), output_field=duration)
        return self.annotate(left=left, age=age).order_by("-pk")  # type: ignore[no-redef]

    def newest(self) -> "Challenge | None":
        """Return the latest one, with ``seconds_left`` and ``age`` by the database's clock."""
        return self.newest_first().first()

    def shown(self, journey: Journey) -> "Challenge | None":
        """Return the latest of a journey's current purpose, with its delivery status, for the token page."""
        return _shown(journey.name).row(journey=journey.pk, purpose=journey.purpose)

    def supersede(self) -> None:
        """Close open challenges, because a newer token replaces theirs (T-04)."""
        self.open().update(superseded_at=Clock())

    def claim_attempt(self, journey: Journey) -> "Challenge | None":
        """Count one attempt on a journey's open challenge; None when it may not be tried (L-01, L-05)."""
        return _attempt(journey.name).row(journey=journey.pk, purpose=journey.purpose)

    def close(self, challenge: "Challenge") -> bool:
        """Consume a challenge; True for exactly one caller (T-03)."""
        return bool(CLOSE.changed(challenge=challenge.pk))


def _at(journey: str) -> ChallengeQuerySet:
    """Return the challenges of a journey whose id is a slot, by the name of its field."""
    where = Slot("journey", models.BigIntegerField()), Slot("purpose", models.CharField())
    challenges: ChallengeQuerySet = Challenge.objects.filter(**{journey: where[0]}, purpose=where[1])
    return challenges


@cache
def _shown(journey: str) -> Compiled["Challenge"]:
    # Built once 427 µs, each time 4.7 ms.
    return Compiled(lambda: Statement(_at(journey).with_delivery_status().newest_first()[:1]))


@cache
def _attempt(journey: str) -> Compiled["Challenge"]:
    def build() -> Statement["Challenge"]:
        open_to_tries = _at(journey).open().filter(attempts__lt=settings.TOKEN_ATTEMPTS, expires_at__gt=Clock())
        return Statement(open_to_tries, attempts=F("attempts") + 1)

    # Built once 75 µs, each time 1.1 ms.
    return Compiled(build, "TOKEN_ATTEMPTS")


# Built once 21 µs, each time 0.2 ms.
CLOSE = Compiled(
    lambda: Statement(
        Challenge.objects.open().filter(pk=Slot("challenge", models.BigIntegerField())), verified_at=Clock()
    )
)

# The fields that point from a challenge to its journey, and the constraints: one live challenge for each journey.
JOURNEYS = {
    "pending_sign_in": "challenge_one_live_sign_in",
    "phone_change": "challenge_one_live_change",
    "reauthentication": "challenge_one_live_proof",
    "email_change": "challenge_one_live_address",
}


def _one_of(fields: Iterable[str]) -> Q:
    """Return the condition that exactly one of the fields is set."""
    names = list(fields)
    return reduce(or_, (Q(**{f"{name}__isnull": name != one for name in names}) for one in names))


class Challenge(models.Model):
    """One demand for proof. It stores its destination and its nonce, never its token (T-06)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    pending_sign_in = models.ForeignKey(PendingSignIn, models.CASCADE, null=True, related_name="+")
    # Partial indexes: most challenges are a sign-in's, and would have entries in the indexes of the three others, too.
    phone_change = models.ForeignKey(PhoneChange, models.CASCADE, null=True, related_name="+", db_index=False)
    reauthentication = models.ForeignKey(Reauthentication, models.CASCADE, null=True, related_name="+", db_index=False)
    email_change = models.ForeignKey(EmailChange, models.CASCADE, null=True, related_name="+", db_index=False)
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    channel = models.CharField(max_length=5, choices=Channel.choices)
    destination = models.CharField(max_length=254)
    network = models.CharField(max_length=43, default="")  # the network address of the request, for its limit
    nonce = models.CharField(max_length=32)
    key_id = models.CharField(max_length=8)
    issued_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)
    withheld = False  # set by ``send_token`` where no message leaves, which no page says
    message_state: str | None  # annotated by ``with_delivery_status``
    message_fault: str | None
    left: timedelta  # annotated by ``newest``: until it expires
    age: timedelta  # annotated by ``newest``: since it was issued

    objects: ClassVar[Any] = ChallengeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_one_of(JOURNEYS), name="challenge_of_one_journey"),
            *(
                models.UniqueConstraint(
                    fields=[journey, "purpose"],
                    condition=Q(verified_at__isnull=True, superseded_at__isnull=True),
                    name=name,
                )
                for journey, name in JOURNEYS.items()
            ),
        ]
        indexes = [
            models.Index(fields=["issued_at"], name="challenge_issued"),
            # For a range or an address that is used up: its tokens are read while the rows of the day's SMS are
            # locked. A sign-in does not write to this index.
            models.Index(
                fields=["issued_at"],
                name="challenge_typed",
                condition=Q(purpose__in=UNCONFIRMED, channel=Channel.SMS),
            ),
            *(
                models.Index(
                    fields=[journey], name=f"challenge_of_{journey}", condition=Q(**{f"{journey}__isnull": False})
                )
                for journey in ("phone_change", "reauthentication", "email_change")
            ),
        ]

    def __str__(self) -> str:
        return f"challenge {self.pk}: {self.purpose} by {self.channel}"

    def take_as_shown(self) -> None:
        """Give a challenge that was issued a moment ago what ``shown`` would read: its message waits, or is withheld.

        The page that follows in the same request then reads nothing: one statement, and 200 calls of Python and C.
        """
        self.age = timedelta(microseconds=1)
        self.left = timedelta(seconds=settings.TOKEN_LIFETIME_SECONDS) - self.age
        self.message_state, self.message_fault = None if self.withheld else State.QUEUED, ""

    @property
    def seconds_left(self) -> int:
        """Return the whole seconds until the token expires; 0 after that."""
        usable = self.is_open and self.attempts < settings.TOKEN_ATTEMPTS
        return max(0, int(self.left.total_seconds())) if usable else 0

    @property
    def is_open(self) -> bool:
        """Tell whether it was neither verified nor superseded."""
        return self.verified_at is None and self.superseded_at is None

    @property
    def message(self) -> Message | None:
        """Return the message of the token as read by ``with_delivery_status``; None where none was queued."""
        if self.message_state is None:
            return None
        return Message(channel=self.channel, state=self.message_state, fault=self.message_fault or "")

    def token(self) -> str:
        """Return the six digits to send, derived from the row. Raises TokenLate when its key is not known."""
        return self._derived(self.user_id, self.purpose, self.destination)

    def token_for(self, user: User, purpose: str, destination: str) -> str:
        """Return the six digits for the facts of the present request (T-05).

        Raises TokenLate when the row's key is not known.
        """
        return self._derived(user.pk, purpose, destination)

    def _derived(self, user_id: int, purpose: str, destination: str) -> str:
        for key in (settings.TOKEN_KEY, settings.TOKEN_KEY_PREVIOUS):
            if key and derive.key_id(key) == self.key_id:
                return derive.derive(key, self.nonce, user_id, purpose, self.channel, destination, self._bound_to())
        raise TokenLate

    def _bound_to(self) -> str:
        if self.reauthentication_id:
            return f"re-authentication {self.reauthentication_id}"
        if self.email_change_id:
            return f"e-mail change {self.email_change_id}"
        return f"sign-in {self.pending_sign_in_id} change {self.phone_change_id}"

    @classmethod
    def issue(cls, journey: Journey, *, channel: str, destination: str, network: str = "") -> "Challenge":
        """Create the challenge of a journey, by the database's clock; the one before must be superseded."""
        challenge = ISSUE.new(
            **dict.fromkeys(JOURNEY_COLUMNS) | {f"{journey.name}_id": journey.pk},
            user_id=journey.user_id,
            purpose=journey.purpose,
            channel=channel,
            destination=destination,
            network=network,
            nonce=derive.new_nonce(),
            key_id=derive.key_id(settings.TOKEN_KEY),
        )
        challenge.user = journey.user
        return challenge


JOURNEY_COLUMNS = [f"{journey}_id" for journey in JOURNEYS]


def _issue() -> Insert[Challenge]:
    columns = ("user_id", "purpose", "channel", "destination", "network", "nonce", "key_id", *JOURNEY_COLUMNS)
    return Insert(Challenge, expires_at=clock_plus(settings.TOKEN_LIFETIME_SECONDS), **slots(Challenge, *columns))


# Built once 75 µs, each time 0.3 ms.
ISSUE = Compiled(_issue, "TOKEN_LIFETIME_SECONDS")
