"""What a token costs: every limit of a send, counted in one statement in the transaction of its token (C-08).

A person is told of limits that are their own (C-09): theirs, the numbers they tried, a phone and a mailbox once they
are proved theirs, and the address they come from where next to nobody of their account types a token. They are told as
well when they, their account or the whole system have no SMS left for the day, for e-mail stays. A limit of a phone or
mailbox that was only typed, of a range of numbers or of a country gives the answer of every day, as fast; the message
is withheld, and written down, unless the words would tell that somebody has an address.
"""

from dataclasses import dataclass

from django.conf import settings

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from accounts.rate_limits import Balance, Window
from accounts.request import context as request_context
from messaging.delivery.models import Channel
from twofactor import exceptions as refusals
from twofactor.models import EmailChange, Journey, PhoneDevice
from twofactor.tokens import counted, first_tokens, sms_of_the_day, sms_pumping
from twofactor.tokens.counted import Sent

OWN = {"user", "user_sms", "user_email", "numbers", "phone", "mailbox"}
KEPT = {"user", "user_sms", "user_email", "numbers", "number", "captcha"}  # also when the message is withheld
TAKEN = "taken"  # the reason why nothing is sent to an address that somebody has
CAPTCHA_SECONDS = 3600  # longer than any captcha is good for


@dataclass(frozen=True, slots=True)
class Send:
    """A token about to be issued. ``captcha`` is the name of the one that pays for it, if one does."""

    journey: Journey
    channel: str
    destination: str
    captcha: str = ""

    @property
    def user(self) -> User:
        """Return whom the token is for."""
        return self.journey.user

    @property
    def as_counted(self) -> Sent:
        """Return the token as the windows count it."""
        return Sent(self.user, self.journey.purpose, self.channel, self.destination, here())


def count(send: Send) -> str:
    """Count a send in every limit. Return why its message must be withheld: a scope, or nothing.

    Runs in the caller's transaction, so that what it raises counts nothing: CaptchaRefused for a captcha used
    before (C-02), Limited, SmsUsedUp.
    """
    sent = send.as_counted
    balances = _without_known_number(rate_limits.count(_windows(send, sent)))
    over = [balance for balance in balances if balance.is_overdrawn]
    if any(balance.window.scope == "captcha" for balance in over):
        raise refusals.CaptchaRefused
    _refuse(sent, over, balances)
    balances += sms_of_the_day.count_with_all(sent, balances)
    sms_of_the_day.Day(send.user).watch(balances)
    reason = _silent(send, sent, over, balances)
    if reason:
        _withhold(send, balances, reason)
    return reason


def here() -> str:
    """Return what counts as the address that a request comes from (C-10)."""
    return rate_limits.network(request_context.current.get().ip)


def _windows(send: Send, sent: Sent) -> list[Window]:
    found = counted.of_person(sent) + counted.of_place(sent)
    if send.captcha:
        found.append(Window(f"captcha {send.captcha}", CAPTCHA_SECONDS, 1, "captcha"))
    if send.channel == Channel.EMAIL:
        return found
    found += sms_of_the_day.windows(sent)
    return found + (counted.of_numbers(sent) + counted.marks(sent) if sent.is_typed else [])


def _without_known_number(balances: list[Balance]) -> list[Balance]:
    """Take the count of different numbers back where this one was tried before (B-09)."""
    known = {each.window.seconds for each in balances if each.window.scope == "number" and each.used > 1}
    again = [each for each in balances if each.window.scope == "numbers" and each.window.seconds in known]
    rate_limits.take_back(each.window for each in again)
    return [each for each in balances if each not in again]


# What comes of it -----------------------------------------------------------------------------


def _refuse(sent: Sent, over: list[Balance], balances: list[Balance]) -> None:
    """Tell a person of the limits that are their own. Raises Limited with the longest wait."""
    own = [balance for balance in over if balance.window.scope in OWN]
    here = [each for each in over if each.window.scope == "address" and sms_pumping.is_closed(each.window, sent)]
    if here and not first_tokens.leaves(here[0].window, sent, balances):
        own += here
    if own:
        longest = max(own, key=lambda balance: balance.wait)
        raise refusals.Limited(max(1, longest.wait), longest.window.scope, sent.user)


def _silent(send: Send, sent: Sent, over: list[Balance], balances: list[Balance]) -> str:
    """Return the limit for which a message is withheld without a word, or nothing."""
    for window in {balance.window.key: balance.window for balance in over}.values():
        if _is_closed(window, sent) and not first_tokens.leaves(window, sent, balances):
            return window.scope
    if isinstance(send.journey, EmailChange):
        return TAKEN if is_taken(send.journey) else ""
    return "people" if sent.is_typed and _is_shared_too_much(send) else ""


def _is_closed(window: Window, sent: Sent) -> bool:
    """Tell whether nothing is sent for a window that is used up; of a range or country say so to whom it concerns."""
    if window.scope in {"prefix", "country"} and sms_pumping.is_closed(window, sent):
        sms_pumping.notify_closed(window, sent)
        return True
    return window.scope in {"phone_typed", "mailbox_typed"}


def is_taken(change: EmailChange) -> bool:
    """Tell whether the token is for a new address that somebody else has (R-08)."""
    return change.holder_proved and User.objects.filter(email=change.email).exclude(pk=change.user_id).exists()


def _is_shared_too_much(send: Send) -> bool:
    """Tell whether a typed phone serves as many people of the account as it may; nobody learns whose (P-08)."""
    holders = PhoneDevice.objects.filter(number=send.destination, user__account_id=send.user.account_id)
    return bool(holders.exclude(user=send.user).count() >= settings.USERS_PER_PHONE)


def _withhold(send: Send, balances: list[Balance], reason: str) -> None:
    """Write down that nothing leaves, and give back what only a message costs.

    An address that somebody has is withheld without an event: the account's log would tell that somebody has it (R-08).
    """
    rate_limits.take_back(each.window for each in balances if each.window.scope not in KEPT)
    if reason != TAKEN:
        record_event(Action.CHALLENGE_WITHHELD, user=send.user, purpose=send.journey.purpose, scope=reason)
