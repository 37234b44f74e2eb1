"""The link that makes a browser known, for people whose password others are guessing (B-04)."""

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.http import HttpResponseBase
from django.urls import reverse

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.thinning import record_thinned
from accounts.auth import known_browsers
from accounts.models import User
from accounts.passwords.flows import links_from_here
from messaging.delivery import flows as delivery

SALT = "accounts.browser_links"
KIND = "browser.link"


def request_link(login: str) -> None:
    """Send a link to the mailbox of the person with this login or address; the answer is the same for all (C-09).

    Three links a day are sent to a mailbox, and each is good for a day: somebody else who asks for them only sends the
    person what they need. An address that asks for many gets a captcha with more work (``captcha_step``), and is never
    refused: people who share the address with an attacker need the link.
    """
    found = User.objects.all_named(login).select_related("account").first()
    user = found if found and found.may_sign_in else None
    mailbox = rate_limits.windows("browser_links", rate_limits.hidden(user.email if user else login.strip().lower()))
    with transaction.atomic():
        counted = rate_limits.count(mailbox + links_from_here())
        if any(usage.is_over_limit for usage in counted if usage.window.scope == "browser_links"):
            return
        record_thinned(Action.BROWSER_LINK_SENT, user=user)
        delivery.enqueue(
            channel="email",
            destination=user.email if user else "",
            kind=KIND,
            subject_id=user.pk if user else 0,
            language=user.language if user else "",
        )


def captcha_step() -> int:
    """Return how many times the captcha's work doubles for this network address."""
    return rate_limits.step_of(links_from_here())


def link(user: User) -> str:
    """Return the address of the page that makes a browser known."""
    signed = signing.dumps([user.pk, user.browsers_epoch, user.email], salt=SALT)
    return settings.PUBLIC_URL + reverse("browser-known", args=[signed])


def user_of(signed: str) -> User | None:
    """Return the person of a link; None when it is forged, too old, or ended by a new address or epoch."""
    try:
        pk, epoch, email = signing.loads(signed, salt=SALT, max_age=settings.BROWSER_LINK_SECONDS)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=pk, browsers_epoch=epoch, email=email).select_related("account").first()


def make_known(response: HttpResponseBase, user: User, signed: str) -> None:
    """Make the browser that gets this answer known. A link has one counter, in however many browsers it is used.

    A browser whose own counter is used up gets the link's counter: somebody who shares the browser, or has copied its
    cookie, may have typed those wrong passwords or tokens, and otherwise the link would change nothing.
    """
    record_thinned(Action.BROWSER_MADE_KNOWN, user=user)
    name = f"{user.pk} {known_browsers.current_name()}"
    own = [window for scope in ("password_known", "token_known") for window in rate_limits.windows(scope, name)]
    is_used_up = bool(rate_limits.seconds_until_free(own))
    known_browsers.remember(response, user, browser=rate_limits.hidden(signed)[:16], anew=is_used_up)
