"""Browsers from which a person signed in before: a signed cookie with an own counter of wrong passwords (B-02).

OWASP calls it a device cookie. It decides which counter a wrong password goes to, and nothing else: it replaces no
factor (S-08). Guesses in other browsers never reach the counter of a known one, so they cannot lock its person out.
The cookie holds one signed entry for each person of a shared browser, all with one name; the counter is of the name and
the person. ``User.browsers_epoch`` ends all of a person's.
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
MOST_PEOPLE = 5  # of one browser: the latest to sign in


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry of the cookie says; ``browser`` names the counter."""

    user_id: int
    epoch: int
    browser: str
    signed: str


def is_known(request: HttpRequest, user: User) -> bool:
    """Tell whether this person signed in from this browser in the last 180 days, and has not ended that since."""
    return bool(_browser(user, request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")))


def current_browser(user: User) -> str:
    """Return the name of the counter of the browser that this request comes from; empty when it is not known."""
    return _browser(user, request_context.current.get().known_browsers)


def current_name() -> str:
    """Return the name that this browser has in its counters, be it known of anybody or not."""
    return next((entry.browser for entry in _entries(request_context.current.get().known_browsers)), "")


def remember(response: HttpResponseBase, user: User, *, browser: str = "", anew: bool = False) -> None:
    """Make the browser that gets this answer a known one; it keeps the counter that it has, and its other people.

    ``anew``: it begins with the counter of that name, and those who share it have to make it known again.
    """
    cookie = request_context.current.get().known_browsers
    before = [] if anew else _entries(cookie)
    name = before[0].browser if before else browser or secrets.token_urlsafe(12)
    others = [entry.signed for entry in before if entry.user_id != user.pk]
    mine = signing.dumps([user.pk, user.browsers_epoch, name], salt=SALT)
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        "|".join([mine, *others][:MOST_PEOPLE]),
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


def _entries(cookie: str) -> list[Entry]:
    """Return the entries that we signed and that are young enough."""
    found = []
    for signed in cookie.split("|")[:MOST_PEOPLE]:
        try:
            user_id, epoch, browser = signing.loads(signed, salt=SALT, max_age=settings.KNOWN_BROWSER_SECONDS)
        except signing.BadSignature:
            continue
        found.append(Entry(user_id, epoch, browser, signed))
    return [entry for entry in found if entry.browser == found[0].browser]
