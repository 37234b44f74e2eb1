"""Send a token, and verify what a person typed. Every journey uses this module."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.db import models, transaction
from django.db.models import F

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event, record_only
from accounts.models import User
from messaging.database import Clock, Compiled, Slot, Statement, clock_plus, update_returning
from messaging.delivery import flows as delivery
from messaging.delivery.models import Message
from twofactor import exceptions as refusals
from twofactor.models import Challenge, ChallengeQuerySet, Journey, Purpose
from twofactor.tokens import derive, lockout, send_limits
from twofactor.tokens.send_limits import Send

DOUBLE_CLICK_SECONDS = 3


def move(journey: Journey, **values: object) -> None:
    """Change a journey that is still under way. Raises JourneyOver."""
    if not _alive(type(journey), journey.pk).update(**values):
        raise refusals.JourneyOver


def send_token(
    journey: Journey, channel: str, destination: str, *, granted: bool = False, captcha: str = ""
) -> Challenge:
    """Count one send, supersede the token before, issue a new one and queue its message.

    ``granted``: a captcha or a proof was just passed; it pays for this send and for two more within ten minutes
    (C-06). ``captcha`` is the name of that captcha. Runs in the caller's transaction, so a refusal counts nothing,
    not even the captcha. Raises CaptchaNeeded, CaptchaRefused, JourneyOver, Limited or SmsUsedUp.
    """
    lockout.refuse_while_locked(journey.user)
    before = _count_send(journey, granted) - 1
    if before:
        _await_cooldown(journey, destination, before)
        Challenge.objects.of(journey).supersede()
    challenge = Challenge.issue(journey, channel=channel, destination=destination, network=rate_limits.here())
    _note_issue(journey, challenge, number=before + 1)
    # Late, because some of its rows are shared by everybody and stay locked until the commit.
    challenge.withheld = bool(send_limits.count(Send(journey, channel, destination, captcha)))
    if not challenge.withheld:
        delivery.enqueue(
            channel=channel,
            destination=destination,
            kind="token",
            subject_id=challenge.pk,
            language=journey.user.language,
            lifetime=settings.TOKEN_LIFETIME_SECONDS,
            urgent=True,
            owner_id=_owner(journey),
        )
    return challenge


def _owner(journey: Journey) -> int | None:
    """Return the account in whose figures a token is counted; None for one to a new address.

    A token to an address that somebody else has is withheld, and a figure that stays as it was would tell the account's
    administrators that somebody has it (R-08).
    """
    return None if journey.purpose == Purpose.CHANGE_EMAIL else journey.user.account_id


def _note_issue(journey: Journey, challenge: Challenge, *, number: int) -> None:
    """Record a token that was asked for: the ``number``-th of its journey supersedes the one before (J-01).

    The message row that names the same ``challenge`` has the delivery status; a failure is an event, too.
    """
    record_only(
        Action.CHALLENGE_ISSUED,
        user=journey.user,
        purpose=journey.purpose,
        channel=challenge.channel,
        challenge=challenge.pk,
        number=number,
    )


def note_undelivered(message: Message, fault: str) -> None:
    """Record that the message of a token failed for good (J-01).

    Of a token to a new address it would tell the account that nobody else has the address (R-08).
    """
    challenge = Challenge.objects.select_related("user").filter(pk=message.subject_id).first()
    if challenge and challenge.purpose != Purpose.CHANGE_EMAIL:
        record_event(
            Action.CHALLENGE_FAILED,
            user=challenge.user,
            purpose=challenge.purpose,
            channel=message.channel,
            challenge=challenge.pk,
            fault=fault,
        )


def resend(journey: Journey) -> Challenge:
    """Send another token to where the last one went. Raises CaptchaNeeded, JourneyOver or Limited."""
    last = Challenge.objects.of(journey).newest()
    if last is None:
        raise refusals.JourneyOver
    return send_token(journey, last.channel, last.destination)


def cooldown(last: Challenge, sends: int) -> int:
    """Return how many seconds have to pass before another token may follow the last one to its destination."""
    pauses = settings.RESEND_COOLDOWNS
    wait = pauses[min(sends, len(pauses)) - 1]
    return max(0, wait - int(last.age.total_seconds()))


def was_just_sent(journey: Journey) -> bool:
    """Tell whether a token was sent so recently that another click of the same person is a double click (F45)."""
    last = Challenge.objects.of(journey).newest()
    return last is not None and last.age.total_seconds() < DOUBLE_CLICK_SECONDS


def verify(journey: Journey, typed: str) -> Challenge:
    """Return the journey's open challenge if this is its token; else raise a TokenRefused or Limited.

    The attempt is counted, on the challenge and on the person, and committed before anything is compared (T-09,
    L-02, L-05). The challenge is not consumed here: ``consume`` does that in the transaction of what the token opens.
    """
    token = derive.read(typed)
    if token is None:
        raise refusals.TokenMalformed
    challenge = Challenge.objects.claim_attempt(journey)
    if challenge is None:
        raise _why_closed(Challenge.objects.of(journey))
    failures = lockout.count_attempt(journey.user)
    destination = journey.destination(challenge.channel, challenge.destination)
    if derive.same(challenge.token_for(journey.user, journey.purpose, destination), token):
        return challenge
    lockout.note_wrong_answer(journey.user, failures, challenge.purpose)
    if _was_superseded(Challenge.objects.of(journey), token):
        raise refusals.TokenSuperseded
    raise refusals.TokenWrong(settings.TOKEN_ATTEMPTS - challenge.attempts)


@contextmanager
def opening(user: User) -> Iterator[None]:
    """Run in one transaction what a right token opens.

    A refusal rolls all of it back, also that the attempt was taken back from the failures. The token was right, so that
    is done again here (L-04).
    """
    try:
        with transaction.atomic():
            yield
    except refusals.TwoFactorError:
        lockout.take_back(user)
        raise


def consume(challenge: Challenge) -> None:
    """Consume a verified challenge, in the transaction of what it opens. Raises TokenUsed for all but one (T-03)."""
    if not Challenge.objects.close(challenge):
        raise refusals.TokenUsed


def _count_send(journey: Journey, granted: bool) -> int:
    """Count one send and return how many the journey has made. The row lock serializes parallel sends."""
    counted = _granting(type(journey)).row(journey=journey.pk) if granted else _count(journey)
    if counted is None:
        raise refusals.JourneyOver if granted else refusals.CaptchaNeeded
    journey.sends, journey.sends_allowed = counted.sends, counted.sends_allowed
    return counted.sends


def _count(journey: Journey) -> Journey | None:
    may_send = _alive(type(journey), journey.pk).filter(sends__lt=F("sends_allowed"), sends_until__gt=Clock())
    return update_returning(may_send, sends=F("sends") + 1)


def _alive(kind: type[Journey], key: int | Slot) -> models.QuerySet[Journey]:
    return kind._default_manager.filter(pk=key, expires_at__gt=Clock())


@cache
def _granting(kind: type[Journey]) -> Compiled[Journey]:
    """Return the statement that counts the send that a captcha pays for, and allows the next ones."""

    def build() -> Statement[Journey]:
        return Statement(
            _alive(kind, Slot("journey", models.BigIntegerField())),
            sends=F("sends") + 1,
            sends_allowed=F("sends") + settings.CAPTCHA_UNLOCK_SENDS,
            sends_until=clock_plus(settings.CAPTCHA_UNLOCK_SECONDS),
        )

    # Built once 45 µs, each time 0.4 ms.
    return Compiled(build, "CAPTCHA_UNLOCK_SECONDS", "CAPTCHA_UNLOCK_SENDS")


def _await_cooldown(journey: Journey, destination: str, sends: int) -> None:
    earlier = Challenge.objects.of_any_purpose(journey).filter(destination=destination)
    last = earlier.newest()
    if last and (wait := cooldown(last, sends)):
        raise refusals.Limited(wait, "cooldown", journey.user)


def _why_closed(of_journey: ChallengeQuerySet) -> refusals.TokenRefused:
    last = of_journey.newest()
    if last and last.verified_at:
        return refusals.TokenUsed()
    if last and last.attempts >= settings.TOKEN_ATTEMPTS:
        return refusals.AttemptsUsedUp()
    return refusals.TokenLate()


def _was_superseded(of_journey: ChallengeQuerySet, token: str) -> bool:
    """Tell whether this is the token of a challenge that a newer one replaced (F48)."""
    replaced = of_journey.filter(superseded_at__isnull=False).order_by("-pk")[:5]
    return any(derive.same(challenge.token(), token) for challenge in replaced)
