"""The page that a person is on, with the limit that they reached: they stay where they are (B-13)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.auth import known_browsers
from accounts.exceptions import Limited

# The sentence for each limit that is reached.
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
    "recovery": _(
        "Too many wrong answers. A right recovery code or passkey works all the same; the wait is for wrong ones."
        " Without either, ask your administrator for a code."
    ),
    "reauthentication": _("Too many wrong passwords. During the break not even the right one is looked at."),
    "links": _("Three links to a new password were sent to this mailbox within an hour. The last one still works."),
    "conflict": _("Two requests came at the same moment."),
    "exports": _("Your account has two exports under way. Start another one when they are done."),
}
OTHER = _("Too many requests in a short time. Nothing is lost.")
OF_ONE_CHANNEL = {"cooldown", "user_sms", "user_email", "phone", "mailbox"}
LIFTED = {"user", "user_sms", "user_email", "phone", "mailbox", "numbers", "lockout", "reauthentication"}
OF_TOKENS = {"user", "user_sms", "user_email", "phone", "mailbox"}
OF_BROWSERS = OF_TOKENS | {"numbers", "address"}  # known browsers have others


def limited(request: HttpRequest, refusal: Limited, template: str, context: dict[str, Any]) -> HttpResponse:
    """Return the page again, with the limit, the wait and the other ways; programs get the refusal.

    RefusalMiddleware sets 429 and Retry-After, and records the limit.
    """
    if not request.accepts("text/html"):
        raise refusal
    facts = {"retry_after": refusal.retry_after, "limit": explained(refusal)}
    response = render(request, template, {**context, **facts})
    response.limited = refusal  # type: ignore[attr-defined]
    return response


def explained(refusal: Limited) -> dict[str, Any]:
    """Return what the page says about a limit: which one it is, and which ways there are besides waiting.

    A limit of a known browser may have been used up by an attacker who knows the password and has copied the cookie.
    During the pause a link gives the browser a new counter; where tokens are used up, a new password gives new ones.
    """
    scope, user = refusal.scope, refusal.user
    is_known, is_pause = bool(user and known_browsers.current_browser(user)), scope == "lockout"
    would_keep_mailbox = bool(user and user.has_phone)  # a reset takes it from those without a phone
    return {
        "text": SENTENCES.get(scope, OTHER),
        "other_way": scope in OF_ONE_CHANNEL,
        "link": bool(user) and (is_pause or (scope in OF_BROWSERS and not is_known)),
        "new_password": would_keep_mailbox and (is_pause or (scope in OF_TOKENS and is_known)),
        "unguessable": is_pause and bool(user and (user.codes_left or user.has_passkey)),
        "administrator": scope in LIFTED,
    }
