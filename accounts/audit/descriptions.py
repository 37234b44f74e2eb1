"""Describe an audit event in the reader's language: the sentence of its action, filled with the event's data."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from accounts.audit.action_rows import Shown
from accounts.audit.actions import Action
from accounts.countries import country_choices
from accounts.factors import FactorKind
from accounts.models import Accent, AuditEvent, Role
from accounts.notifications import choices
from messaging.delivery.models import Channel

_PLACES = re.compile(r"%\((\w+)\)s")
Facts = Callable[[dict[str, Any]], dict[str, Any]]

# The words for the values in an event's data.
VALUES: dict[str, dict[str, Promise]] = {
    "role": dict(Role.choices),
    "channel": {
        Channel.SMS: gettext_lazy("SMS"),
        Channel.EMAIL: gettext_lazy("e-mail"),
        FactorKind.APP: gettext_lazy("app"),
        FactorKind.PASSKEY: gettext_lazy("passkey"),
        "passkey_alone": gettext_lazy("passkey alone"),
        FactorKind.RECOVERY: gettext_lazy("recovery code"),
    },
    "purpose": {
        "login": gettext_lazy("to sign in"),
        "enrol": gettext_lazy("to confirm the first phone"),
        "change_phone": gettext_lazy("to confirm the new phone"),
        "reauth": gettext_lazy("to prove who they are"),
        "mailbox": gettext_lazy("to confirm the mailbox"),
        "old_factor": gettext_lazy("to set up another second step"),
        "change_email": gettext_lazy("to confirm the new address"),
        "recovery": gettext_lazy("in place of the recovery code"),
        "policy": gettext_lazy("to switch the second step on or off"),
        "policy.date": gettext_lazy("to choose the date of the second step"),
        "policy.factors": gettext_lazy("to choose which second steps count"),
        "policy.options": gettext_lazy("to change the options of the second step"),
        "policy.email": gettext_lazy("to decide about e-mail for whoever has something stronger"),
        "policy.passkeys": gettext_lazy("to decide about the sign-in by passkey alone"),
        "account.countries": gettext_lazy("to choose the countries of the phones"),
        "user.reset_phone": gettext_lazy("to reset a phone"),
        "user.password": gettext_lazy("to send somebody the link to a new password"),
        "user.role": gettext_lazy("to change somebody's role"),
        "user.deactivate": gettext_lazy("to deactivate somebody"),
        "user.reactivate": gettext_lazy("to reactivate somebody"),
        "user.unlock": gettext_lazy("to unlock somebody"),
        "user.recovery_code": gettext_lazy("to make a recovery code"),
        "user.invite": gettext_lazy("to invite administrators"),
        "user.erase": gettext_lazy("to erase somebody"),
        "user.bulk": gettext_lazy("to change several users"),
        "sessions.end": gettext_lazy("to end their own sessions"),
        "app.add": gettext_lazy("to set up an authenticator app"),
        "passkey.add": gettext_lazy("to add a passkey"),
        "codes.issue": gettext_lazy("to make recovery codes"),
        "codes.remove": gettext_lazy("to remove the recovery codes"),
        "factor.remove": gettext_lazy("to remove a second step"),
        "phone.change": gettext_lazy("to change the phone"),
        "email.change": gettext_lazy("to change the e-mail address"),
    },
    "reason": {
        "phone.disowned": gettext_lazy("they said that a phone was not theirs"),
        "sign_in.disowned": gettext_lazy("they said that a sign-in was not theirs"),
        "second_factor.failures": gettext_lazy("too many wrong tokens"),
    },
    "scope": {
        **dict.fromkeys(
            ("password", "password_known", "password_from_address", "password_anywhere", "address_passwords"),
            gettext_lazy("wrong passwords"),
        ),
        "reauthentication": gettext_lazy("wrong passwords of somebody signed in"),
        # "ladder" is the name of "lockout" in events of earlier releases.
        **dict.fromkeys(("lockout", "ladder", "token_known"), gettext_lazy("wrong tokens in a row")),
        "conflict": gettext_lazy("many at once"),
        "exports": gettext_lazy("exports at the same time"),
        "cooldown": gettext_lazy("pause between two tokens"),
        **dict.fromkeys(
            ("user", "user_sms", "user_email", "person", "person_first"), gettext_lazy("tokens of a person")
        ),
        **dict.fromkeys(("account", "account_new", "account_known", "system"), gettext_lazy("SMS of a day")),
        **dict.fromkeys(("phone", "phone_typed"), gettext_lazy("SMS of a phone")),
        **dict.fromkeys(("mailbox", "mailbox_typed"), gettext_lazy("e-mails of a mailbox")),
        "recovery": gettext_lazy("wrong recovery codes"),
        "numbers": gettext_lazy("different numbers tried"),
        "address": gettext_lazy("tokens of an address"),
        "prefix": gettext_lazy("range of numbers"),
        "country": gettext_lazy("SMS of a country"),
        "spared": gettext_lazy("tokens of a closed range or address"),
        "conversion": gettext_lazy("tokens of a country that nobody types"),
        "people": gettext_lazy("people of a phone"),
        "announcement": gettext_lazy("announcements to everybody"),
        "notices": gettext_lazy("notices of one kind"),
        "invited": gettext_lazy("invitations of an address"),
        "invitations": gettext_lazy("invitations of an account"),
        **dict.fromkeys(("links", "address_links"), gettext_lazy("links to a new password")),
        "browser_links": gettext_lazy("links that make a browser known"),
    },
}


# Sentences that replace the one of the action, by a value in the event's data.
VARIANTS: dict[Action, tuple[str, dict[Any, Promise]]] = {
    Action.ACCOUNT_LOGO_CHANGED: ("after", {"": gettext_lazy("%(actor)s removed the logo of the account.")}),
    Action.POLICY_ANNOUNCED: (
        "now",
        {
            True: gettext_lazy(
                "An e-mail told everybody that two factor authentication is on: %(actor)s had switched it on."
            )
        },
    ),
    Action.POLICY_SWITCHED_ON: (
        "by_date",
        {True: gettext_lazy("Two factor authentication is on for everybody from the date that %(actor)s had set.")},
    ),
    Action.POLICY_FACTORS_CHANGED: (
        "by_date",
        {
            True: gettext_lazy(
                "From the date that %(actor)s had set these second steps count: %(after)s. Before: %(before)s."
            )
        },
    ),
    Action.POLICY_OPTIONS_CHANGED: (
        "mailbox_before_phone",
        {
            True: gettext_lazy("%(actor)s now requires the e-mail to be confirmed before a first phone."),
            False: gettext_lazy("%(actor)s no longer requires the e-mail to be confirmed before a first phone."),
        },
    ),
}


def was_refused(event: AuditEvent) -> bool:
    action = Action.named(event.action)
    return action is not None and Shown.REFUSAL in action.shown


def describe(event: AuditEvent) -> str:
    """Return what happened, as plain text."""
    text, facts = _parts(event)
    return text % facts


def describe_html(event: AuditEvent) -> SafeString:
    """Return what happened, with names and facts in bold."""
    text, facts = _parts(event)
    pieces = enumerate(_PLACES.split(text))  # every second piece is the name of a value
    bold = ((format_html("<strong>{}</strong>", facts[piece]) if odd % 2 else piece,) for odd, piece in pieces)
    return format_html_join("", "{}", bold)


class _Known(dict[str, Any]):
    """Values, with a dash for one that an old event does not have."""

    def __missing__(self, name: str) -> str:
        return "–"


def _parts(event: AuditEvent) -> tuple[str, _Known]:
    action = Action.named(event.action)
    if action is None:
        return "%(actor)s: %(action)s", _Known(actor=_person(event.actor), action=event.action)
    facts = {name: _value(name, value) for name, value in FACTS.get(action, dict)(event.data).items()}
    people = {"actor": _actor(event), "person": _person(event.user)}
    return _sentence(action, event.data), _Known({**facts, **people})


def _sentence(action: Action, data: dict[str, Any]) -> str:
    fact, variants = VARIANTS.get(action, ("", {}))
    return str(variants.get(data.get(fact), action.sentence) if fact else action.sentence)


def _value(name: str, value: Any) -> Any:
    return VALUES.get(name, {}).get(str(value), value)


def _person(person: Any) -> str:
    return person.full_name if person else _("Somebody")


def _actor(event: AuditEvent) -> str:
    return _("The operator of Messaging") if event.data.get("by_operator") else _person(event.actor)


def _hours(data: dict[str, Any]) -> dict[str, Any]:
    """Return for how long the second step is locked."""
    hours = data.get("hours", 0)
    minutes = round(hours * 60)
    if minutes < 60:
        return {"time": ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}}
    return {"time": ngettext("%(count)d hour", "%(count)d hours", round(hours)) % {"count": round(hours)}}


def _left_out(data: dict[str, Any]) -> dict[str, Any]:
    """Replace the action's name by its label."""
    action = Action.named(str(data.get("counted", "")))
    return {**data, "counted": action.label} if action else data


def _countries(data: dict[str, Any]) -> dict[str, Any]:
    """Name countries in the reader's language. ``data`` has ISO regions separated by blanks."""
    language = get_language() or "pt-br"
    return {
        fact: ", ".join(name for _region, name in country_choices(str(regions).split(), language))
        for fact, regions in data.items()
    }


def _kinds(data: dict[str, Any]) -> dict[str, Any]:
    """Name kinds of second factor, and the day from which they count. ``data`` has them separated by blanks."""
    return {**_named(data, dict(FactorKind.choices), ", "), **_day(data)}


def _named(data: dict[str, Any], labels: Mapping[str, Promise | str], between: str) -> dict[str, str]:
    texts = {name: data[name] for name in ("before", "after") if data.get(name)}
    return {name: between.join(str(labels.get(kind, kind)) for kind in text.split()) for name, text in texts.items()}


def _day(data: dict[str, Any]) -> dict[str, Any]:
    """Return the day on which the policy was to begin, in the portal's time zone."""
    moment = parse_datetime(data.get("starts") or "")
    return {"starts": date_format(localtime(moment), "DATE_FORMAT")} if moment else {}


def _notices(data: dict[str, Any]) -> dict[str, Any]:
    """Name the chosen notices before and after, and who gets them; nothing for an event of an earlier release."""
    if "after" not in data:
        return {}
    to_one = data.get("reader")
    reader = _("an administrator of their choice") if to_one else _("every administrator")
    nothing = {name: _("none") for name in ("before", "after")}
    return {**nothing, **_named(data, choices.CHOICES, "; "), "reader": reader}


def _colours(data: dict[str, Any]) -> dict[str, Any]:
    labels = dict(Accent.choices)
    return {name: labels.get(value, value) for name, value in data.items()}


def _roles(data: dict[str, Any]) -> dict[str, Any]:
    return {name: VALUES["role"].get(value, value) for name, value in data.items()}


# The actions whose data have to be converted for their sentence.
FACTS: dict[Action, Facts] = {
    Action.ACCOUNT_ACCENT_CHANGED: _colours,
    Action.ACCOUNT_COUNTRIES_CHANGED: _countries,
    Action.ACCOUNT_NOTICES_CHANGED: _notices,
    Action.EVENTS_LEFT_OUT: _left_out,
    Action.POLICY_FACTORS_CHANGED: _kinds,
    Action.POLICY_FACTORS_REMINDED: _kinds,
    Action.POLICY_FACTORS_SCHEDULED: _kinds,
    Action.POLICY_FACTORS_UNSCHEDULED: _day,
    Action.POLICY_SCHEDULED: _day,
    Action.POLICY_UNSCHEDULED: _day,
    Action.SECOND_FACTOR_LOCKED: _hours,
    Action.USER_ROLE_CHANGED: _roles,
}
