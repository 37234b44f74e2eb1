"""Known browsers: a signed cookie gives each a counter of wrong passwords of its own (B-02).

A browser is known for a person who has signed in from it. OWASP calls it a device cookie. It decides which counter a
wrong password goes to, and nothing else: it replaces no factor (S-08). Guesses in other browsers never reach the
counter of a known one, so they cannot lock its person out there. The cookie has one signed entry for each person of a
shared browser, all with one browser name; a counter belongs to that name and a person. Raising
``User.browsers_epoch`` ends all known browsers of a person.
"""

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.db.models import F
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User
from accounts.request import context as request_context

SALT = "accounts.known_browsers"
MAX_PEOPLE = 5  # in one browser: the latest to sign in
KNOWN_SOURCE = "browser "  # the beginning of a known browser's source; no network address begins with it


@dataclass(frozen=True, slots=True)
class CookieEntry:
    """One entry of the cookie; ``browser`` is the name in the counter."""

    user_id: int
    epoch: int
    browser: str
    signed: str


def is_known(request: HttpRequest, user: User) -> bool:
    """Tell whether this person signed in from this browser in the last 180 days, and has not ended that since."""
    return bool(_browser(user, request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")))


def current_browser(user: User) -> str:
    """Return the name of this request's browser in its counters; empty when it is not known for this person."""
    return _browser(user, request_context.current.get().known_browsers)


def current_name() -> str:
    """Return the name of this request's browser in its counters, whomever it is known for; empty without one."""
    return next((entry.browser for entry in _entries(request_context.current.get().known_browsers)), "")


def remember(response: HttpResponseBase, user: User, *, browser: str = "", anew: bool = False) -> None:
    """Make the browser that gets this answer a known one. It keeps its counter and its other people.

    ``anew``: it starts with the counter ``browser`` instead, and the other people have to make it known again.
    """
    cookie = request_context.current.get().known_browsers
    before = [] if anew else _entries(cookie)
    name = before[0].browser if before else browser or secrets.token_urlsafe(12)
    others = [entry.signed for entry in before if entry.user_id != user.pk]
    mine = signing.dumps([user.pk, user.browsers_epoch, name], salt=SALT)
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        "|".join([mine, *others][:MAX_PEOPLE]),
        max_age=settings.KNOWN_BROWSER_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def forget_all(user: User) -> None:
    """End every known browser of a person."""
    User.objects.filter(pk=user.pk).update(browsers_epoch=F("browsers_epoch") + 1)


def _browser(user: User, cookie: str) -> str:
    mine = (entry for entry in _entries(cookie) if (entry.user_id, entry.epoch) == (user.pk, user.browsers_epoch))
    return next((entry.browser for entry in mine), "")


def _entries(cookie: str) -> list[CookieEntry]:
    """Return the entries that have our signature and are young enough."""
    if not cookie:  # asked ten times in a sign-in of a new browser
        return []
    found = []
    for signed in cookie.split("|")[:MAX_PEOPLE]:
        try:
            user_id, epoch, browser = signing.loads(signed, salt=SALT, max_age=settings.KNOWN_BROWSER_SECONDS)
        except signing.BadSignature:
            continue
        found.append(CookieEntry(user_id, epoch, browser, signed))
    return [entry for entry in found if entry.browser == found[0].browser]
