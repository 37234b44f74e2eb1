"""Adding a passkey. Renaming and removing one are in ``twofactor.factors.flows``, as for every factor."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.factors import FactorKind
from accounts.models import User
from accounts.notifications.notify import notify
from messaging.database import Clock
from twofactor import exceptions as refusals
from twofactor import journeys
from twofactor.factors import held
from twofactor.factors.passkeys import ceremony, challenges, providers
from twofactor.models import Passkey, PasskeyRegistration


def begin_registration(user: User, *, session_hash: str) -> None:
    """Open the registration of a passkey for a session that has just re-authenticated (R-12).

    Raises FactorNotAllowed where the account accepts no passkey, or before the first factor, which is the phone
    where phones count; and PasskeysEnough.
    """
    if not held.may_add(user, FactorKind.PASSKEY):
        raise refusals.FactorNotAllowed
    if Passkey.objects.filter(user=user).count() >= settings.PASSKEYS_OF_A_USER:
        raise refusals.PasskeysEnough
    registration = PasskeyRegistration(user=user, session_hash=session_hash)
    with transaction.atomic():
        journeys.start(registration, seconds=settings.PASSKEY_SECONDS)


def options(registration: PasskeyRegistration) -> str:
    """Issue a challenge and return the options for the browser. Raises JourneyOver."""
    known = Passkey.objects.usable().filter(user=registration.user).order_by("pk")
    return ceremony.registration_options(registration.user, challenges.issue(registration), known)


def register(registration: PasskeyRegistration, typed: str, name: str) -> Passkey:
    """Bind a new passkey to the person, once; without a name it is named after its maker.

    Raises a PasskeyRefused, PasskeysEnough or JourneyOver.
    """
    return bind(registration, read(registration, typed), name)


def read(registration: PasskeyRegistration, typed: str) -> ceremony.Registered:
    """Return the key pair that the browser made, and use the challenge up. Raises a PasskeyRefused."""
    answer = ceremony.read(typed)
    return ceremony.verify_registration(answer, challenges.take(registration))


def bind(registration: PasskeyRegistration, registered: ceremony.Registered, name: str) -> Passkey:
    """Bind the key pair that the browser made, once. Raises a PasskeyRefused, PasskeysEnough or JourneyOver."""
    user = registration.user
    with transaction.atomic():
        held.lock_row(user)
        if Passkey.objects.filter(user=user).count() >= settings.PASSKEYS_OF_A_USER:
            raise refusals.PasskeysEnough
        _end(registration)
        passkey = _create(user, registered, name or providers.name_of(registered.aaguid))
        facts = {"preferred_factor": FactorKind.PASSKEY, "has_passkey": True, "phone_was_reset": False}
        User.objects.filter(pk=user.pk).update(**facts)
        notify(user, record_event(Action.PASSKEY_ADDED, user=user, name=passkey.name))
    Passkey.forget_read(user)
    return passkey


def _end(registration: PasskeyRegistration) -> None:
    open_still = PasskeyRegistration.objects.filter(pk=registration.pk, expires_at__gt=Clock())
    if not open_still.update(expires_at=Clock()):
        raise refusals.JourneyOver


def _create(user: User, registered: ceremony.Registered, name: str) -> Passkey:
    facts: dict[str, Any] = {field: getattr(registered, field) for field in registered.__slots__}
    try:
        with transaction.atomic():
            passkey: Passkey = Passkey.objects.create(user=user, name=name, rp_id=settings.PUBLIC_HOST, **facts)
    except IntegrityError:  # whoever has it: an authenticator makes a new pair for each person
        raise refusals.PasskeyTaken from None
    return passkey
