"""Write down who did what, when, from where (J-01)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from accounts import origin
from accounts.models import AuditEvent, User
from messaging.database import Compiled, Insert, slots

FACTS = ("account_id", "user_id", "actor_id", "action", "ip", "user_agent", "request_id", "data")
ADD = Compiled(lambda: Insert(AuditEvent, **slots(AuditEvent, *FACTS)))
_person: ContextVar[User | None] = ContextVar("person", default=None)


@contextmanager
def about(user: User) -> Iterator[None]:
    """Let the events inside that name nobody be about this person, who is not signed in but known (J-01)."""
    before = _person.set(user)
    try:
        yield
    finally:
        _person.reset(before)


def record(action: str, *, user: User | None = None, actor: User | None = None, **data: Any) -> AuditEvent:
    """Add one event about ``user`` (else whom it is ``about``), done by ``actor`` (the user themselves unless given).

    ``data`` holds masked and plain facts only: never a token, a password or a full number (J-02).
    """
    event = _event(action, user, actor, data)
    added = ADD.new(**{name: getattr(event, name) for name in FACTS})
    event.pk, event.at = added.pk, added.at
    return event


def record_many(action: str, *, actor: User, facts: list[dict[str, Any]]) -> None:
    """Add an event for each of many things that somebody did at once, in one statement."""
    AuditEvent.objects.bulk_create(_event(action, None, actor, data) for data in facts)


def _event(action: str, user: User | None, actor: User | None, data: dict[str, Any]) -> AuditEvent:
    """Return an event of here and now. It belongs to the account of whom it is about, else of who did it."""
    here = origin.current.get()
    user = user or _person.get()
    whose = user or actor
    return AuditEvent(
        account_id=whose.account_id if whose else None,
        user=user,
        actor=actor or user,
        action=action,
        ip=here.ip,
        user_agent=here.user_agent,
        request_id=here.request_id,
        data=data,
    )
