"""The phone proved held, the journeys that ask for tokens, and the demands for proof."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache, reduce
from operator import or_
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device

from accounts import budgets
from accounts.models import User
from messaging.database import Clock, Compiled, Insert, Slot, Statement, clock_plus, slots
from messaging.delivery.models import Channel, Message
from twofactor import tokens
from twofactor.exceptions import ChannelRefused, TokenLate


class PhoneDevice(Device):
    """A phone that a person has proved to hold. No row exists before the proof (P-06)."""

    user = models.OneToOneField(User, models.CASCADE, related_name="phone_device")
    number = models.CharField(_("number"), max_length=16)
    region = models.CharField(_("country"), max_length=2)
    kind = models.CharField(max_length=24)
    confirmed_at = models.DateTimeField(db_default=Clock())

    class Meta:
        verbose_name = _("phone")
        verbose_name_plural = _("phones")
        indexes = [models.Index(fields=["number"], name="phone_number")]

    def __str__(self) -> str:
        return f"•••{self.number[-2:]}"


class Journey(models.Model):
    """What asks a person for tokens: a row bound to one session, with an end and an allowance of sends."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    session_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()
    sends = models.PositiveSmallIntegerField(default=0)
    sends_allowed = models.PositiveSmallIntegerField(default=0)
    sends_until = models.DateTimeField(null=True)

    name: ClassVar[str]  # the field of Challenge that points here

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["created_at"], name="%(class)s_created")]

    @property
    def device(self) -> PhoneDevice | None:
        """Return the person's phone, if they have proved one."""
        return getattr(self.user, "phone_device", None)

    def known_destination(self, channel: str) -> str:
        """Return the person's proved phone or their address.

        Raises ChannelRefused before the first phone (P-05), and for the mailbox where the account takes no tokens
        by e-mail (D1) or after a password reset by e-mail, until one sign-in by SMS (R-06): otherwise one mailbox
        would be both factors.
        """
        if self.device is None or (channel == Channel.EMAIL and not self.user.takes_tokens_by_email):
            raise ChannelRefused
        return self.user.email if channel == Channel.EMAIL else self.device.number

    # Abstract, by hand: Django's metaclass for models is not ABC's.

    @property
    def purpose(self) -> str:
        """Return what the next token of this journey is for."""
        raise NotImplementedError

    def destination(self, challenge: "Challenge") -> str:
        """Return where a token of this journey goes, by the present state of the person wherever it tells (T-05)."""
        raise NotImplementedError


class PendingSignInQuerySet(models.QuerySet["PendingSignIn"]):
    """Where a pending sign-in is found, and when it is over."""

    def alive(self) -> "PendingSignInQuerySet":
        """Return what has not come to its end: too old, completed by a verified token, or crowded out by five newer."""
        verified = Challenge.objects.filter(pending_sign_in=OuterRef("pk"), verified_at__isnull=False)
        completed = verified.exclude(purpose=Purpose.MAILBOX)
        newer = PendingSignIn.objects.filter(user=OuterRef("user"), pk__gt=OuterRef("pk"), expires_at__gt=Clock())
        crowded = newer.order_by("pk")[settings.PENDING_SIGN_INS - 1 : settings.PENDING_SIGN_INS]
        return self.filter(~models.Exists(completed), ~models.Exists(crowded), expires_at__gt=Clock())

    def of_session(self, session_hash: str) -> "PendingSignIn | None":
        """Return the live pending sign-in of a session, with its person, account and phone; None if there is none.

        It ends when the password changes or the person or account is deactivated (S-06).
        """
        pending: PendingSignIn | None = OF_SESSION.row(session=session_hash)
        return pending if pending and pending.still_holds() else None


class PendingSignIn(Journey):
    """A right password whose second factor is outstanding. The person is not signed in."""

    auth_hash = models.CharField(max_length=64)
    next_url = models.CharField(max_length=500, default="")
    introduced = models.BooleanField(default=False)
    mailbox_proved = models.BooleanField(default=False)
    switches_policy_on = models.BooleanField(default=False)

    name = "pending_sign_in"
    can_send: bool  # by ``of_session``: what a captcha granted still has a send in it (C-06)
    account_used: int | None  # by ``of_session``: SMS of the running day
    system_used: int | None  # the same

    objects: ClassVar[Any] = PendingSignInQuerySet.as_manager()

    def __str__(self) -> str:
        return f"pending sign-in {self.pk}"

    @classmethod
    def begin(cls, user: User, **facts: Any) -> "PendingSignIn":
        """Keep a right password for 600 s by the database's clock."""
        pending = BEGIN.new(user_id=user.pk, auth_hash=user.get_session_auth_hash(), **facts)
        pending.user = user
        return pending

    def still_holds(self) -> bool:
        """Tell whether the right password of the first step is still right, and the person still welcome."""
        unchanged = constant_time_compare(self.auth_hash, self.user.get_session_auth_hash())
        return unchanged and self.user.may_sign_in

    @property
    def needs_mailbox(self) -> bool:
        """Tell whether the mailbox has to be proved before a first phone may be (D3, R-07)."""
        return self.device is None and self.user.mailbox_before_phone and not self.mailbox_proved

    @property
    def purpose(self) -> str:
        """Return "login", or "enrol" while no phone is proved, or "mailbox" where that comes before it."""
        if self.device:
            return Purpose.SIGN_IN
        return Purpose.MAILBOX if self.needs_mailbox else Purpose.ENROL

    def destination(self, challenge: "Challenge") -> str:
        """Return today's phone or address; for a first phone, the number sealed into the challenge (P-07)."""
        if self.needs_mailbox:
            return self.user.email
        return self.known_destination(challenge.channel) if self.device else challenge.destination

    @property
    def step(self) -> str:
        """Return the name of the view that this journey waits at."""
        return "token" if self.sends else self.sends_from

    @property
    def sends_from(self) -> str:
        """Return the name of the view that sends the next token, or leads there."""
        if self.device:
            return "channel"
        if not self.introduced:
            return "introduction"
        return "mailbox" if self.needs_mailbox else "phone"


def _of_session() -> Statement[PendingSignIn]:
    """Build what every page between password and token reads."""
    can_send = models.ExpressionWrapper(
        Q(sends__lt=F("sends_allowed"), sends_until__gt=Clock(), sends_until__isnull=False),
        output_field=models.BooleanField(),
    )
    live = PendingSignIn.objects.alive().filter(session_hash=Slot("session", models.CharField()))
    facts = {
        "can_send": can_send,
        "account_used": budgets.most_used("account", OuterRef("user__account_id")),
        "system_used": budgets.most_used("system", models.Value("sms")),
    }
    related = live.annotate(**facts)
    related = related.select_related("user__account", "user__phone_device")
    return Statement(related.order_by("pk")[:1])


def _begin() -> Statement[PendingSignIn]:
    told = slots(PendingSignIn, "user_id", "session_hash", "auth_hash", "next_url", "switches_policy_on")
    return Insert(PendingSignIn, **told, expires_at=clock_plus(settings.PENDING_SIGN_IN_SECONDS))


BEGIN, OF_SESSION = Compiled(_begin), Compiled(_of_session)


class Proof(Journey):
    """A journey of somebody signed in who is asked again: the password, then a token to today's phone (R-01)."""

    password_proved = models.BooleanField(default=False)
    holder_proved = models.BooleanField(default=False)

    action: Any  # what it is asked for, as the audit names it
    cancelled: ClassVar[str]  # what the audit says when the person gives up

    class Meta(Journey.Meta):
        abstract = True

    @property
    def purpose(self) -> str:
        """Return "reauth"."""
        return Purpose.REAUTHENTICATE

    def destination(self, challenge: "Challenge") -> str:
        """Return today's phone or address."""
        return self.known_destination(challenge.channel)

    @property
    def step(self) -> str:
        """Return which of the two proofs is outstanding, or "new" when both are there."""
        if self.holder_proved:
            return "new"
        return "current" if self.password_proved else "password"


class PhoneChange(Proof):
    """A change of the phone on its way: first it is still you, then the new number."""

    number = models.CharField(max_length=16)
    region = models.CharField(max_length=2)
    kind = models.CharField(max_length=24)

    name = "phone_change"
    action = "phone.change"
    cancelled = "phone.change_cancelled"

    def __str__(self) -> str:
        return f"phone change {self.pk}"

    @property
    def purpose(self) -> str:
        """Return "reauth" until it is proved that it is still you, then "change_phone"."""
        return Purpose.CHANGE_PHONE if self.holder_proved else Purpose.REAUTHENTICATE

    def destination(self, challenge: "Challenge") -> str:
        """Return the new number, or today's phone or address for the proof that it is still you."""
        return self.number if self.holder_proved else super().destination(challenge)


class EmailChange(Proof):
    """A change of the e-mail address on its way: first it is still you, then the new mailbox (R-08)."""

    email = models.EmailField(max_length=254)

    name = "email_change"
    action = "email.change"
    cancelled = "email.change_cancelled"

    def __str__(self) -> str:
        return f"e-mail change {self.pk}"

    @property
    def purpose(self) -> str:
        """Return "reauth" until it is proved that it is still you, then "change_email"."""
        return Purpose.CHANGE_EMAIL if self.holder_proved else Purpose.REAUTHENTICATE

    def destination(self, challenge: "Challenge") -> str:
        """Return the new address, or today's phone or address for the proof that it is still you."""
        return self.email if self.holder_proved else super().destination(challenge)


class ReauthenticationQuerySet(models.QuerySet["Reauthentication"]):
    """What was proved, and whether it still opens anything."""

    def alive(self) -> "ReauthenticationQuerySet":
        """Return what is neither too old nor used."""
        return self.filter(expires_at__gt=Clock(), used_at__isnull=True)

    def granted(self) -> "ReauthenticationQuerySet":
        """Return what was proved in the last 300 s and is not used."""
        return self.alive().filter(holder_proved=True)


class Reauthentication(Proof):
    """The proof that it is still you, for one action on one page, once; it lives and dies with its session."""

    action = models.CharField(max_length=60)
    path = models.CharField(max_length=300)
    query = models.CharField(max_length=500, default="")
    wish = models.JSONField(null=True)  # what is carried out as soon as it is proved
    used_at = models.DateTimeField(null=True)

    name = "reauthentication"
    cancelled = "reauthentication.cancelled"

    objects: ClassVar[Any] = ReauthenticationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"re-authentication {self.pk}: {self.action}"

    @property
    def next_url(self) -> str:
        """Return the page that asked for the proof."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Purpose(models.TextChoices):
    """What a token is for. A token of one purpose is worth nothing for another (T-05)."""

    SIGN_IN = "login"
    ENROL = "enrol"
    CHANGE_PHONE = "change_phone"
    REAUTHENTICATE = "reauth"
    MAILBOX = "mailbox"
    CHANGE_EMAIL = "change_email"


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    """The database decides about challenges; nothing here reads, thinks and then writes."""

    def of_any_purpose(self, journey: Journey) -> "ChallengeQuerySet":
        """Return the challenges of a journey."""
        return self.filter(**{journey.name: journey})

    def of(self, journey: Journey) -> "ChallengeQuerySet":
        """Return the challenges of a journey that serve its present purpose."""
        return self.of_any_purpose(journey).filter(purpose=journey.purpose)

    def that_opened(self, pending: Any) -> "ChallengeQuerySet":
        """Return what completed a pending sign-in; the token of a mailbox does not, the phone comes after it (D3)."""
        verified = self.filter(pending_sign_in=pending, verified_at__isnull=False)
        return verified.exclude(purpose=Purpose.MAILBOX)

    def open(self) -> "ChallengeQuerySet":
        """Return what was neither verified nor superseded; it may be too late all the same."""
        return self.filter(verified_at__isnull=True, superseded_at__isnull=True)

    def with_fate(self) -> "ChallengeQuerySet":
        """Add what became of the message of each, for telling its reader the truth; None where none was sent."""
        messages = Message.objects.filter(kind="token", subject_id=OuterRef("pk")).order_by("-pk")
        state, fault = (Subquery(messages.values(field)[:1]) for field in ("state", "fault"))
        return self.annotate(message_state=state, message_fault=fault)  # type: ignore[no-redef]

    def newest_first(self) -> "ChallengeQuerySet":
        """Return all, the last one first, with ``seconds_left`` and ``age`` by the database's clock."""
        duration = models.DurationField()
        left = models.ExpressionWrapper(F("expires_at") - Clock(), output_field=duration)
        age = models.ExpressionWrapper(Clock() - F("issued_at"), output_field=duration)
        return self.annotate(left=left, age=age).order_by("-pk")  # type: ignore[no-redef]

    def newest(self) -> "Challenge | None":
        """Return the last one, with its ``seconds_left`` and its ``age`` by the database's clock."""
        return self.newest_first().first()

    def shown(self, journey: Journey) -> "Challenge | None":
        """Return the newest of a journey's present purpose, with its fate: what the page of the token shows."""
        return _shown(journey.name).row(journey=journey.pk, purpose=journey.purpose)

    def supersede(self) -> None:
        """Close what is open: a newer token takes its place (T-04)."""
        self.open().update(superseded_at=Clock())

    def claim_attempt(self, journey: Journey) -> "Challenge | None":
        """Count one attempt on a journey's open challenge; None when it may not be tried (L-01, L-05)."""
        return _attempt(journey.name).row(journey=journey.pk, purpose=journey.purpose)

    def close(self, challenge: "Challenge") -> bool:
        """Consume a challenge; True for exactly one caller (T-03)."""
        return bool(self.open().filter(pk=challenge.pk).update(verified_at=Clock()))


def _at(journey: str) -> ChallengeQuerySet:
    """Return the challenges of a journey that is told at each run, by the name of its field."""
    where = Slot("journey", models.BigIntegerField()), Slot("purpose", models.CharField())
    challenges: ChallengeQuerySet = Challenge.objects.filter(**{journey: where[0]}, purpose=where[1])
    return challenges


@cache
def _issue(journey: str, lifetime: int) -> Compiled["Challenge"]:
    told = slots(
        Challenge, f"{journey}_id", "user_id", "purpose", "channel", "destination", "network", "nonce", "key_id"
    )
    return Compiled(lambda: Insert(Challenge, **told, expires_at=clock_plus(lifetime)))


@cache
def _shown(journey: str) -> Compiled["Challenge"]:
    return Compiled(lambda: Statement(_at(journey).with_fate().newest_first()[:1]))


@cache
def _attempt(journey: str) -> Compiled["Challenge"]:
    def build() -> Statement["Challenge"]:
        open_to_tries = _at(journey).open().filter(attempts__lt=settings.TOKEN_ATTEMPTS, expires_at__gt=Clock())
        return Statement(open_to_tries, attempts=F("attempts") + 1)

    return Compiled(build)


# The fields that lead a challenge to its journey, and the constraints by which each journey has one live challenge.
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
    """One demand for proof. It knows its destination and its nonce, never its token (T-06)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    pending_sign_in = models.ForeignKey(PendingSignIn, models.CASCADE, null=True, related_name="+")
    phone_change = models.ForeignKey(PhoneChange, models.CASCADE, null=True, related_name="+")
    reauthentication = models.ForeignKey(Reauthentication, models.CASCADE, null=True, related_name="+")
    email_change = models.ForeignKey(EmailChange, models.CASCADE, null=True, related_name="+")
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    channel = models.CharField(max_length=5, choices=Channel.choices)
    destination = models.CharField(max_length=254)
    network = models.CharField(max_length=43, default="")  # where it was asked for, for the budget of that address
    nonce = models.CharField(max_length=32)
    key_id = models.CharField(max_length=8)
    issued_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)
    message_state: str | None  # by ``with_fate``
    message_fault: str | None
    left: timedelta  # by ``newest``: until it expires
    age: timedelta  # by ``newest``: since it was issued

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
        indexes = [models.Index(fields=["issued_at"], name="challenge_issued")]

    def __str__(self) -> str:
        return f"challenge {self.pk}: {self.purpose} by {self.channel}"

    @property
    def seconds_left(self) -> int:
        """Return how long the token still opens anything, in whole seconds; 0 when it does not."""
        usable = self.is_open and self.attempts < settings.TOKEN_ATTEMPTS
        return max(0, int(self.left.total_seconds())) if usable else 0

    @property
    def is_open(self) -> bool:
        """Tell whether it was neither verified nor superseded."""
        return self.verified_at is None and self.superseded_at is None

    @property
    def message(self) -> Message | None:
        """Return the message of the token as far as ``with_fate`` read it; None where none was sent."""
        if self.message_state is None:
            return None
        return Message(channel=self.channel, state=self.message_state, fault=self.message_fault or "")

    def token(self) -> str:
        """Return the six digits to send, derived from the row. Raises TokenLate when its key is gone."""
        return self._derived(self.user_id, self.purpose, self.destination)

    def token_for(self, user: User, purpose: str, destination: str) -> str:
        """Return the six digits that these facts, told by the present request, would need (T-05).

        Raises TokenLate when the key of the row was rotated away.
        """
        return self._derived(user.pk, purpose, destination)

    def _derived(self, user_id: int, purpose: str, destination: str) -> str:
        for key in (settings.TOKEN_KEY, settings.TOKEN_KEY_PREVIOUS):
            if key and tokens.key_id(key) == self.key_id:
                return tokens.derive(key, self.nonce, user_id, purpose, self.channel, destination, self._bound_to())
        raise TokenLate

    def _bound_to(self) -> str:
        if self.reauthentication_id:
            return f"re-authentication {self.reauthentication_id}"
        if self.email_change_id:
            return f"e-mail change {self.email_change_id}"
        return f"sign-in {self.pending_sign_in_id} change {self.phone_change_id}"

    @classmethod
    def issue(cls, journey: Journey, *, channel: str, destination: str, network: str = "") -> "Challenge":
        """Create the challenge of a journey, 180 s by the database's clock; the one before must be superseded."""
        challenge = _issue(journey.name, settings.TOKEN_LIFETIME_SECONDS).new(
            **{f"{journey.name}_id": journey.pk},
            user_id=journey.user.pk,
            purpose=journey.purpose,
            channel=channel,
            destination=destination,
            network=network,
            nonce=tokens.new_nonce(),
            key_id=tokens.key_id(settings.TOKEN_KEY),
        )
        challenge.user = journey.user
        return challenge
