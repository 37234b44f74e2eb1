"""The windows in which the send of a token is counted: of the person, of the destination, of the network address.

The same windows are counted when the token is sent and given back when it is typed (B-07). Limits in money are not
among them (``sms_of_the_day``): an SMS that left is paid for, typed or not.
"""

from dataclasses import dataclass

from django.conf import settings

from accounts import rate_limits
from accounts.auth import known_browsers
from accounts.models import User
from accounts.rate_limits import Window, hidden, windows
from messaging.delivery.blocked_prefixes import LAST_DIGITS
from messaging.delivery.models import Channel
from twofactor import phones
from twofactor.models import UNCONFIRMED, Challenge, Purpose


@dataclass(frozen=True, slots=True)
class Sent:
    """A token, with all that decides in which windows it is counted."""

    user: User
    purpose: str
    channel: str
    destination: str
    network: str

    @classmethod
    def of(cls, user: User, challenge: Challenge) -> "Sent":
        """Return how a challenge of this user was counted."""
        return cls(user, challenge.purpose, challenge.channel, challenge.destination, challenge.network)

    @property
    def is_unconfirmed(self) -> bool:
        """Tell whether the number or address was only typed, so that it may belong to anybody."""
        return self.purpose in UNCONFIRMED

    @property
    def is_known(self) -> bool:
        """Tell whether the request comes from a browser that is known for this person, by a sign-in or by a link."""
        return bool(known_browsers.current_browser(self.user))

    def part_of(self, name: object) -> str:
        """Return the name under which this token is counted: known browsers and re-authentications have their own.

        Somebody who has only the password uses up the part of all other browsers, and nobody has to wait for that
        (B-12): neither a newcomer whose password they know, nor a person who changes the phone or the address in a
        known browser. Re-authentications and sign-ins do not use up each other's tokens (R-12).
        """
        proof = " proof" if self.purpose == Purpose.REAUTHENTICATE else ""
        return f"{name}{' known' if self.is_known else ''}{proof}"

    @property
    def is_unconfirmed_number(self) -> bool:
        """Tell whether an SMS goes to a number that may belong to anybody."""
        return self.is_unconfirmed and self.channel == Channel.SMS


def of_person(sent: Sent) -> list[Window]:
    """Return the windows of a person: for all tokens, and for each channel half of an hour and of a day.

    The quarter of an hour is not halved: to sign in, to change the phone and to sign in again takes four SMS.

    Where a limit is even, its two halves allow no more than the whole, so the whole has no window: two rows fewer to
    write and to give back. For unconfirmed destinations it has one, because ``first_tokens`` reads it.
    """
    whole = windows("user", sent.part_of(sent.user.pk))
    if not sent.is_unconfirmed:
        whole = [window for window in whole if window.seconds < settings.HOUR or window.limit % 2]
    return whole + _halves(sent)


def _halves(sent: Sent) -> list[Window]:
    """Return the windows of a person for one channel."""
    scope = f"user_{sent.channel}"
    key = f"{scope} {sent.part_of(sent.user.pk)}"
    long = (window for window in settings.LIMITS["user"] if window[1] >= settings.HOUR)
    return [Window(key, seconds, (limit + 1) // 2, scope) for limit, seconds in long]


def of_destination(sent: Sent) -> list[Window]:
    """Return the windows of the destination, and for an unconfirmed number those of its range, country and address.

    Unconfirmed and confirmed destinations never share a window, so nobody uses up what a confirmed phone or mailbox
    needs (B-06). A confirmed phone is counted for each person: people who share it take nothing from each other. So its
    windows count the same tokens as the person's own for SMS, and only those with a smaller limit are needed.
    """
    scope = "mailbox" if sent.channel == Channel.EMAIL else "phone"
    place = hidden(sent.destination)
    own = sent.part_of(place if scope == "mailbox" else f"{place} {sent.user.pk}")
    found = windows(f"{scope}_typed", place) if sent.is_unconfirmed else windows(scope, own)
    if scope == "phone" and not sent.is_unconfirmed:
        of_person = {window.seconds: window.limit for window in _halves(sent)}
        return [window for window in found if window.limit < of_person.get(window.seconds, rate_limits.NO_LIMIT)]
    if not sent.is_unconfirmed_number:
        return found
    found += windows("address", f"{sent.user.account_id} {sent.network}")
    found += windows("prefix", sent.destination[:-LAST_DIGITS])
    region = phones.known(sent.destination).region
    return found if region == settings.ALLOWED_REGIONS[0] else found + windows("country", region)


def of_numbers(sent: Sent) -> list[Window]:
    """Return the windows of the different numbers that a person tries (B-09)."""
    return windows("numbers", sent.part_of(sent.user.pk))


def marks(sent: Sent) -> list[Window]:
    """Return the windows that remember a number: a person who types it again does not try another one."""
    name = f"number {sent.user.pk} {hidden(sent.destination)}"
    return [Window(name, each.seconds, rate_limits.NO_LIMIT, "number") for each in of_numbers(sent)]
