"""Signing in: begin, prove, complete. The rules of the sign-in are here."""

from datetime import datetime
from functools import cache
from typing import Any

from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import BigIntegerField, CharField, IntegerField

from accounts import policy, policy_schedule
from accounts.audit.actions import Action
from accounts.audit.record import record_event, record_only
from accounts.audit.thinning import count_left_out, record_thinned
from accounts.auth import known_browsers
from accounts.auth import sessions as account_sessions
from accounts.factors import FactorKind
from accounts.models import User
from accounts.notifications.notify import is_first, notify
from accounts.passwords import flows as passwords
from accounts.passwords import limits as password_limits
from accounts.passwords.limits import RequireCaptcha
from accounts.request import context as request_context
from messaging.database import Clock, Compiled, Slot, Statement, tried_twice
from messaging.delivery.models import Channel
from twofactor import exceptions as refusals
from twofactor import recovery
from twofactor.factors import held
from twofactor.factors.base import Verified
from twofactor.journeys import MAX_ADDRESS_LENGTH
from twofactor.models import Challenge, FactorDevice, PendingSignIn
from twofactor.phones import Phone
from twofactor.sign_in import query, unused
from twofactor.tokens import challenges, lockout, typed_tokens


def check_password(login: str, password: str, require_captcha: RequireCaptcha | None = None) -> User | None:
    """Return the active person of an active account whose login or address and password these are.

    ``require_captcha`` is called where a captcha is due, before the password is compared; its argument says how many
    times the captcha's work doubles. Raises Limited.
    """
    user = authenticate(username=login, password=password, require_captcha=require_captcha)
    if user is None:
        record_thinned(Action.PASSWORD_FAILED, user=User.objects.named(login))
    return user


def sign_in_without_policy(user: User) -> None:
    """Record a sign-in by password alone: neither the account nor the person's role requires a second factor."""
    with transaction.atomic():
        # The person's row before those of their limits, as a new password locks them (F20).
        User.objects.filter(pk=user.pk).update(last_login=Clock())
        record_thinned(Action.SIGN_IN_PASSWORD_ONLY, user=user)
        if _after_failures(user):
            password_limits.forget_series(user, request_context.current.get().ip)


def _note_sign_in(user: User, kind: FactorKind, *, was_known: bool) -> None:
    """Record the time, and clear the failures of a factor that was confirmed before (L-04).

    A first factor clears only its own attempt: it proves nothing about who failed before it.

    This is the first statement of a sign-in's transaction. It locks the person's row before the rows of their factors,
    as every removal of factors does, so that no deadlock arises. The request may have read the person before a change.
    So it raises JourneyOver if the sessions were ended, the password changed, or the kind no longer counts.
    """
    seen = {"epoch": user.session_epoch, "password": user.password}
    if not _proved(kind, was_known).changed(user=user.pk, **seen):
        raise refusals.JourneyOver
    lockout.take_back_here(user)


@cache
def _proved(kind: FactorKind, was_known: bool) -> Compiled[User]:
    # Built once 0.2 ms, each time 0.7 ms.
    seen = {"session_epoch": Slot("epoch", IntegerField()), "password": Slot("password", CharField())}
    person = User.objects.filter(held.lets_in(kind), pk=Slot("user", BigIntegerField()), **seen)
    read = () if was_known else ("LOCKOUT_SCHEDULE",)
    return Compiled(lambda: Statement(person, **_after_sign_in(kind, was_known)), *read)


def _after_sign_in(kind: FactorKind, was_known: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"failures": 0, "failures_until": None} if was_known else lockout.without_attempt()
    if kind != FactorKind.EMAIL:
        facts["mailbox_suspect"] = False
    if kind != FactorKind.RECOVERY:  # a code is an exception, not the person's usual way
        facts["last_factor"] = kind
    return {**facts, "last_login": Clock()}


def begin_sign_in(user: User, *, session_hash: str, next_url: str, **facts: bool) -> PendingSignIn:
    """Keep a right password as the pending sign-in of one session, for 600 s (S-02). ``facts`` are its other fields."""
    with transaction.atomic():
        _note_begun(user)
        if getattr(user, "begun_unused", False):
            unused.forget(user)
        return PendingSignIn.begin(
            user,
            session_hash=session_hash,
            next_url=next_url if len(next_url) <= MAX_ADDRESS_LENGTH else "",
            after_failures=_after_failures(user),
            **facts,
        )


def _after_failures(user: User) -> bool:
    """Tell whether wrong passwords were typed in new browsers before this right one, itself typed in a new browser."""
    return bool(getattr(user, "failed_before", False)) and not known_browsers.current_browser(user)


def _note_begun(user: User) -> None:
    """Record a right password; of many in a minute only their number (B-16). Notify of those never finished (B-12).

    ``user`` has the annotations of ``query.with_begun`` where the password was typed just now.
    """
    if getattr(user, "begun_often", False):
        count_left_out(Action.SIGN_IN_PENDING, user=user, anywhere=True)
    else:
        record_only(Action.SIGN_IN_PENDING, user=user)
    if getattr(user, "begun_unfinished", False) and not known_browsers.current_browser(user):
        _notify_unfinished(user)


def _notify_unfinished(user: User) -> None:
    """Notify a person, once a day, that somebody types their right password and gets no further (ASVS 6.3.5)."""
    if is_first(f"unfinished told {user.pk}"):
        notify(user, record_event(Action.SIGN_IN_UNFINISHED, user=user))


def prove_password(pending: PendingSignIn, typed: str) -> None:
    """Check the password that a pending sign-in out of an open session asks for (R-09).

    Raises PasswordRefused, JourneyOver, or Limited: a stolen session has as many guesses as a signed-in person.
    """
    if not passwords.own_password_is(pending.user, typed):
        raise refusals.PasswordRefused
    challenges.move(pending, needs_password=False)
    pending.needs_password = False


def introduce(pending: PendingSignIn) -> None:
    """Remember that the person has seen how two-step verification works here."""
    challenges.move(pending, introduced=True)


@tried_twice
def start_mailbox_proof(pending: PendingSignIn, *, captcha: str) -> Challenge:
    """Send the token that confirms the mailbox before a first phone (D3, R-07). ``captcha`` was just solved (C-01).

    Raises CaptchaRefused, JourneyOver or Limited; ChannelRefused if the mailbox proves nothing (R-07, R-10).
    """
    if pending.needs_code:
        raise refusals.ChannelRefused
    with transaction.atomic():
        return challenges.send_token(pending, Channel.EMAIL, pending.user.email, granted=True, captcha=captcha)


def prove_mailbox(pending: PendingSignIn, challenge: Challenge) -> None:
    """Consume the token of the mailbox; the phone comes next, with sends of its own.

    Raises TokenUsed or JourneyOver; ChannelRefused if the mailbox proves nothing (R-07, R-10).
    """
    with challenges.opening(pending.user):
        if pending.needs_code:
            raise refusals.ChannelRefused
        challenges.consume(challenge)
        lockout.take_back(pending.user)
        typed_tokens.give_back(pending, challenge)
        _open_enrolment(pending)
        record_event(Action.MAILBOX_PROVED, user=pending.user)


def prove_recovery_code(pending: PendingSignIn, typed: str) -> None:
    """Use a recovery code up in place of the mailbox; the phone comes next (R-10).

    Raises CodeMalformed, CodeRefused, JourneyOver or Limited.
    """
    code = recovery.verify(pending.user, typed)
    with transaction.atomic():
        recovery.consume(code)
        _open_enrolment(pending)


def prove_old_factor(pending: PendingSignIn, verified: Verified) -> None:
    """Consume the right answer of a kind that no longer counts: it opens only the enrolment of one that does (K-06).

    Raises TokenUsed or JourneyOver.
    """
    with challenges.opening(pending.user):
        held.lock_row(pending.user)
        verified.consume(pending)
        lockout.take_back(pending.user)
        verified.give_back(pending)
        _open_enrolment(pending, "old_factor_proved")
        record_event(Action.OLD_FACTOR_PROVED, user=pending.user, channel=verified.kind)


def _open_enrolment(pending: PendingSignIn, by: str = "mailbox_proved") -> None:
    opened = {by: True, "sends": 0, "sends_allowed": 0, "sends_until": None}
    challenges.move(pending, **opened)
    setattr(pending, by, True)
    pending.sends = 0


@tried_twice
def start_enrolment(pending: PendingSignIn, phone: Phone, *, captcha: str) -> Challenge:
    """Send the token that confirms a first phone. ``captcha`` names the one that this request solved (C-01).

    Nothing is bound to the person until the token is typed (P-06). Raises CaptchaRefused, JourneyOver, Limited or
    SmsUsedUp.
    """
    with transaction.atomic():
        return challenges.send_token(pending, Channel.SMS, phone.number, granted=True, captcha=captcha)


@tried_twice
def start_sign_in_challenge(pending: PendingSignIn, channel: str, *, captcha: str) -> Challenge:
    """Send a token to the person's phone or mailbox. ``captcha`` names the one just solved, if one was.

    Raises CaptchaNeeded, CaptchaRefused, JourneyOver, Limited or SmsUsedUp.
    """
    with transaction.atomic():
        destination = pending.known_destination(channel)
        challenge = challenges.send_token(pending, channel, destination, granted=bool(captcha), captcha=captcha)
    pending.can_send = pending.sends < pending.sends_allowed  # for the next page, which reads nothing again
    challenge.take_as_shown()
    pending.just_issued = challenge
    return challenge


def complete_sign_in(pending: PendingSignIn, verified: Verified, policy_date: datetime | None = None) -> FactorDevice:
    """Consume the right answer and return the device that verifies the session. Raises TokenUsed or JourneyOver.

    Binds the phone at a first sign-in. Switches the policy on, or sets its date, if the administrator had come for that
    (D6).
    """
    user, was_known = pending.user, pending.has_factor
    with challenges.opening(user):
        _note_sign_in(user, verified.kind, was_known=was_known)
        verified.consume(pending)
        device = verified.device(user)
        if not user.accepts(device.factor):  # a kind that no longer counts opens nothing (K-06)
            raise refusals.JourneyOver
        record_only(Action.SIGN_IN_VERIFIED, user=user, channel=verified.audit_name)
        verified.give_back(pending)
        if pending.after_failures:
            password_limits.forget_series(user, request_context.current.get().ip)
        if user.is_administrator:
            _carry_out(pending, policy_date)
    return device


def _carry_out(pending: PendingSignIn, policy_date: datetime | None) -> None:
    """Do for the account what an administrator had to enrol their own phone for (D6)."""
    if pending.switches_policy_on:
        policy.set_two_factor_policy(pending.user.account, True, actor=pending.user)
    elif policy_date:
        policy_schedule.schedule(pending.user.account, policy_date, actor=pending.user)


def end_pending_sign_in(session_hash: str) -> PendingSignIn | None:
    """End the pending sign-in of a session, and return it if it was still under way.

    If a token and a sign-out come at the same moment, one closes the challenge and the other finds it closed (F53).
    """
    of_session = PendingSignIn.objects.filter(session_hash=session_hash, expires_at__gt=Clock())
    pending = of_session.select_related("user").first() if session_hash else None
    if pending:
        with transaction.atomic():
            Challenge.objects.of_any_purpose(pending).supersede()
            of_session.update(expires_at=Clock())
    return pending


def sign_out(user: User | None, session_hash: str) -> bool:
    """Record whose session ends (J-01), and end the session that a token opened at the same moment (F53).

    Return whether the session was anybody's.
    """
    pending = end_pending_sign_in(session_hash)
    with transaction.atomic():
        if pending and query.is_completed(pending):
            account_sessions.end_sessions(pending.user)
        who = pending.user if pending and user is None else user
        if who is not None:
            record = record_thinned if pending else record_event
            record(Action.SESSION_ENDED, user=who, half_way=pending is not None)
    return who is not None
