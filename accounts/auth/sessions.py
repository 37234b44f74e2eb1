"""A person's open sessions, and ending them."""

from django.db import transaction
from django.db.models import F

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import Session, User
from messaging.database import Clock


def end_sessions(user: User, *, actor: User | None = None) -> None:
    """End every session and pending sign-in of a person, by raising their epoch."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    record_event(Action.SESSIONS_ENDED, user=user, actor=actor)


def open_sessions(user: User) -> list[Session]:
    """Return a person's open sessions, the one used last first."""
    alive = Session.objects.filter(user=user, expire_date__gt=Clock()).order_by("-seen_at", "-pk")
    return [session for session in alive if session.holds_for(user)]


def end_session(user: User, session_id: int) -> bool:
    """End one of a person's own sessions; return whether there was one to end (S-12)."""
    with transaction.atomic():
        deleted, _rows = Session.objects.filter(user=user, pk=session_id).delete()
        if deleted:
            record_event(Action.SESSION_ENDED_BY_OWNER, user=user)
    return bool(deleted)
