"""Enrolling an authenticator app."""

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.factors import FactorKind
from accounts.models import User
from accounts.notifications.notify import notify
from messaging.database import Clock, clock_plus
from twofactor import exceptions as refusals
from twofactor import sealing
from twofactor.factors import held
from twofactor.factors.app import totp
from twofactor.factors.app.factor import owner
from twofactor.factors.app.models import AppDevice, AppEnrolment
from twofactor.tokens import derive


def start_enrolment(user: User, *, session_hash: str) -> None:
    """Make a secret for a session that has just re-authenticated; it replaces the one before.

    Raises FactorNotAllowed where the account accepts no app, or before the first factor, which is the phone where
    phones count.
    """
    if not held.may_add(user, FactorKind.APP):
        raise refusals.FactorNotAllowed
    row = AppEnrolment(
        user=user,
        session_hash=session_hash,
        sealed=sealing.seal(owner(user.pk), totp.new_secret()),
        created_at=Clock(),
        expires_at=clock_plus(settings.PENDING_SIGN_IN_SECONDS),
    )
    renewed = ["user", "sealed", "created_at", "expires_at"]
    AppEnrolment.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["session_hash"], update_fields=renewed
    )


def enrolment_of(user: User, session_hash: str) -> AppEnrolment | None:
    """Return the enrolment of a session, with ``now`` by the database's clock; None once no key opens its secret."""
    mine = AppEnrolment.objects.filter(user=user, session_hash=session_hash, expires_at__gt=Clock())
    found: AppEnrolment | None = mine.annotate(now=Clock()).first()  # type: ignore[no-redef]
    try:
        if found:
            secret_of(found)
    except refusals.JourneyOver:
        return None
    return found


def secret_of(enrolment: AppEnrolment) -> bytes:
    """Return the secret to show. Raises JourneyOver if its key was removed meanwhile."""
    try:
        return sealing.unseal(owner(enrolment.user_id), enrolment.sealed)
    except sealing.Unsealable:
        raise refusals.JourneyOver from None


def complete_enrolment(enrolment: AppEnrolment, typed: str, *, name: str) -> AppDevice:
    """Bind the app that showed this token. An app before it is removed, and the sessions that it opened end.

    Raises TokenMalformed, AppTokenWrong or JourneyOver.
    """
    return bind(enrolment, step_of(enrolment, typed), name=name)


def step_of(enrolment: AppEnrolment, typed: str) -> int:
    """Return the step of a token that the new app showed. Raises TokenMalformed, AppTokenWrong or JourneyOver.

    A wrong token is not counted: the person who types it reads the secret on the same page.
    """
    token = derive.read(typed)
    if token is None:
        raise refusals.TokenMalformed
    step = totp.matching_step(secret_of(enrolment), token, enrolment.now)
    if step is None:
        raise refusals.AppTokenWrong
    return step


def bind(enrolment: AppEnrolment, step: int, *, name: str) -> AppDevice:
    """Bind the app whose token was right. Raises JourneyOver."""
    try:
        with transaction.atomic():
            return _bind(enrolment.user, enrolment, step, name)
    except IntegrityError:
        raise refusals.JourneyOver from None


def _bind(user: User, enrolment: AppEnrolment, step: int, name: str) -> AppDevice:
    held.lock_row(user)
    claimed, _rows = AppEnrolment.objects.filter(pk=enrolment.pk, sealed=enrolment.sealed).delete()
    if not claimed:
        raise refusals.JourneyOver
    replaced, _rows = AppDevice.objects.filter(user=user).delete()
    sealed, key_id = sealing.reseal(enrolment.sealed), sealing.newest_key_id()
    device: AppDevice = AppDevice.objects.create(user=user, name=name, sealed=sealed, key_id=key_id, last_step=step)
    User.objects.filter(pk=user.pk).update(preferred_factor=FactorKind.APP, has_app=True, phone_was_reset=False)
    notify(user, record_event(Action.APP_REPLACED if replaced else Action.APP_ENROLLED, user=user, name=name))
    return device


def reseal() -> tuple[int, int]:
    """Seal every secret under the newest key; return how many were sealed, and how many no key opens."""
    newest, done, lost = sealing.newest_key_id(), 0, 0
    for pk, sealed in AppDevice.objects.exclude(key_id=newest).values_list("pk", "sealed").iterator():
        try:
            fresh = sealing.reseal(sealed)
        except sealing.Unsealable:
            lost += 1
            continue
        done += AppDevice.objects.filter(pk=pk, sealed=sealed).update(sealed=fresh, key_id=newest)
    return done, lost
