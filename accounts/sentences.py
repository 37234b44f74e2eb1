"""What audited actions mean, in words: a name for each, and a sentence for each event.

The apps that audit an action register its words here, as they register their notices (``composers.tells``).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import AuditEvent, Role

REFUSED = (".refused", ".failed", ".limited", ".locked", ".failing")
_PLACES = re.compile(r"%\((\w+)\)s")
Facts = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Words:
    """The name of an action, and a sentence with %(actor)s, %(person)s and what the event holds."""

    name: Promise
    sentence: Promise
    facts: Facts = dict


_words: dict[str, Words] = {}
_values: dict[str, dict[str, Promise]] = {}


def describe(action: str, name: Promise, sentence: Promise, facts: Facts = dict) -> None:
    """Register the words of an action. ``facts`` turns the event's data into what the sentence says."""
    _words[action] = Words(name, sentence, facts)


def say(fact: str, values: dict[str, Promise]) -> None:
    """Register what the values of a fact are called, such as those of "channel"."""
    _values.setdefault(fact, {}).update(values)


def described() -> dict[str, Promise]:
    """Return the name of every action that has words."""
    return {action: words.name for action, words in _words.items()}


def was_refused(event: AuditEvent) -> bool:
    """Tell whether an event is about something that was not let through."""
    return event.action.endswith(REFUSED)


def sentence(event: AuditEvent) -> str:
    """Return what happened, as plain text."""
    text, facts = _parts(event)
    return text % facts


def sentence_html(event: AuditEvent) -> SafeString:
    """Return what happened, with names and facts in bold."""
    text, facts = _parts(event)
    pieces = enumerate(_PLACES.split(text))  # every second one is the name of a fact
    bold = ((format_html("<strong>{}</strong>", facts[piece]) if odd % 2 else piece,) for odd, piece in pieces)
    return format_html_join("", "{}", bold)


class _Known(dict[str, Any]):
    """Facts, with a dash for what an old event does not hold."""

    def __missing__(self, name: str) -> str:
        return "–"


def _parts(event: AuditEvent) -> tuple[str, _Known]:
    words = _words.get(event.action)
    if words is None:
        return "%(actor)s: %(action)s", _Known(actor=_person(event.actor), action=event.action)
    facts = {name: _value(name, value) for name, value in words.facts(event.data).items()}
    people = {"actor": _actor(event), "person": _person(event.user)}
    return str(words.sentence), _Known({**facts, **people})


def _value(name: str, value: Any) -> Any:
    return _values.get(name, {}).get(str(value), value)


def _person(person: Any) -> str:
    return person.full_name if person else _("Somebody")


def _actor(event: AuditEvent) -> str:
    return _("The operator of Messaging") if event.data.get("by_operator") else _person(event.actor)


say("role", dict(Role.choices))
describe("account.created", gettext_lazy("Account created"), gettext_lazy("The account was created for %(person)s."))
describe(
    "policy.switched_on",
    gettext_lazy("Two factor authentication switched on"),
    gettext_lazy("%(actor)s switched two factor authentication on for everybody."),
)
describe(
    "policy.switched_off",
    gettext_lazy("Two factor authentication switched off"),
    gettext_lazy("%(actor)s switched two factor authentication off for everybody."),
)
describe(
    "account.accent_changed",
    gettext_lazy("Colour of the account changed"),
    gettext_lazy("%(actor)s changed the colour of the account."),
)
describe(
    "account.logo_changed",
    gettext_lazy("Logo of the account changed"),
    gettext_lazy("%(actor)s changed the logo of the account."),
)
describe("sessions.ended", gettext_lazy("Sessions ended"), gettext_lazy("The sessions of %(person)s were ended."))
describe(
    "user.locked",
    gettext_lazy("User locked"),
    gettext_lazy("%(person)s was locked until an administrator acts: %(reason)s."),
)
describe("user.unlocked", gettext_lazy("User unlocked"), gettext_lazy("%(actor)s unlocked %(person)s."))
describe(
    "password.reset_requested",
    gettext_lazy("Link to a new password asked for"),
    gettext_lazy("A link to a new password was sent to %(person)s."),
)
describe(
    "password.reset_limited",
    gettext_lazy("Too many links to a new password"),
    gettext_lazy("No further link to a new password was sent to %(person)s: three were asked for within an hour."),
)
describe(
    "password.reset",
    gettext_lazy("Password chosen by e-mail"),
    gettext_lazy("%(person)s chose a new password by the link in an e-mail."),
)
describe("password.changed", gettext_lazy("Password changed"), gettext_lazy("%(person)s changed their own password."))
describe("invitation.sent", gettext_lazy("Invitation sent"), gettext_lazy("%(actor)s invited %(address)s."))
describe(
    "invitation.revoked",
    gettext_lazy("Invitation revoked"),
    gettext_lazy("%(actor)s revoked the invitation of %(address)s."),
)
describe(
    "invitation.accepted",
    gettext_lazy("Invitation accepted"),
    gettext_lazy("%(person)s accepted the invitation and joined the account."),
)
describe("reminder.sent", gettext_lazy("Reminder sent"), gettext_lazy("%(actor)s reminded %(person)s of the phone."))
describe(
    "reminders.sent",
    gettext_lazy("Reminders sent"),
    gettext_lazy("%(actor)s reminded everybody without a phone: %(count)s."),
)
describe("session.ended", gettext_lazy("Session ended"), gettext_lazy("%(person)s ended one of their own sessions."))
describe(
    "user.role_changed",
    gettext_lazy("Role changed"),
    gettext_lazy("%(actor)s changed the role of %(person)s from %(before)s to %(after)s."),
    lambda data: {name: _values["role"].get(value, value) for name, value in data.items()},
)
describe("user.deactivated", gettext_lazy("User deactivated"), gettext_lazy("%(actor)s deactivated %(person)s."))
describe("user.reactivated", gettext_lazy("User reactivated"), gettext_lazy("%(actor)s let %(person)s in again."))
describe(
    "policy.options_changed",
    gettext_lazy("Options of the second step changed"),
    gettext_lazy("%(actor)s changed the options of the second step."),
)
describe(
    "email.change_started",
    gettext_lazy("Change of e-mail begun"),
    gettext_lazy("%(person)s began to change the e-mail address to %(address)s."),
)
describe(
    "email.change_cancelled",
    gettext_lazy("Change of e-mail given up"),
    gettext_lazy("%(person)s gave the change of the e-mail address up."),
)
describe(
    "email.changed",
    gettext_lazy("E-mail changed"),
    gettext_lazy("%(person)s changed the e-mail address from %(before)s to %(after)s."),
)
describe(
    "email.wished_by_another",
    gettext_lazy("E-mail wished by somebody else"),
    gettext_lazy("Somebody else entered the e-mail address of %(person)s as their new one; nothing was changed."),
)
