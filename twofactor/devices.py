"""Binding a phone to a person, and removing it."""

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.auth import known_browsers
from accounts.auth import sessions as account_sessions
from accounts.models import AuditEvent, User
from accounts.notifications.notify import notify, notify_administrators
from accounts.users import flows as users
from twofactor import disavowal, phones
from twofactor import exceptions as refusals
from twofactor.factors import held
from twofactor.factors.codes import flows as codes
from twofactor.models import Challenge, PhoneDevice


def bind(user: User, challenge: Challenge) -> PhoneDevice:
    """Create the device from the number stored in the challenge (P-07), once per person (P-05). Raises JourneyOver.

    Like ``held.lock_row``, it binds nothing after the sessions were ended.
    """
    phone = phones.known(challenge.destination)
    still = User.objects.filter(pk=user.pk, session_epoch=user.session_epoch, password=user.password)
    if not still.update(has_phone=True, phone_was_reset=False):
        raise refusals.JourneyOver
    try:
        with transaction.atomic():
            device: PhoneDevice = PhoneDevice.objects.create(
                user=user, name="phone", number=phone.number, region=phone.region, kind=phone.kind
            )
    except IntegrityError:
        raise refusals.JourneyOver from None
    notify(user, record_event(Action.PHONE_ENROLLED, user=user, number=phones.mask(phone.number)))
    note_sharing(device)
    return device


def note_sharing(device: PhoneDevice) -> None:
    """Notify the administrators when a phone serves three people of an account or more (P-08)."""
    people = PhoneDevice.objects.filter(number=device.number, user__account=device.user.account_id).count()
    if people >= settings.USERS_PER_PHONE_ALARM:
        event = record_event(Action.PHONE_SHARED, user=device.user, number=phones.mask(device.number), people=people)
        notify_administrators(device.user.account, event)


def disavow(event: AuditEvent) -> None:
    """Carry out "it was not me": end the sessions, and lock the person until an administrator acts (D3).

    If the event is about a device, that device and all others are removed. If it is about a sign-in, they stay, because
    they are the person's. Only once: pressed again it changes nothing (R-11).
    """
    user = event.user
    if user is None:
        return
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # of two presses the second waits for the first
        if disavowal.was_used(event):
            return
        disavowed = Action.SIGN_IN_DISAVOWED if event.action == Action.SIGN_IN_NEW_PLACE else Action.PHONE_DISAVOWED
        if disavowed == Action.PHONE_DISAVOWED:
            remove_factors(user)
        record_event(disavowed, user=user, after=event.action)
        known_browsers.forget_all(user)
        users.lock_user(user, reason=disavowed.value)


def reset_phone(user: User, *, reason: str, actor: User | None = None) -> None:
    """Remove a lost phone: the sessions end, the mailbox is notified and comes before the next phone (R-07).

    Without ``actor`` it is the operator (D4). Raises OwnPhone, because a person who still has their phone changes it
    instead and nobody removes their own last factor (A-02); and NoPhone.
    """
    if actor and actor.pk == user.pk:
        raise refusals.OwnPhone
    number = user.phone_device.number if hasattr(user, "phone_device") else ""
    with transaction.atomic():
        if not remove_factors(user):
            raise refusals.NoPhone
        facts = {"reason": reason, "by_operator": actor is None}
        if number:
            facts["number"] = phones.mask(number)
        notify(user, record_event(Action.PHONE_RESET, user=user, actor=actor, **facts))
        account_sessions.end_sessions(user, actor=actor)


def remove_factors(user: User) -> bool:
    """Delete every factor; after that the password alone binds no other one (R-07, D3)."""
    User.objects.filter(pk=user.pk).update(has_phone=False, has_app=False, has_passkey=False, phone_was_reset=True)
    codes.forget(user)
    deleted = [kind._default_manager.filter(user=user).delete()[0] for kind in held.DEVICES]
    return any(deleted)
