"""The page that somebody is on, with the limit that they ran into: they stay where they are (B-13)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.auth import known_browsers
from accounts.exceptions import Limited

# What was reached, by the name of the limit.
SENTENCES: dict[str, Promise] = {
    "cooldown": _("One token at a time: the last one may still be on its way."),
    "user": _("You have asked for as many tokens as one person may in this time."),
    "user_sms": _("You have asked for as many tokens by SMS as one person may in this time."),
    "user_email": _("You have asked for as many tokens by e-mail as one person may in this time."),
    "phone": _("This phone has received as many SMS as it may in this time."),
    "mailbox": _("This mailbox has received as many tokens as it may in this time."),
    "numbers": _("You have tried as many different numbers as one person may in this time."),
    "address": _("Too many tokens were asked for from your network and never typed."),
    "lockout": _("Too many wrong tokens. During the break not even a right one is looked at."),
    "recovery": _("Too many wrong recovery codes. Ask your administrator for another one."),
    "reauthentication": _("Too many wrong passwords. During the break not even the right one is looked at."),
    "links": _("Three links to a new password were sent to this mailbox within an hour. The last one still works."),
    "conflict": _("Two requests came at the same moment."),
}
OTHER = _("Too many tries in a short time. Nothing is lost.")
OF_ONE_CHANNEL = {"cooldown", "user_sms", "user_email", "phone", "mailbox"}
LIFTED = {"user", "user_sms", "user_email", "phone", "mailbox", "numbers", "lockout", "reauthentication"}
OF_BROWSERS = {"user", "user_sms", "user_email", "phone", "mailbox", "numbers", "address"}  # known ones have their own


def limited(request: HttpRequest, refusal: Limited, template: str, context: dict[str, Any]) -> HttpResponse:
    """Return the page again, with what was reached, the wait and what else one can do; programs get the refusal.

    RefusalMiddleware makes it 429, with Retry-After, and writes the limit down.
    """
    if not request.accepts("text/html"):
        raise refusal
    facts = {"retry_after": refusal.retry_after, "limit": explained(refusal)}
    response = render(request, template, {**context, **facts})
    response.limited = refusal  # type: ignore[attr-defined]
    return response


def explained(refusal: Limited) -> dict[str, Any]:
    """Return what the page says of a limit: what was reached, and which ways there are besides waiting."""
    scope, user = refusal.scope, refusal.user
    return {
        "text": SENTENCES.get(scope, OTHER),
        "other_way": scope in OF_ONE_CHANNEL,
        "link": scope in OF_BROWSERS and bool(user and not known_browsers.current_browser(user)),
        "new_password": scope == "lockout" and bool(user and user.has_phone),  # without one it takes the mailbox away
        "administrator": scope in LIFTED,
    }
