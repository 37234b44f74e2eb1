"""What a session is for: pending, signed in, verified, re-authenticated. No other module writes to a session."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django_otp import DEVICE_ID_SESSION_KEY

from accounts.auth import sessions as account_sessions
from accounts.auth.session_store import row_name
from accounts.models import Session, User
from messaging.database import Clock, ago
from twofactor.models import (
    AppEnrolment,
    EmailChange,
    FactorDevice,
    PasskeyRegistration,
    PendingSignIn,
    PhoneChange,
    Reauthentication,
    ReauthenticationQuerySet,
)
from twofactor.sign_in import flows, query

BACKEND = "twofactor.backends.PhoneBackend"
OPENED_BY = "opened_by"  # the kind of factor that opened the session


def session_hash(request: HttpRequest) -> str:
    """Return what binds a journey to a session: the SHA-256 of its id; empty without a session."""
    key = request.session.session_key
    return sha256(key.encode()).hexdigest() if key else ""


def begin_pending_sign_in(request: HttpRequest, user: User, next_url: str, **facts: bool) -> PendingSignIn:
    """Start a fresh session with only a pending sign-in; a person who was signed in is signed out (S-02, S-03)."""
    if old := session_hash(request):
        flows.end_pending_sign_in(old)
    session: Any = request.session
    session.renew()
    session["pending_sign_in"] = True
    return flows.begin_sign_in(user, session_hash=session_hash(request), next_url=next_url, **facts)


def turn_session_into_pending(request: HttpRequest, user: User, next_url: str, **facts: bool) -> PendingSignIn:
    """Turn an open session into a pending sign-in, which asks for a password older than five minutes (R-09)."""
    young = Q(created_at__gt=ago(settings.REAUTHENTICATION_SECONDS)) | Q(proved_until__gt=Clock())
    needs_password = not _row(request).filter(young).exists()
    return begin_pending_sign_in(request, user, next_url, needs_password=needs_password, **facts)


def keep_policy_date(request: HttpRequest, starts: datetime) -> None:
    """Store, beside a pending sign-in, the date of the policy that its administrator came to set (A-02)."""
    request.session["policy_date"] = starts.isoformat()


def policy_date(request: HttpRequest, pending: PendingSignIn) -> datetime | None:
    """Return the date of the policy that a pending sign-in was begun for; only administrators have one."""
    kept = request.session.get("policy_date") if pending.user.is_administrator else None
    return datetime.fromisoformat(kept) if kept else None


def pending_sign_in(request: HttpRequest) -> PendingSignIn | None:
    """Return the session's pending sign-in. The cookie alone finds its row: the session is not read."""
    here = session_hash(request)
    return query.of_session(here) if here else None


def is_verified(user: User) -> bool:
    """Tell whether this session has proved the second factor (``is_verified`` of django-otp)."""
    return bool(user.is_verified())  # type: ignore[attr-defined]


def sign_in(request: HttpRequest, user: User, device: FactorDevice | None = None, kind: str = "") -> None:
    """Sign a person in, under a new session id (S-03); ``device`` makes the session a verified one.

    ``kind`` is the factor that was used: for a mailbox or a recovery code, ``device`` is the device it replaces.
    """
    if device is None and (old := session_hash(request)):
        flows.end_pending_sign_in(old)  # of another person; one's own has ended with its token
    store: Any = request.session
    store.renew()
    if device:
        user.otp_device = device  # type: ignore[attr-defined]  # django-otp's own way to hand it over
    login(request, user, backend=BACKEND)
    if device:
        request.session[OPENED_BY] = kind


def leave(request: HttpRequest) -> None:
    """End what this browser has begun, whosever pending sign-in it is, with everything in its session."""
    if old := session_hash(request):
        flows.end_pending_sign_in(old)
    store: Any = request.session
    store.renew()


def sign_out(request: HttpRequest) -> bool:
    """End the session, signed in or pending. Return whether it was anybody's."""
    here = session_hash(request)  # read first: loading a session that has ended would drop its id
    user: Any = request.user
    was_here = flows.sign_out(user if user.is_authenticated else None, here)
    logout(request)
    return was_here


def _row(request: HttpRequest) -> "QuerySet[Session]":
    store: Any = request.session
    rows: QuerySet[Session] = store.row
    return rows


def is_proved(request: HttpRequest) -> bool:
    """Tell whether this session has re-authenticated in the last five minutes (R-12)."""
    return _row(request).filter(proved_until__gt=Clock()).exists()


def note_proof(request: HttpRequest) -> None:
    """Record that this session has just re-authenticated; its id changes (R-12, S-13)."""
    store: Any = request.session
    _change_id(request, store.prove)


def change_id(request: HttpRequest) -> None:
    """Change the session's id after the re-authentication of a change, which covers nothing else (S-13)."""
    _change_id(request, request.session.cycle_key)


def _change_id(request: HttpRequest, change: Callable[[], None]) -> None:
    """Write the session under its new id at once, and move its journeys to that id."""
    old = session_hash(request)
    change()
    try:
        request.session.save()
    except UpdateError:
        raise SessionInterrupted("The session was ended meanwhile.") from None
    bound: tuple[type[Model], ...] = (PhoneChange, EmailChange, Reauthentication, AppEnrolment, PasskeyRegistration)
    for kind in bound:
        kind._default_manager.filter(session_hash=old).update(session_hash=session_hash(request))


def still_counts(request: HttpRequest, user: User) -> bool:
    """Tell whether the kind of factor that opened this session still counts (K-06).

    The device alone does not say that: for a mailbox it is the phone, or whatever the person has.
    """
    kind = request.session.get(OPENED_BY)  # missing in a session of 0.1.0. Dropped one release later.
    return not kind or user.accepts(kind)


def go_on_with(request: HttpRequest, device: FactorDevice, *, proved: bool = True) -> None:
    """Verify the session by this device from now on, because the one that verified it may be gone.

    ``proved``: it was just used here. A device that only replaces another leaves the kind that opened the session
    unchanged.
    """
    if is_verified(request.user):  # type: ignore[arg-type]
        request.session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        if proved:
            request.session[OPENED_BY] = device.factor


def end_others(request: HttpRequest) -> None:
    """End the person's other sessions; this one goes on."""
    user: Any = request.user
    for session in account_sessions.open_sessions(user):
        if not is_here(request, session):
            account_sessions.end_session(user, session.pk)


def keep_signed_in(request: HttpRequest, user: User) -> None:
    """Let this session survive the end of the person's sessions, under a new id."""
    update_session_auth_hash(request, user)


def is_here(request: HttpRequest, session: Session) -> bool:
    """Tell whether a row is the session of this request."""
    return bool(session.session_key == row_name(request.session.session_key))


def phone_change(request: HttpRequest) -> PhoneChange | None:
    """Return the session's phone change, if it is under way and there is a phone to change."""
    user: Any = request.user
    change = PhoneChange.objects.filter(session_hash=session_hash(request), user=user, expires_at__gt=Clock()).first()
    if change is None or not hasattr(user, "phone_device"):
        return None
    change.user = user
    return change


def email_change(request: HttpRequest) -> EmailChange | None:
    """Return the session's change of the address, if it is under way."""
    user: Any = request.user
    change = EmailChange.objects.filter(session_hash=session_hash(request), user=user, expires_at__gt=Clock()).first()
    if change:
        change.user = user
    return change


def passkey_registration(request: HttpRequest, person: User | None = None) -> PasskeyRegistration | None:
    """Return the session's registration of a passkey, if it is under way; ``person`` is given before the sign-in."""
    user: Any = person or request.user
    here = PasskeyRegistration.objects.filter(session_hash=session_hash(request), user=user, expires_at__gt=Clock())
    registration = here.first()
    if registration:
        registration.user = user
    return registration


def reauthentications(request: HttpRequest) -> ReauthenticationQuerySet:
    """Return the session's re-authentications, given or under way, as a queryset of one row at most."""
    user: Any = request.user
    rows: ReauthenticationQuerySet = Reauthentication.objects.filter(session_hash=session_hash(request), user=user)
    return rows


def reauthentication(request: HttpRequest) -> Reauthentication | None:
    """Return the session's re-authentication that is under way or not used yet."""
    journey = reauthentications(request).alive().first()
    if journey:
        journey.user = request.user  # type: ignore[assignment]  # with account and phone, at no cost
    return journey
