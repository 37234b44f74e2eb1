"""Changing the phone: the proof by the current phone, then by the new one."""

from django.db import transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.audit.thinning import record_thinned
from accounts.auth import sessions as account_sessions
from accounts.models import User
from accounts.notifications.notify import notify
from messaging.database import Clock, tried_twice
from messaging.delivery.models import Channel
from twofactor import devices, journeys, phones
from twofactor import exceptions as refusals
from twofactor.factors import held
from twofactor.factors.base import Verified
from twofactor.models import PhoneChange, PhoneDevice
from twofactor.phones import Phone
from twofactor.reauthentication.flows import prove_holder
from twofactor.tokens import challenges, lockout, sms_of_the_day


def start_phone_change(user: User, phone: Phone, *, session_hash: str) -> PhoneChange:
    """Keep a new number for 600 s; the current number stays in force (R-02). Raises SamePhone."""
    if phone.number == user.phone_device.number:
        raise refusals.SamePhone
    change = PhoneChange(
        user=user, session_hash=session_hash, number=phone.number, region=phone.region, kind=phone.kind
    )
    with transaction.atomic():
        journeys.start(change)
        record_thinned(Action.PHONE_CHANGE_STARTED, user=user, number=phones.mask(phone.number))
    return change


@tried_twice
def prove_old_phone(change: PhoneChange, verified: Verified) -> None:
    """Consume the answer of the current factor and send a token to the new number (R-01).

    Raises Limited or SmsUsedUp.
    """
    with challenges.opening(change.user):
        prove_holder(change, verified)
        sent = challenges.send_token(change, Channel.SMS, change.number, granted=True)
        if not sent.withheld:
            sms_of_the_day.count_notice(change.user)


def _put_in_force(change: PhoneChange, device: PhoneDevice) -> None:
    """Write the new number over the old one. Raises JourneyOver if the phone was removed meanwhile."""
    new = {field: getattr(change, field) for field in ("number", "region", "kind")}
    if not PhoneDevice.objects.filter(pk=device.pk).update(**new, confirmed_at=Clock()):
        raise refusals.JourneyOver
    for field, value in new.items():
        setattr(device, field, value)


def complete_phone_change(change: PhoneChange, verified: Verified) -> PhoneDevice:
    """Put the confirmed number in force, notify the old number and the mailbox, end the other sessions (R-03, R-04)."""
    user = change.user
    device: PhoneDevice = user.phone_device
    old = device.number
    with challenges.opening(user):
        held.lock_row(user)  # serializes the changes of one person (F52)
        challenges.move(change, holder_proved=True)  # fails if the other change has ended this one
        verified.consume(change)
        lockout.take_back(user)
        _put_in_force(change, device)
        devices.note_sharing(device)
        event = record_event(Action.PHONE_CHANGED, user=user, before=phones.mask(old), after=phones.mask(change.number))
        notify(user, event, sms_to=old)
        notify(user, event)
        account_sessions.end_sessions(user)
        PhoneChange.objects.filter(user=user, expires_at__gt=Clock()).exclude(pk=change.pk).update(expires_at=Clock())
        verified.give_back(change)
    return device
