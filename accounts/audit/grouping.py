"""The events of one sign-in as one line of the audit page, and the actions of its filter in groups."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.audit.actions import Action
from accounts.models import AuditEvent

MAX_SIGN_IN_AGE = timedelta(minutes=10)  # settings.PENDING_SIGN_IN_SECONDS: an older event is another sign-in's
BEGINS, ENDS = Action.SIGN_IN_PENDING, Action.SIGN_IN_VERIFIED
STEPS = {
    BEGINS,
    Action.CHALLENGE_ISSUED,
    Action.CHALLENGE_FAILED,
    Action.CHALLENGE_WITHHELD,
    Action.TOKEN_REFUSED,
    Action.CAPTCHA_REFUSED,
    Action.MAILBOX_PROVED,
    Action.PHONE_ENROLLED,
    Action.RECOVERY_CODE_USED,
}

# By the first part of the stored name; a part that is not listed belongs to the last group.
GROUPS: dict[Promise, set[str]] = {
    _("Sign-in"): {"sign_in", "session", "sessions", "challenge", "token", "browser", "mailbox"},
    _("Password"): {"password"},
    _("Phone and e-mail"): {"phone", "email", "recovery_code"},
    _("Proof of identity"): {"reauthentication"},
    _("Users"): {"user", "invitation", "reminder", "reminders"},
    _("Account"): {"account", "policy"},
    _("Limits"): {"limit", "captcha", "second_factor", "range", "account_sms", "system_sms"},
}
OTHERS = _("Others")

Choice = tuple[str, str]


def grouped_choices() -> list[tuple[str, list[Choice]]]:
    """Return the actions by group, each group sorted by its labels in the language in force."""
    found: dict[str, list[Choice]] = {str(name): [] for name in [*GROUPS, OTHERS]}
    for value, label in Action.choices:
        found[_group_of(value)].append((value, str(label)))
    return [(name, sorted(rows, key=lambda row: row[1].lower())) for name, rows in found.items()]


def _group_of(action: str) -> str:
    first = action.partition(".")[0]
    return str(next((name for name, parts in GROUPS.items() if first in parts), OTHERS))


@dataclass(slots=True)
class Line:
    """A line of the audit page: an event, and the steps that led to it if it ends a sign-in."""

    event: AuditEvent
    steps: list[AuditEvent] = field(default_factory=list)


def lines(events: Iterable[AuditEvent]) -> list[Line]:
    """Return the events of a page, newest first, with the steps of each sign-in under the event that ends it.

    Events of other people in between stay where they are. A sign-in that did not succeed is not grouped, because its
    refusals are what an administrator looks for.
    """
    found: list[Line] = []
    open_for: dict[tuple[int | None, str | None], Line] = {}
    for event in events:
        whose = (event.user_id, event.ip)
        line = open_for.get(whose)
        if line and event.action in STEPS and line.event.at - event.at <= MAX_SIGN_IN_AGE:
            line.steps.append(event)
            if event.action == BEGINS:
                del open_for[whose]
            continue
        found.append(Line(event))
        if event.action == ENDS and event.user_id:
            open_for[whose] = found[-1]
    return found
