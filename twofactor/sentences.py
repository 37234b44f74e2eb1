"""What the audited actions of this app mean, in words for the audit page."""

from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.sentences import describe, say
from messaging.delivery.models import Channel
from twofactor import phones
from twofactor.models import Purpose

say("channel", {Channel.SMS: _("SMS"), Channel.EMAIL: _("e-mail")})
say(
    "purpose",
    {
        Purpose.SIGN_IN: _("to sign in"),
        Purpose.ENROL: _("to confirm the first phone"),
        Purpose.CHANGE_PHONE: _("to confirm the new phone"),
        Purpose.REAUTHENTICATE: _("to prove who they are"),
        Purpose.MAILBOX: _("to confirm the mailbox"),
        Purpose.CHANGE_EMAIL: _("to confirm the new address"),
        "policy": _("to switch the second step on or off"),
        "policy.date": _("to choose the date of the second step"),
        "policy.options": _("to change the options of the second step"),
        "account.countries": _("to choose the countries of the phones"),
        "user.reset_phone": _("to reset a phone"),
        "user.role": _("to change somebody's role"),
        "user.deactivate": _("to deactivate somebody"),
        "user.reactivate": _("to reactivate somebody"),
        "user.unlock": _("to unlock somebody"),
        "phone.change": _("to change the phone"),
        "email.change": _("to change the e-mail address"),
    },
)
say(
    "reason",
    {
        "phone.disowned": _("they said that a phone was not theirs"),
        "second_factor.failures": _("too many wrong tokens"),
    },
)


def _hours(data: dict[str, Any]) -> dict[str, Any]:
    """Say for how long somebody is kept from trying."""
    hours = data.get("hours", 0)
    minutes = round(hours * 60)
    if minutes < 60:
        return {"time": ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}}
    return {"time": ngettext("%(count)d hour", "%(count)d hours", round(hours)) % {"count": round(hours)}}


def _countries(data: dict[str, Any]) -> dict[str, Any]:
    """Name countries in the reader's language."""
    language = get_language() or "pt-br"
    return {
        fact: ", ".join(name for _region, name in phones.country_choices(str(regions).split(), language))
        for fact, regions in data.items()
    }


describe(
    "account.countries_changed",
    _("Countries of the phones changed"),
    _("%(actor)s changed the countries of the phones from %(before)s to %(after)s."),
    _countries,
)
describe("password.failed", _("Wrong password"), _("A wrong password was typed for %(person)s."))
describe("sign_in.password_only", _("Sign-in by password alone"), _("%(person)s signed in with the password alone."))
describe("sign_in.pending", _("Right password"), _("%(person)s typed the right password; the second step comes next."))
describe("sign_in.verified", _("Sign-in"), _("%(person)s signed in with a token by %(channel)s."))
describe("session.ended", _("Sign-out"), _("%(person)s signed out."))
describe("challenge.issued", _("Token sent"), _("A token %(purpose)s was sent to %(person)s by %(channel)s."))
describe(
    "challenge.failed",
    _("Token not delivered"),
    _("A token %(purpose)s for %(person)s by %(channel)s could not be delivered."),
)
describe("token.refused", _("Wrong token"), _("A wrong token %(purpose)s was typed for %(person)s."))
describe(
    "second_factor.failing",
    _("Many wrong tokens"),
    _("Wrong tokens keep being typed after the right password of %(person)s."),
)
describe(
    "second_factor.locked",
    _("Second step locked"),
    _("After too many wrong tokens the second step of %(person)s is locked for %(time)s."),
    _hours,
)
describe("captcha.refused", _("Captcha refused"), _("The captcha of a sign-in was refused."))
describe("reauthentication.refused", _("Proof of identity refused"), _("%(person)s could not prove who they are."))
describe("phone.enrolled", _("Phone confirmed"), _("%(person)s confirmed the phone %(number)s."))
describe("phone.change_started", _("Change of phone begun"), _("%(person)s began to change the phone to %(number)s."))
describe("phone.changed", _("Phone changed"), _("%(person)s changed the phone from %(before)s to %(after)s."))
describe("phone.change_cancelled", _("Change of phone given up"), _("%(person)s gave the change of the phone up."))
describe(
    "phone.disowned",
    _("Phone removed as foreign"),
    _("Somebody at the mailbox of %(person)s said that the phone was not theirs; it was removed."),
)
describe(
    "phone.reset",
    _("Phone reset"),
    _("%(actor)s removed the phone %(number)s of %(person)s. Reason: %(reason)s"),
)
describe("mailbox.proved", _("Mailbox confirmed"), _("%(person)s confirmed the mailbox before a first phone."))
describe(
    "reauthentication.started",
    _("Proof of identity asked for"),
    _("%(person)s was asked to prove who they are, %(purpose)s."),
)
describe("reauthentication.proved", _("Identity proved"), _("%(person)s proved who they are, %(purpose)s."))
describe(
    "reauthentication.used", _("Proof of identity used"), _("%(person)s used the proof of who they are, %(purpose)s.")
)
describe(
    "reauthentication.cancelled",
    _("Proof of identity given up"),
    _("%(person)s gave up to prove who they are, %(purpose)s."),
)
describe(
    "phone.shared", _("Shared phone"), _("The phone %(number)s now serves %(people)s people, %(person)s among them.")
)
describe("limit.hit", _("Limit reached"), _("%(person)s was asked to wait: the limit “%(scope)s” was reached."))
describe(
    "challenge.withheld",
    _("Token withheld"),
    _("A token %(purpose)s for %(person)s was not sent: the limit “%(scope)s” was reached."),
)
describe("captcha.outage", _("Captcha out of reach"), _("reCAPTCHA does not answer; the other check takes its place."))
describe("captcha.fallback", _("The other captcha"), _("Somebody passed by the check that stands in for reCAPTCHA."))
_SPENT = _("%(used)s of the %(limit)s SMS of the day are sent.")
for _scope in ("account_sms", "system_sms"):
    describe(f"{_scope}.half_spent", _("Half of the day's SMS are sent"), _SPENT)
    describe(f"{_scope}.nearly_spent", _("Most of the day's SMS are sent"), _SPENT)
    describe(f"{_scope}.spent", _("All of the day's SMS are sent"), _SPENT)
say(
    "scope",
    {
        "password": _("wrong passwords"),
        "ladder": _("wrong tokens in a row"),
        "conflict": _("many at once"),
        "cooldown": _("pause between two tokens"),
        **dict.fromkeys(("user", "user_sms", "user_email"), _("tokens of a person")),
        "phone": _("SMS of a phone"),
        "mailbox": _("e-mails of a mailbox"),
        "numbers": _("different numbers tried"),
        "address": _("tokens of an address"),
        "prefix": _("range of numbers"),
        "country": _("SMS of a country"),
        "conversion": _("tokens of a country that nobody types"),
        "people": _("people of a phone"),
        "announcement": _("announcements"),
        "invited": _("invitations of an address"),
        "address_links": _("links to a new password"),
    },
)
