"""The journeys: begin, prove, complete. Every rule about the second factor has its one home here."""

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from accounts import audit, budgets, origin
from accounts import flows as accounts
from accounts.models import AuditEvent, User
from messaging.database import Clock, clock_plus, delete_in_batches, tried_twice
from messaging.delivery.models import Channel
from twofactor import challenges, limits, phones, spending
from twofactor import exceptions as refusals
from twofactor.models import Challenge, Journey, PendingSignIn, PhoneChange, PhoneDevice
from twofactor.phones import Phone

DAY = 86_400  # seconds
LONGEST_ADDRESS = 500  # of a page to go back to; beyond that it is the home page

# Signing in -----------------------------------------------------------------------------------


def check_password(login: str, password: str) -> User | None:
    """Return the active person of an active account whose login or address and password these are."""
    user = authenticate(username=login, password=password)
    if user is None:
        audit.record("password.failed", user=User.objects.named(login))
    return user


def sign_in_without_policy(user: User) -> None:
    """Note that a right password was enough: neither the account nor the person's role asks for more."""
    with transaction.atomic():
        audit.record("sign_in.password_only", user=user)
        User.objects.filter(pk=user.pk).update(last_login=Clock())


def _note_sign_in(user: User, challenge: Challenge, *, proved: PhoneDevice | None) -> None:
    """Note the time, and forget the failures of a phone or mailbox that was proved again (L-04).

    A first phone forgets only its own attempt: it proves nothing about who failed before it.
    """
    failures = Value(0) if proved else Greatest(F("failures") - 1, 0)
    facts = {"mailbox_suspect": False} if challenge.channel == Channel.SMS else {}
    User.objects.filter(pk=user.pk).update(last_login=Clock(), failures=failures, failures_until=None, **facts)


def begin_sign_in(user: User, *, session_hash: str, next_url: str, switches_policy_on: bool = False) -> PendingSignIn:
    """Keep a right password as the pending sign-in of one session, for 600 s (S-02)."""
    with transaction.atomic():
        audit.record("sign_in.pending", user=user)
        return PendingSignIn.objects.create(
            user=user,
            session_hash=session_hash,
            auth_hash=user.get_session_auth_hash(),
            next_url=next_url if len(next_url) <= LONGEST_ADDRESS else "",
            switches_policy_on=switches_policy_on,
            expires_at=clock_plus(settings.PENDING_SIGN_IN_SECONDS),
        )


def introduce(pending: PendingSignIn) -> None:
    """Remember that the person has seen how two-step verification works here."""
    challenges.move(pending, introduced=True)


@tried_twice
def start_enrolment(pending: PendingSignIn, phone: Phone, *, captcha: str) -> Challenge:
    """Send the token that proves a first phone. ``captcha`` names the one that this very request solved (C-01).

    Nothing is bound to the person until the token is typed (P-06). Raises CaptchaRefused, JourneyOver, Limited or
    SmsSpent.
    """
    with transaction.atomic():
        return challenges.send_token(pending, Channel.SMS, phone.number, granted=True, captcha=captcha)


@tried_twice
def start_sign_in_challenge(pending: PendingSignIn, channel: str, *, captcha: str) -> Challenge:
    """Send a token to the person's phone or mailbox. ``captcha`` names the one just solved, if one was.

    Raises CaptchaNeeded, CaptchaRefused, JourneyOver, Limited or SmsSpent.
    """
    with transaction.atomic():
        destination = pending.known_destination(channel)
        return challenges.send_token(pending, channel, destination, granted=bool(captcha), captcha=captcha)


@tried_twice
def resend(journey: Journey) -> Challenge:
    """Send another token where the last one went. Raises CaptchaNeeded, JourneyOver, Limited or SmsSpent."""
    with transaction.atomic():
        return challenges.resend(journey)


def complete_sign_in(pending: PendingSignIn, challenge: Challenge) -> PhoneDevice:
    """Consume the token and return the device that verifies the session. Raises TokenUsed or JourneyOver.

    Binds the phone at a first sign-in, and switches the policy on where that was what the person came for (D6).
    """
    user, known = pending.user, pending.device
    with transaction.atomic():
        challenges.consume(challenge)
        device = known or _bind(user, challenge)
        audit.record("sign_in.verified", user=user, channel=challenge.channel)
        _note_sign_in(user, challenge, proved=known)
        spending.convert(challenge)
        if pending.switches_policy_on and user.is_administrator:
            accounts.set_two_factor_policy(user.account, True, actor=user)
    return device


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


def sign_out(user: User | None, session_hash: str) -> None:
    """Write down whose session ends (J-01), and end what a token opened for it in this very moment (F53)."""
    pending = end_pending_sign_in(session_hash)
    with transaction.atomic():
        if pending and Challenge.objects.of_any_purpose(pending).filter(verified_at__isnull=False).exists():
            accounts.end_sessions(pending.user)
        who = pending.user if pending and user is None else user
        if who is not None:
            audit.record("session.ended", user=who, half_way=pending is not None)


def _bind(user: User, challenge: Challenge) -> PhoneDevice:
    """Create the device from the number sealed into the challenge (P-07), once per person (P-05)."""
    phone = phones.known(challenge.destination)
    try:
        with transaction.atomic():
            device: PhoneDevice = PhoneDevice.objects.create(
                user=user, name="phone", number=phone.number, region=phone.region, kind=phone.kind
            )
    except IntegrityError:
        raise refusals.JourneyOver from None
    accounts.tell(user, audit.record("phone.enrolled", user=user, number=phones.mask(phone.number)))
    _note_sharing(device)
    return device


def _note_sharing(device: PhoneDevice) -> None:
    """Raise an alarm when a phone serves three people of an account or more (P-08)."""
    people = PhoneDevice.objects.filter(number=device.number, user__account=device.user.account_id).count()
    if people >= settings.USERS_PER_PHONE_ALARM:
        event = audit.record("phone.shared", user=device.user, number=phones.mask(device.number), people=people)
        accounts.tell_administrators(device.user.account, event)


# Changing the phone ---------------------------------------------------------------------------


def start_phone_change(user: User, phone: Phone, *, session_hash: str) -> PhoneChange:
    """Keep a wished number for 600 s; today's number stays in force (R-02). Raises SamePhone."""
    if phone.number == user.phone_device.number:
        raise refusals.SamePhone
    with transaction.atomic():
        PhoneChange.objects.filter(session_hash=session_hash).delete()
        audit.record("phone.change_started", user=user, number=phones.mask(phone.number))
        return PhoneChange.objects.create(
            user=user,
            session_hash=session_hash,
            number=phone.number,
            region=phone.region,
            kind=phone.kind,
            expires_at=clock_plus(settings.PENDING_SIGN_IN_SECONDS),
        )


def prove_password(change: PhoneChange, password: str, channel: str) -> Challenge:
    """Check the password and send the token that proves it is still you (R-01).

    Raises PasswordRefused, or Limited: a stolen session has no more guesses than the sign-in page.
    """
    user, ip = change.user, origin.current.get().ip
    if wait := budgets.password_wait(user.username, ip):
        raise refusals.Limited(wait, "password", user)
    if not user.check_password(password):
        budgets.count_wrong_password(user.username, ip)
        audit.record("reauthentication.refused", user=user)
        raise refusals.PasswordRefused
    destination = user.email if channel == Channel.EMAIL else user.phone_device.number
    with transaction.atomic():
        challenges.move(change, password_proved=True)
        return challenges.send_token(change, channel, destination, granted=True)


def prove_holder(change: PhoneChange, challenge: Challenge) -> Challenge:
    """Consume the token of today's phone (or mailbox) and send one to the new number; 300 s are left (R-01)."""
    soon = clock_plus(settings.REAUTHENTICATION_SECONDS)
    with transaction.atomic():
        challenges.consume(challenge)
        limits.take_back(change.user)
        spending.convert(challenge)
        challenges.move(change, holder_proved=True, expires_at=soon)
        change.holder_proved = True
        return challenges.send_token(change, Channel.SMS, change.number, granted=True)


def complete_phone_change(change: PhoneChange, challenge: Challenge) -> PhoneDevice:
    """Put the proved number in force, tell the old number and the mailbox, end the other sessions (R-03, R-04)."""
    user = change.user
    device: PhoneDevice = user.phone_device
    old = device.number
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # puts the changes of one person in a line (F52)
        challenges.move(change, holder_proved=True)  # unless the one before has ended it
        challenges.consume(challenge)
        limits.take_back(user)
        device.number, device.region, device.kind = change.number, change.region, change.kind
        device.confirmed_at = Clock()
        device.save()
        _note_sharing(device)
        event = audit.record("phone.changed", user=user, before=phones.mask(old), after=phones.mask(change.number))
        accounts.tell(user, event, sms_to=old)
        accounts.tell(user, event)
        accounts.end_sessions(user)
        PhoneChange.objects.filter(user=user, expires_at__gt=Clock()).exclude(pk=change.pk).update(expires_at=Clock())
        spending.convert(challenge)
    return device


def disown_phone(event: AuditEvent) -> None:
    """Act on "it was not me": remove the phone, end the sessions, lock the person until an administrator acts (D3)."""
    user = event.user
    if user is None:
        return
    with transaction.atomic():
        PhoneDevice.objects.filter(user=user).delete()
        audit.record("phone.disowned", user=user, after=event.action)
        accounts.lock_user(user, reason="phone.disowned")


def cancel_phone_change(change: PhoneChange) -> None:
    """Leave everything as it was (R-02)."""
    with transaction.atomic():
        audit.record("phone.change_cancelled", user=change.user)
        change.delete()


# Forgetting -----------------------------------------------------------------------------------


def purge() -> int:
    """Forget, in batches: destinations of yesterday's challenges, addresses too, journeys of 30 days (J-05).

    Return how many journeys were deleted; their challenges go with them.
    """
    yesterday = clock_plus(-DAY)
    Challenge.objects.filter(issued_at__lt=yesterday).exclude(destination="").update(destination="", network="")
    PhoneChange.objects.filter(created_at__lt=yesterday).exclude(number="").update(number="")
    accounts.purge_budgets()
    before = clock_plus(-settings.CHALLENGE_DAYS * DAY)
    journeys = (PendingSignIn.objects.filter(created_at__lt=before), PhoneChange.objects.filter(created_at__lt=before))
    return sum(delete_in_batches(old) for old in journeys)
