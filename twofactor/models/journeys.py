"""The journeys that ask a person for tokens, and the purposes of tokens."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from accounts import rate_limits
from accounts.auth import known_browsers
from accounts.factors import FactorKind
from accounts.models import User
from messaging.database import Clock, Compiled, Insert, clock_plus, slots
from twofactor.factors import held
from twofactor.models.devices import PhoneDevice
from twofactor.steps import Step


class Purpose(models.TextChoices):
    """What a token is for. A token of one purpose is refused for another (T-05)."""

    SIGN_IN = "login"
    ENROL = "enrol"
    CHANGE_PHONE = "change_phone"
    REAUTHENTICATE = "reauth"
    MAILBOX = "mailbox"
    OLD_FACTOR = "old_factor"
    CHANGE_EMAIL = "change_email"


# Purposes of tokens whose destination was only typed: it may belong to anybody.
UNCONFIRMED = (Purpose.CHANGE_EMAIL, Purpose.CHANGE_PHONE, Purpose.ENROL)


class Journey(models.Model):
    """A row that asks a person for tokens, bound to one session, with an expiry and a number of sends."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    session_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()
    sends = models.PositiveSmallIntegerField(default=0)
    sends_allowed = models.PositiveSmallIntegerField(default=0)
    sends_until = models.DateTimeField(null=True)
    # The challenge for the next answer of a passkey, base64url: the first answer takes it, and it is good for 300 s
    # (K-04).
    passkey_challenge = models.CharField(max_length=43, default="", db_default="")
    passkey_until = models.DateTimeField(null=True)

    name: ClassVar[str]  # the field of Challenge that points here

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["created_at"], name="%(class)s_created")]

    @property
    def has_factor(self) -> bool:
        """Tell whether the person has a second factor that counts."""
        return bool(held.counting(self.user))

    @property
    def phone(self) -> PhoneDevice | None:
        """Return the person's phone, if they have confirmed one."""
        return held.phone_of(self.user)

    def known_destination(self, channel: str) -> str:
        """Return the person's confirmed phone or their address. Raises ChannelRefused (``held.destination``)."""
        return held.destination(self.user, channel)

    # Not an abstract class of ``abc``, because Django's metaclass for models is another one: subclasses define both.
    @property
    def purpose(self) -> str:
        """Return the purpose of this journey's next token."""
        raise NotImplementedError

    def destination(self, channel: str, stored: str) -> str:
        """Return the destination of a token of this journey, by the present state of the person where possible (T-05).

        ``stored`` is the destination in the row of the challenge.
        """
        raise NotImplementedError


SENDS_NOTHING: dict[str, Step] = {FactorKind.APP: Step.APP, FactorKind.PASSKEY: Step.PASSKEY}


def source_of(user: User) -> str:
    """Return the source of this person's password: their known browser, or else the network address (B-12)."""
    browser = known_browsers.current_browser(user)
    return f"{known_browsers.KNOWN_SOURCE}{browser}" if browser else rate_limits.here()


class PendingSignIn(Journey):
    """A right password whose second factor is outstanding. The person is not signed in."""

    # The index below begins with it.
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    auth_hash = models.CharField(max_length=64)
    next_url = models.CharField(max_length=500, default="")
    introduced = models.BooleanField(default=False)
    # By the token of the mailbox, or by a recovery code in its place.
    mailbox_proved = models.BooleanField(default=False)
    # True for an open session without a password in the last five minutes: a stolen cookie binds nothing.
    needs_password = models.BooleanField(default=False, db_default=False)
    switches_policy_on = models.BooleanField(default=False)
    after_failures = models.BooleanField(db_default=False, default=False)  # in new browsers
    source = models.CharField(max_length=64, db_default="", default="")  # of the password: ``source_of``
    # By a device whose kind no longer counts: that opens the enrolment of one that does, and nothing else (K-06).
    old_factor_proved = models.BooleanField(default=False, db_default=False)
    # By a factor that sends nothing; for one that sends, the verified challenge has it.
    completed_at = models.DateTimeField(null=True)

    name = "pending_sign_in"
    can_send: bool  # annotated by ``sign_in.query``: a captcha still allows a send (C-06)
    account_used: int | None  # annotated by ``sign_in.query``: SMS of the running day
    system_used: int | None  # the same
    just_issued: Any = None  # the challenge that this request issued, for its next page
    factors_due: bool  # annotated by ``sign_in.query``, for its person

    class Meta(Journey.Meta):
        # The latest sign-ins of a person are read with every right password.
        indexes = [*Journey.Meta.indexes, models.Index(fields=["user", "created_at"], name="pendingsignin_of_user")]

    def __str__(self) -> str:
        return f"pending sign-in {self.pk}"

    @classmethod
    def begin(cls, user: User, **facts: Any) -> "PendingSignIn":
        """Keep a right password for 600 s by the database's clock, with what ``sign_in.query`` would annotate."""
        facts = dict.fromkeys(FLAGS, False) | {"next_url": "", "source": source_of(user)} | facts
        begun = BEGIN.new(user_id=user.pk, auth_hash=user.get_session_auth_hash(), **facts)
        begun.user, begun.can_send = user, False
        # Read together with a password that was typed just now; not asked for where none was.
        begun.account_used, begun.system_used = (getattr(user, name, None) for name in ("account_used", "system_used"))
        return begun

    def still_holds(self) -> bool:
        """Tell whether the password has not changed since, and the person may still sign in."""
        return self.user.is_session_hash(self.auth_hash) and self.user.may_sign_in

    @property
    def needs_mailbox(self) -> bool:
        """Tell whether the mailbox, or a recovery code, has to come before a first phone (D3, R-07)."""
        if held.provable(self.user):  # it counts, or it is used instead of the mailbox
            return False
        return self.user.mailbox_before_phone and not self.mailbox_proved

    @property
    def needs_old_factor(self) -> bool:
        """Tell whether a device that no longer counts has to be proved before another one is enrolled (K-06).

        Otherwise somebody who knows only the password could get around it.
        """
        return not self.has_factor and not self.old_factor_proved and bool(held.provable(self.user))

    @property
    def needs_code(self) -> bool:
        """Tell whether only a recovery code is accepted in place of the mailbox (R-07, R-10)."""
        return self.needs_mailbox and self.user.mailbox_proves_nothing

    @property
    def purpose(self) -> str:
        """Return "login", or "enrol" without a factor; "mailbox" or "old_factor" where that comes first."""
        if self.has_factor:
            return Purpose.SIGN_IN
        if self.needs_old_factor:
            return Purpose.OLD_FACTOR
        return Purpose.MAILBOX if self.needs_mailbox else Purpose.ENROL

    def destination(self, channel: str, stored: str) -> str:
        """Return the current phone or address; for a first phone, the number stored in the challenge (P-07)."""
        if self.needs_mailbox:
            return self.user.email
        return self.known_destination(channel) if self.has_factor or self.needs_old_factor else stored

    @property
    def step(self) -> Step:
        """Return the step that this journey waits at."""
        if self.needs_password:
            return Step.PASSWORD
        return Step.TOKEN if self.sends else self.sends_from

    @property
    def sends_from(self) -> Step:
        """Return the step that sends the next token, or that leads there."""
        if self.has_factor or self.needs_old_factor:
            return self._first_step()
        if not self.introduced:
            return Step.INTRODUCTION
        if self.needs_code:
            return Step.RECOVERY_CODE
        if self.needs_mailbox:
            return Step.MAILBOX
        return Step.PHONE if self.user.accepts(FactorKind.SMS) else Step.SETUP

    def _first_step(self) -> Step:
        """Return the first step of a later sign-in: a factor that sends nothing if it is preferred or the only one."""
        kinds = {device.factor for device in held.provable(self.user)}
        first = self.user.preferred_factor
        if first not in kinds and (len(kinds) == 1 or FactorKind.SMS not in kinds):
            first = min(kinds)
        return SENDS_NOTHING.get(first, Step.CHANNEL) if first in kinds else Step.CHANNEL


FLAGS = ("introduced", "mailbox_proved", "needs_password", "switches_policy_on", "after_failures")


def _begin() -> Insert[PendingSignIn]:
    columns = slots(PendingSignIn, "user_id", "session_hash", "auth_hash", "next_url", "source", *FLAGS)
    return Insert(PendingSignIn, expires_at=clock_plus(settings.PENDING_SIGN_IN_SECONDS), **columns)


# Built once 64 µs, each time 0.3 ms.
BEGIN = Compiled(_begin, "PENDING_SIGN_IN_SECONDS")


class PasskeyRegistration(Journey):
    """The registration of a passkey by a person who has just re-authenticated (K-04). It sends nothing."""

    name = "passkey_registration"

    def __str__(self) -> str:
        return f"passkey registration {self.pk}"
