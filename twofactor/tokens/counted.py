"""Where a token is counted: of whom, where it goes, and where it was asked for.

The same windows are counted when it is sent and given back when it is typed (B-07). Money is not among them: an SMS
that left is paid for, typed or not.
"""

from dataclasses import dataclass

from django.conf import settings

from accounts.auth import known_browsers
from accounts.models import User
from accounts.rate_limits import Window, hidden, windows
from messaging.delivery.models import Channel
from twofactor import phones
from twofactor.models import Challenge, Purpose

LAST_DIGITS = 4  # of a number, which do not belong to its range
NO_LIMIT = 2**31
TYPED = {Purpose.ENROL, Purpose.CHANGE_PHONE, Purpose.CHANGE_EMAIL}  # and is not proved yet


@dataclass(frozen=True, slots=True)
class Sent:
    """A token as it is counted."""

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
    def is_typed(self) -> bool:
        """Tell whether the number or address was typed, and may be anybody's."""
        return self.purpose in TYPED

    @property
    def is_known(self) -> bool:
        """Tell whether it is asked for in a browser that is known for this person, by a sign-in or by a link."""
        return bool(known_browsers.current_browser(self.user))

    def part_of(self, name: object) -> str:
        """Return the name under which this token is counted: known browsers and proofs have tokens of their own.

        Whoever has only the password uses up the part of all other browsers, and keeps nobody else waiting (B-12): no
        newcomer whose password they know, nobody who changes the phone or the address in a known browser. Neither
        proofs nor sign-ins use up what the others need (R-12).
        """
        proof = " proof" if self.purpose == Purpose.REAUTHENTICATE else ""
        return f"{name}{' known' if self.is_known else ''}{proof}"

    @property
    def is_typed_number(self) -> bool:
        """Tell whether an SMS goes to a number that may be anybody's."""
        return self.is_typed and self.channel == Channel.SMS


def of_person(sent: Sent) -> list[Window]:
    """Return what a person has: all of it, and of an hour and a day the half that each channel has.

    Not of their quarter of an hour: to sign in, to change the phone and to sign in again takes four SMS.
    """
    scope = f"user_{sent.channel}"
    long = (window for window in settings.LIMITS["user"] if window[1] >= settings.HOUR)
    name = sent.part_of(sent.user.pk)
    halves = [Window(f"{scope} {name}", seconds, (limit + 1) // 2, scope) for limit, seconds in long]
    return windows("user", name) + halves


def of_place(sent: Sent) -> list[Window]:
    """Return what the destination has, and for a typed number its range, its country and the address asked from.

    What was typed and what is proved never share a window: nobody uses up what a proved phone or mailbox needs (B-06).
    A proved phone is counted for each person: whoever shares it takes nothing away from the others.
    """
    scope = "mailbox" if sent.channel == Channel.EMAIL else "phone"
    place = hidden(sent.destination)
    own = sent.part_of(place if scope == "mailbox" else f"{place} {sent.user.pk}")
    found = windows(f"{scope}_typed", place) if sent.is_typed else windows(scope, own)
    if not sent.is_typed_number:
        return found
    found += windows("address", f"{sent.user.account_id} {sent.network}")
    found += windows("prefix", sent.destination[:-LAST_DIGITS])
    region = phones.known(sent.destination).region
    return found if region == settings.ALLOWED_REGIONS[0] else found + windows("country", region)


def of_numbers(sent: Sent) -> list[Window]:
    """Return the windows of the different numbers that a person tries (B-09)."""
    return windows("numbers", sent.part_of(sent.user.pk))


def marks(sent: Sent) -> list[Window]:
    """Return the windows that remember a number: who types it again tries no other one."""
    name = f"number {sent.user.pk} {hidden(sent.destination)}"
    return [Window(name, each.seconds, NO_LIMIT, "number") for each in of_numbers(sent)]
