"""The people of the showcase and their events, collected before they are written."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from typing import Any

from django.utils import timezone

from accounts.models import Account, AuditEvent, User
from messaging.delivery.models import Message


@dataclass
class Person:
    """One of the forty: a login, a state, the places they sign in from, and the day of their phone."""

    user: User
    state: str
    number: str
    places: list[tuple[str, str]]
    enrolled_at: datetime | None = None

    @property
    def has_phone(self) -> bool:
        """Tell whether this person has a phone at the end."""
        return self.state in {"enrolled", "failing"}


@dataclass
class Story:
    """The events of the account, collected before they are written in one go."""

    account: Account
    random: Random
    now: datetime
    people: list[Person] = field(default_factory=list)
    events: list[AuditEvent] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def at(self, days_ago: int, hour: int, minute: int = 0) -> datetime:
        """Return a moment of an earlier day, in the portal's time zone."""
        day = timezone.localdate(self.now) - timedelta(days=days_ago)
        return timezone.make_aware(datetime.combine(day, time(hour, minute)))

    def is_bad(self, at: datetime) -> bool:
        """Tell whether this was in the working hours of the one day on which the gateway failed."""
        days_ago = next(days for days in range(7, 14) if self.at(days, 12).weekday() == 1)
        return self.at(days_ago, 9) < at < self.at(days_ago, 17)

    def note(
        self, at: datetime, person: Person, action: str, *, actor: User | None = None, place: int = 0, **data: Any
    ) -> None:
        """Add an event, unless it is in the future."""
        if at >= self.now:
            return
        ip, agent = person.places[place]
        self.events.append(
            AuditEvent(
                account=self.account,
                user=person.user,
                actor=actor or person.user,
                action=action,
                at=at,
                ip=ip,
                user_agent=agent,
                request_id=f"{self.random.getrandbits(64):016x}",
                data=data,
            )
        )
