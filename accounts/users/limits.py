"""The limits that are a person's own: which of them hold and until when, and how they are forgotten (B-05)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import F, Q

from accounts import rate_limits
from accounts.models import RateLimit, User
from accounts.passwords import limits as password_limits
from messaging.database import Epoch

# Scopes of settings.LIMITS by what their windows are named after.
BY_NAME = ("password_from_address", "password_anywhere", "password")
BY_PERSON = (
    "password_known",
    "reauthentication",
    "recovery",
    "token_known",
    "user",
    "user_sms",
    "user_email",
    "numbers",
    "number",
)
BY_DESTINATION = ("phone", "mailbox", "links", "browser_links")


@dataclass(frozen=True, slots=True)
class Holding:
    """A limit that holds a person up, for so many seconds more, until a moment of the database's clock."""

    scope: str
    used: int
    limit: int
    seconds_left: int
    until: datetime


def of(user: User) -> Q:
    """Return the condition of all windows that are the person's own."""
    names = rate_limits.of_names(BY_NAME, password_limits.names_of(user))
    device = getattr(user, "phone_device", None)
    proved = [rate_limits.hidden(user.email)]
    if device:
        proved.append(f"{rate_limits.hidden(device.number)} {user.pk}")
    return names | rate_limits.of_names(BY_PERSON, [user.pk]) | rate_limits.of_names(BY_DESTINATION, proved)


def _limit_of(scope: str, seconds: int) -> int | None:
    """Return the limit of a window; None for what is counted without one. Each channel has half of a person's."""
    of_channel = scope in {"user_sms", "user_email"}
    found = {of: limit for limit, of in settings.LIMITS.get("user" if of_channel else scope, [])}.get(seconds)
    return (found + 1) // 2 if found and of_channel else found


def holding(user: User) -> list[Holding]:
    """Return the limits that hold the person up now, one a scope, the longest wait of each."""
    running = RateLimit.objects.filter(of(user), until__gt=Epoch()).annotate(left=F("until") - Epoch())
    longest: dict[str, Holding] = {}
    for row in running.order_by("left"):
        scope = row.key.partition(" ")[0]
        limit = _limit_of(scope, row.seconds)
        if limit is not None and row.used >= limit:
            longest[scope] = Holding(scope, row.used, limit, row.left, datetime.fromtimestamp(row.until, UTC))
    return list(longest.values())


def forget(user: User) -> int:
    """Forget what was counted of the person alone; return how many windows. Others' counts stay."""
    return rate_limits.forget(of(user))
