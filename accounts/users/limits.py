"""The limits that are a person's own: which of them are reached and until when, and how they are cleared (B-05)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.models import AuditEvent, RateLimit, User
from accounts.passwords import limits as password_limits
from accounts.rate_limits import Window
from messaging.database import Clock, Epoch, ago

# Scopes of settings.LIMITS, by the names of their windows.
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
MONEY = "person"  # the SMS of the person, cleared only by an administrator who helps
BY_DESTINATION = ("phone", "mailbox", "links", "browser_links")
# Scopes that others can close for an unconfirmed destination, and the events of a person who was sent nothing.
BY_OTHERS = ("phone_typed", "mailbox_typed", "prefix", "country", "address")
SENT_NOTHING = (Action.CHALLENGE_WITHHELD, Action.LIMIT_HIT)
LIFTED = (Action.USER_UNLOCKED, Action.USER_LIMITS_FORGOTTEN)


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that a person has reached, for so many seconds more, until a moment of the database's clock."""

    scope: str
    used: int
    limit: int
    seconds_left: int
    until: datetime


def of(user: User) -> Q:
    """Return the condition for all windows that are the person's own."""
    names = rate_limits.of_names(BY_NAME, password_limits.names_of(user))
    device = getattr(user, "phone_device", None)
    proved = [rate_limits.hidden(user.email)]
    if device:
        proved.append(f"{rate_limits.hidden(device.number)} {user.pk}")
    return names | rate_limits.of_names(BY_PERSON, [user.pk]) | rate_limits.of_names(BY_DESTINATION, proved)


def unlocked(user: User) -> Window:
    """Return the window that runs while a person has tokens that leave although others have closed theirs."""
    return Window(f"unlocked {user.pk}", settings.DAY, 1, "unlocked")


def _sent_nothing(user: User) -> list[Reached]:
    """Return each limit of others by which the person was sent nothing in the last day, without an unlock since."""
    lifted = AuditEvent.objects.filter(user=user.pk, action__in=LIFTED, pk__gt=OuterRef("pk"))
    found = AuditEvent.objects.filter(~Exists(lifted), user=user.pk, action__in=SENT_NOTHING, at__gt=ago(settings.DAY))
    left = ExpressionWrapper(F("at") + timedelta(days=1) - Clock(), output_field=DurationField())
    events: Any = found.annotate(left=left).order_by("pk")
    until = {event.data.get("scope"): event for event in events}
    return [
        Reached(scope, 1, 1, int(event.left.total_seconds()), event.at + timedelta(days=1))
        for scope, event in until.items()
        if scope in BY_OTHERS
    ]


def _limit_of(scope: str, seconds: int) -> int | None:
    """Return the limit of a window; None for one that only counts. Each channel has half of a person's."""
    of_channel = scope in {"user_sms", "user_email"}
    found = {of: limit for limit, of in settings.LIMITS.get("user" if of_channel else scope, [])}.get(seconds)
    return (found + 1) // 2 if found and of_channel else found


def reached(user: User) -> list[Reached]:
    """Return the limits that a person has reached, one a scope, each with its longest wait."""
    running = RateLimit.objects.filter(of(user), until__gt=Epoch()).annotate(left=F("until") - Epoch())
    longest: dict[str, Reached] = {}
    for row in running.order_by("left"):
        scope = row.key.partition(" ")[0]
        limit = _limit_of(scope, row.seconds)
        if limit is not None and row.used >= limit:
            longest[scope] = Reached(scope, row.used, limit, row.left, datetime.fromtimestamp(row.until, UTC))
    return [*longest.values(), *_sms_used_up(user), *_sent_nothing(user)]


def _sms_used_up(user: User) -> list[Reached]:
    """Return the limit of the person's SMS if it is reached (B-10), with the wait until the oldest no longer count."""
    for window in rate_limits.windows(MONEY, user.pk):
        running = RateLimit.objects.filter(key=window.key, seconds__in=window.rows, until__gt=Epoch())
        rows = list(running.annotate(left=F("until") - Epoch()).order_by("left"))
        if (used := sum(row.used for row in rows)) >= window.limit:
            return [Reached(MONEY, used, window.limit, rows[0].left, datetime.fromtimestamp(rows[0].until, UTC))]
    return []


def forget(user: User) -> int:
    """Delete the windows of the person alone; return how many. Those shared with others stay."""
    return rate_limits.forget(of(user))


def unlock(user: User) -> int:
    """Clear them for an administrator who helps: a person who was sent nothing gets tokens that leave, for a day.

    A person who has no SMS left gets those of another day, from the account's. A password reset gives none, because
    people reset by themselves.
    """
    if _sent_nothing(user):
        rate_limits.count([unlocked(user)])
    return rate_limits.forget(of(user) | Q(key=f"{MONEY} {user.pk}"))
