"""The only module that touches ``request.session``."""

from hashlib import sha256
from typing import Any

from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest

from accounts.models import Session, User
from messaging.database import Clock
from twofactor import flows
from twofactor.models import (
    EmailChange,
    PendingSignIn,
    PhoneChange,
    PhoneDevice,
    Reauthentication,
    ReauthenticationQuerySet,
)

BACKEND = "twofactor.backends.PhoneBackend"


def session_hash(request: HttpRequest) -> str:
    """Return what binds a journey to a session: the SHA-256 of its id; empty when there is no session."""
    key = request.session.session_key
    return sha256(key.encode()).hexdigest() if key else ""


def hold_sign_in(request: HttpRequest, user: User, next_url: str, *, switches_policy_on: bool = False) -> PendingSignIn:
    """Start a fresh session that holds nothing but a pending sign-in; whoever was signed in is out (S-02, S-03)."""
    if old := session_hash(request):
        flows.end_pending_sign_in(old)
    session: Any = request.session
    session.renew()
    session["pending_sign_in"] = True
    return flows.begin_sign_in(
        user,
        session_hash=session_hash(request),
        next_url=next_url,
        switches_policy_on=switches_policy_on,
    )


def pending_sign_in(request: HttpRequest) -> PendingSignIn | None:
    """Return the session's pending sign-in. The cookie leads to its row: the session is not even read."""
    here = session_hash(request)
    return PendingSignIn.objects.of_session(here) if here else None


def is_verified(user: User) -> bool:
    """Tell whether this session has proved the second factor: django-otp's word, set by PhoneMiddleware."""
    return bool(user.is_verified())  # type: ignore[attr-defined]


def sign_in(request: HttpRequest, user: User, device: PhoneDevice | None = None) -> None:
    """Sign a person in, under a new session id (S-03); ``device`` makes the session a verified one."""
    if device is None and (old := session_hash(request)):
        flows.end_pending_sign_in(old)  # somebody else's; one's own has ended with its token
    store: Any = request.session
    store.renew()
    if device:
        user.otp_device = device  # type: ignore[attr-defined]  # django-otp's own way to hand it over
    login(request, user, backend=BACKEND)


def sign_out(request: HttpRequest) -> None:
    """End the session, signed in or half-way."""
    here = session_hash(request)  # before the session is read: one that is no more would forget its id
    user: Any = request.user
    flows.sign_out(user if user.is_authenticated else None, here)
    logout(request)


def keep_signed_in(request: HttpRequest, user: User) -> None:
    """Let this session survive the end of the person's sessions, under a new id."""
    update_session_auth_hash(request, user)


def is_here(request: HttpRequest, session: Session) -> bool:
    """Tell whether a row is the session of this very request."""
    return bool(session.session_key == request.session.session_key)


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


def reauthentications(request: HttpRequest) -> ReauthenticationQuerySet:
    """Return what the session has proved or is proving, as a queryset of one row at most."""
    user: Any = request.user
    rows: ReauthenticationQuerySet = Reauthentication.objects.filter(session_hash=session_hash(request), user=user)
    return rows


def reauthentication(request: HttpRequest) -> Reauthentication | None:
    """Return the session's proof that is under way or not used yet."""
    journey = reauthentications(request).alive().first()
    if journey:
        journey.user = request.user  # type: ignore[assignment]  # with account and phone, at no cost
    return journey
