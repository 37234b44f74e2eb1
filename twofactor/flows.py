"""The journeys: begin, prove, complete. Every rule about the second factor has its one home here."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import IntegrityError, transaction
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat, Greatest

from accounts import audit, reauthentication
from accounts import flows as accounts
from accounts.exceptions import AddressTaken
from accounts.models import AuditEvent, User
from messaging.database import Clock, clock_plus, delete_in_batches, tried_twice
from messaging.delivery.models import Channel
from twofactor import challenges, limits, phones, spending
from twofactor import exceptions as refusals
from twofactor.models import (
    Challenge,
    EmailChange,
    Journey,
    PendingSignIn,
    PhoneChange,
    PhoneDevice,
    Proof,
    Reauthentication,
    ReauthenticationQuerySet,
)
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
        return PendingSignIn.begin(
            user,
            session_hash=session_hash,
            next_url=next_url if len(next_url) <= LONGEST_ADDRESS else "",
            switches_policy_on=switches_policy_on,
        )


def introduce(pending: PendingSignIn) -> None:
    """Remember that the person has seen how two-step verification works here."""
    challenges.move(pending, introduced=True)


@tried_twice
def start_mailbox_proof(pending: PendingSignIn, *, captcha: str) -> Challenge:
    """Send the token that proves the mailbox before a first phone (D3, R-07). ``captcha`` was solved just now (C-01).

    Raises CaptchaRefused, JourneyOver or Limited.
    """
    with transaction.atomic():
        return challenges.send_token(pending, Channel.EMAIL, pending.user.email, granted=True, captcha=captcha)


def prove_mailbox(pending: PendingSignIn, challenge: Challenge) -> None:
    """Consume the token of the mailbox; the phone comes next, with sends of its own. Raises TokenUsed, JourneyOver."""
    with challenges.opening(pending.user):
        challenges.consume(challenge)
        limits.take_back(pending.user)
        spending.convert(challenge)
        challenges.move(pending, mailbox_proved=True, sends=0, sends_allowed=0, sends_until=None)
        audit.record("mailbox.proved", user=pending.user)


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
    with challenges.opening(user):
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
        if pending and Challenge.objects.that_opened(pending).exists():
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
    User.objects.filter(pk=user.pk, phone_was_reset=True).update(phone_was_reset=False)
    accounts.tell(user, audit.record("phone.enrolled", user=user, number=phones.mask(phone.number)))
    _note_sharing(device)
    return device


def _note_sharing(device: PhoneDevice) -> None:
    """Raise an alarm when a phone serves three people of an account or more (P-08)."""
    people = PhoneDevice.objects.filter(number=device.number, user__account=device.user.account_id).count()
    if people >= settings.USERS_PER_PHONE_ALARM:
        event = audit.record("phone.shared", user=device.user, number=phones.mask(device.number), people=people)
        accounts.tell_administrators(device.user.account, event)


# It is still you ------------------------------------------------------------------------------


def begin_reauthentication(
    user: User, action: str, *, session_hash: str, path: str, query: str = "", wish: dict[str, Any] | None = None
) -> None:
    """Keep for 600 s that a session has to prove that it is still you, for one action on one page (R-01).

    ``wish`` is carried out as soon as that is proved. A second request for the same starts nothing anew.
    """
    here = Reauthentication.objects.filter(session_hash=session_hash, user=user)
    if wish is None and here.alive().filter(action=action, path=path, wish__isnull=True).exists():
        return
    journey = Reauthentication(
        user=user,
        session_hash=session_hash,
        action=action,
        path=path,
        query=query if len(query) <= LONGEST_ADDRESS else "",
        wish=wish,
    )
    with transaction.atomic():
        _start(journey)
        audit.record("reauthentication.started", user=user, purpose=action)


def _start(journey: Proof) -> None:
    """Put a journey in the place of the session's one before, whose tokens stay on record; of two at once the first."""
    journey.expires_at = clock_plus(settings.PENDING_SIGN_IN_SECONDS)
    before = type(journey)._default_manager.filter(session_hash=journey.session_hash)
    before.update(session_hash=Concat(Value("replaced "), Cast("pk", CharField())), expires_at=Clock())
    with suppress(IntegrityError), transaction.atomic():
        journey.save(force_insert=True)


@tried_twice
def prove_password(journey: Proof, password: str, channel: str) -> None:
    """Check the password and send the token that proves it is still you (R-01). Without a phone it is the proof.

    Raises PasswordRefused, ChannelRefused, or Limited: a stolen session has no more guesses than the sign-in page.
    """
    if not accounts.own_password_is(journey.user, password):
        audit.record("reauthentication.refused", user=journey.user, purpose=journey.action)
        raise refusals.PasswordRefused
    with transaction.atomic():
        if journey.device is None:
            grant(journey)
            return
        challenges.move(journey, password_proved=True)
        challenges.send_token(journey, channel, journey.known_destination(channel), granted=True)


def prove_holder(journey: Proof, challenge: Challenge) -> None:
    """Consume the token of today's phone or mailbox; 300 s are left for what it was asked for (R-01)."""
    with transaction.atomic():
        challenges.consume(challenge)
        limits.take_back(journey.user)
        spending.convert(challenge)
        grant(journey)


def grant(journey: Proof) -> None:
    """Note that it is still you. Raises JourneyOver."""
    challenges.move(journey, holder_proved=True, expires_at=clock_plus(settings.REAUTHENTICATION_SECONDS))
    journey.holder_proved = True
    audit.record("reauthentication.proved", user=journey.user, purpose=journey.action)


def cancel(journey: Proof) -> None:
    """Leave everything as it was (R-02)."""
    with transaction.atomic():
        audit.record(journey.cancelled, user=journey.user, purpose=journey.action)
        journey.delete()


def claim_proof(proved: ReauthenticationQuerySet) -> bool:
    """Use a proof up; True for exactly one request."""
    return bool(proved.granted().update(used_at=Clock()))


def settle_proof(claimed: ReauthenticationQuerySet, user: User, purpose: str, *, used: bool) -> None:
    """Write down that a claimed proof was used, or give it back for what it still lives."""
    if used:
        audit.record("reauthentication.used", user=user, purpose=purpose)
    else:
        claimed.filter(used_at__isnull=False).update(used_at=None)


def complete_reauthentication(journey: Reauthentication, challenge: Challenge | None) -> str:
    """Take the proof and carry out the wish it was asked for, once; return what to say about it.

    Without a wish the page that asked goes on by itself, and there is nothing to say. No ``challenge``: the
    password was the proof. Raises TokenUsed or JourneyOver.
    """
    with challenges.opening(journey.user) if challenge else transaction.atomic():
        if challenge:
            prove_holder(journey, challenge)
        if journey.wish is None:
            return ""
        if not claim_proof(Reauthentication.objects.filter(pk=journey.pk)):
            raise refusals.JourneyOver
        audit.record("reauthentication.used", user=journey.user, purpose=journey.action)
        return reauthentication.carry_out(journey.action, journey.user, journey.wish)


# Changing the phone ---------------------------------------------------------------------------


def start_phone_change(user: User, phone: Phone, *, session_hash: str) -> PhoneChange:
    """Keep a wished number for 600 s; today's number stays in force (R-02). Raises SamePhone."""
    if phone.number == user.phone_device.number:
        raise refusals.SamePhone
    change = PhoneChange(
        user=user, session_hash=session_hash, number=phone.number, region=phone.region, kind=phone.kind
    )
    with transaction.atomic():
        _start(change)
        audit.record("phone.change_started", user=user, number=phones.mask(phone.number))
    return change


@tried_twice
def prove_old_phone(change: PhoneChange, challenge: Challenge) -> None:
    """Consume the token of today's phone (or mailbox) and send one to the new number (R-01)."""
    with challenges.opening(change.user):
        prove_holder(change, challenge)
        challenges.send_token(change, Channel.SMS, change.number, granted=True)


def complete_phone_change(change: PhoneChange, challenge: Challenge) -> PhoneDevice:
    """Put the proved number in force, tell the old number and the mailbox, end the other sessions (R-03, R-04)."""
    user = change.user
    device: PhoneDevice = user.phone_device
    old = device.number
    with challenges.opening(user):
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
        _take_phone_away(user)
        audit.record("phone.disowned", user=user, after=event.action)
        accounts.lock_user(user, reason="phone.disowned")


def reset_phone(user: User, *, reason: str, actor: User | None = None) -> None:
    """Take a lost phone away: sessions end, the mailbox is told and comes before the next phone (R-07).

    Without ``actor`` it is the operator (D4). Raises OwnPhone: who still holds their phone changes it instead, and
    nobody takes away their own last way in (A-02); and NoPhone.
    """
    if actor and actor.pk == user.pk:
        raise refusals.OwnPhone
    number = user.phone_device.number if hasattr(user, "phone_device") else ""
    with transaction.atomic():
        if not _take_phone_away(user):
            raise refusals.NoPhone
        facts = {"reason": reason, "number": phones.mask(number), "by_operator": actor is None}
        accounts.tell(user, audit.record("phone.reset", user=user, actor=actor, **facts))
        accounts.end_sessions(user, actor=actor)


def _take_phone_away(user: User) -> bool:
    """Delete the phone; whoever knows the password alone binds no other one (R-07, D3)."""
    User.objects.filter(pk=user.pk).update(phone_was_reset=True)
    return bool(PhoneDevice.objects.filter(user=user).delete()[0])


# Changing the address -------------------------------------------------------------------------


def start_email_change(user: User, email: str, *, session_hash: str) -> EmailChange:
    """Keep a wished address for 600 s; today's stays in force (R-08). Raises SameAddress."""
    email = email.lower()
    if email == user.email:
        raise refusals.SameAddress
    change = EmailChange(user=user, session_hash=session_hash, email=email)
    with transaction.atomic():
        _start(change)
        audit.record("email.change_started", user=user, address=phones.mask_email(email))
    return change


@tried_twice
def prove_before_email(change: EmailChange, challenge: Challenge | None) -> None:
    """Take the proof that it is still you and send a token to the new address (R-08).

    Where somebody else has the address they get a notice instead, and the page says the same.
    """
    with challenges.opening(change.user) if challenge else transaction.atomic():
        if challenge:
            prove_holder(change, challenge)
        challenges.send_token(change, Channel.EMAIL, change.email, granted=True)
        if spending.is_taken(change):
            accounts.tell_address_taken(change.email)


def complete_email_change(change: EmailChange, challenge: Challenge) -> None:
    """Put the proved address in force, tell both, end the person's sessions (R-08). Raises AddressRefused."""
    user = change.user
    masked = {"before": phones.mask_email(user.email), "after": phones.mask_email(change.email)}
    with challenges.opening(user):
        challenges.consume(challenge)
        limits.take_back(user)
        spending.convert(challenge)
        try:
            accounts.change_email(user, change.email, **masked)
        except AddressTaken:
            raise refusals.AddressRefused from None


# Forgetting -----------------------------------------------------------------------------------


def purge() -> int:
    """Forget, in batches: destinations of yesterday's challenges, addresses too, journeys of 30 days (J-05).

    Return how many journeys were deleted; their challenges go with them.
    """
    yesterday = clock_plus(-DAY)
    Challenge.objects.filter(issued_at__lt=yesterday).exclude(destination="").update(destination="", network="")
    PhoneChange.objects.filter(created_at__lt=yesterday).exclude(number="").update(number="")
    EmailChange.objects.filter(created_at__lt=yesterday).exclude(email="").update(email="")
    accounts.purge_budgets()
    before = clock_plus(-settings.CHALLENGE_DAYS * DAY)
    journeys: tuple[type[Journey], ...] = (PendingSignIn, PhoneChange, EmailChange, Reauthentication)
    return sum(delete_in_batches(kind._default_manager.filter(created_at__lt=before)) for kind in journeys)
