"""Write down who did what, when, from where (J-01)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from accounts import origin
from accounts.models import AuditEvent, User

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
    here = origin.current.get()
    user = user or _person.get()
    actor = actor or user
    return AuditEvent.objects.create(
        account_id=user.account_id if user else None,
        user=user,
        actor=actor,
        action=action,
        ip=here.ip,
        user_agent=here.user_agent,
        request_id=here.request_id,
        data=data,
    )
