"""Signing in: begin, prove, complete. Every rule about it has its one home here."""

from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import BigIntegerField

from accounts import policy, policy_schedule, rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.audit.thinning import count_left_out, record_thinned
from accounts.auth import known_browsers
from accounts.auth import sessions as account_sessions
from accounts.factors import FactorKind
from accounts.models import User
from accounts.notifications.notify import notify
from accounts.passwords import flows as passwords
from accounts.passwords import limits as password_limits
from accounts.passwords.limits import Pay
from accounts.request import context as request_context
from messaging.database import Clock, Compiled, Slot, Statement, tried_twice
from messaging.delivery.models import Channel
from twofactor import exceptions as refusals
from twofactor import recovery
from twofactor.factors.base import Verified
from twofactor.journeys import LONGEST_ADDRESS
from twofactor.models import Challenge, FactorDevice, PendingSignIn
from twofactor.phones import Phone
from twofactor.sign_in import query
from twofactor.tokens import challenges, lockout, typed_tokens


def check_password(login: str, password: str, pay: Pay | None = None) -> User | None:
    """Return the active person of an active account whose login or address and password these are.

    ``pay`` is called where a captcha is due, with how many times its work doubles, before the password is looked at.
    Raises Limited.
    """
    user = authenticate(username=login, password=password, pay=pay)
    if user is None:
        record_thinned(Action.PASSWORD_FAILED, user=User.objects.named(login))
    return user


def sign_in_without_policy(user: User) -> None:
    """Note that a right password was enough: neither the account nor the person's role asks for more."""
    with transaction.atomic():
        record_thinned(Action.SIGN_IN_PASSWORD_ONLY, user=user)
        if _after_failures(user):
            password_limits.forget_series(user, request_context.current.get().ip)
        User.objects.filter(pk=user.pk).update(last_login=Clock())


def _note_sign_in(user: User, kind: FactorKind, *, was_known: bool) -> None:
    """Note the time, and forget the failures of a factor that was proved again (L-04).

    A first factor forgets only its own attempt: it proves nothing about who failed before it.
    """
    _proved(kind, was_known).changed(user=user.pk)
    lockout.take_back_here(user)


@cache
def _proved(kind: FactorKind, was_known: bool) -> Compiled[User]:
    # Built once 26 µs, each time 0.2 ms.
    person = User.objects.filter(pk=Slot("user", BigIntegerField()))
    read = () if was_known else ("LOCKOUT_SCHEDULE",)
    return Compiled(lambda: Statement(person, **_after_sign_in(kind, was_known)), *read)


def _after_sign_in(kind: FactorKind, was_known: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"failures": 0, "failures_until": None} if was_known else lockout.without_attempt()
    if kind != FactorKind.EMAIL:
        facts["mailbox_suspect"] = False
    if kind != FactorKind.RECOVERY:  # codes are for the day when all else is lost
        facts["last_factor"] = kind
    return {**facts, "last_login": Clock()}


def begin_sign_in(user: User, *, session_hash: str, next_url: str, **facts: bool) -> PendingSignIn:
    """Keep a right password as the pending sign-in of one session, for 600 s (S-02). ``facts`` are fields of it."""
    with transaction.atomic():
        _note_begun(user)
        return PendingSignIn.begin(
            user,
            session_hash=session_hash,
            next_url=next_url if len(next_url) <= LONGEST_ADDRESS else "",
            after_failures=_after_failures(user),
            **facts,
        )


def _after_failures(user: User) -> bool:
    """Tell whether wrong passwords were typed in new browsers before the right one, which was typed in one, too."""
    return bool(getattr(user, "failed_before", False)) and not known_browsers.current_browser(user)


def _note_begun(user: User) -> None:
    """Write a right password down; of many in a minute their number (B-16). Tell of those never finished (B-12).

    ``user`` has what was begun before (``query.with_begun``) where the password was typed just now.
    """
    if getattr(user, "begun_often", False):
        count_left_out(Action.SIGN_IN_PENDING, user=user)
    else:
        record_event(Action.SIGN_IN_PENDING, user=user)
    if getattr(user, "begun_unfinished", False) and not known_browsers.current_browser(user):
        _notify_unfinished(user)


def _notify_unfinished(user: User) -> None:
    """Tell a person, once a day, that somebody types their right password and does not get further (ASVS 6.3.5)."""
    (told,) = rate_limits.count([rate_limits.Window(f"unfinished told {user.pk}", settings.DAY, 1, "notice")])
    if not told.is_overdrawn:
        notify(user, record_event(Action.SIGN_IN_UNFINISHED, user=user))


def prove_password(pending: PendingSignIn, typed: str) -> None:
    """Take the password that a pending sign-in out of an open session asks for (R-09).

    Raises PasswordRefused, JourneyOver, or Limited: a stolen session has the guesses of somebody signed in.
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
    """Send the token that proves the mailbox before a first phone (D3, R-07). ``captcha`` was solved just now (C-01).

    Raises CaptchaRefused, JourneyOver or Limited; ChannelRefused where the mailbox has reset the password (R-10).
    """
    if pending.needs_code:
        raise refusals.ChannelRefused
    with transaction.atomic():
        return challenges.send_token(pending, Channel.EMAIL, pending.user.email, granted=True, captcha=captcha)


def prove_mailbox(pending: PendingSignIn, challenge: Challenge) -> None:
    """Consume the token of the mailbox; the phone comes next, with sends of its own.

    Raises TokenUsed, JourneyOver; ChannelRefused where the mailbox has reset the password (R-10).
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
    """Use up the right answer of what no longer counts: it opens the enrolment of what does, and nothing else (K-06).

    Raises TokenUsed or JourneyOver.
    """
    with challenges.opening(pending.user):
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
    """Send the token that proves a first phone. ``captcha`` names the one that this very request solved (C-01).

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
        return challenges.send_token(pending, channel, destination, granted=bool(captcha), captcha=captcha)


def complete_sign_in(pending: PendingSignIn, verified: Verified, policy_date: datetime | None = None) -> FactorDevice:
    """Use the right answer up and return the device that verifies the session. Raises TokenUsed or JourneyOver.

    Binds the phone at a first sign-in, and switches the policy on, or sets its date, where that was what the person
    came for (D6).
    """
    user, was_known = pending.user, pending.has_factor
    with challenges.opening(user):
        verified.consume(pending)
        device = verified.device(user)
        if not user.accepts(device.factor):  # what no longer counts opens nothing (K-06)
            raise refusals.JourneyOver
        record_event(Action.SIGN_IN_VERIFIED, user=user, channel=verified.told_as)
        _note_sign_in(user, verified.kind, was_known=was_known)
        verified.give_back(pending)
        if pending.after_failures:
            password_limits.forget_series(user, request_context.current.get().ip)
        if user.is_administrator:
            _carry_out(pending, policy_date)
    return device


def _carry_out(pending: PendingSignIn, policy_date: datetime | None) -> None:
    """Do for the account what an administrator had to set up their own phone for (D6)."""
    if pending.switches_policy_on:
        policy.set_two_factor_policy(pending.user.account, True, actor=pending.user)
    elif policy_date:
        policy_schedule.schedule(pending.user.account, policy_date, actor=pending.user)


def end_pending_sign_in(session_hash: str) -> PendingSignIn | None:
    """End the pending sign-in of a session, and return it if it had not come to its end.

    Of a token and a sign-out that come at once one closes the challenge, and the other finds it closed (F53).
    """
    of_session = PendingSignIn.objects.filter(session_hash=session_hash, expires_at__gt=Clock())
    pending = of_session.select_related("user").first() if session_hash else None
    if pending:
        with transaction.atomic():
            Challenge.objects.of_any_purpose(pending).supersede()
            of_session.update(expires_at=Clock())
    return pending


def sign_out(user: User | None, session_hash: str) -> bool:
    """Write down whose session ends (J-01), and end what a token opened for it in this very moment (F53).

    Return whether it was somebody's.
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
