"""Every limit of a send, counted in one statement in the transaction of its token (C-08).

A person is shown the limits that are their own (C-09): those of the person, of the numbers they tried, of a confirmed
phone or mailbox, and of their network address where next to nobody of their account types a token. They are also shown
when they, their account or the whole system have no SMS left for the day, because e-mail still works. A limit of an
unconfirmed phone or mailbox, of a range of numbers or of a country gives the usual answer, in the same time; the
message is withheld, and recorded, unless the record would reveal that somebody has an address.
"""

from dataclasses import dataclass

from django.conf import settings

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from accounts.rate_limits import Usage, Window
from messaging.delivery.models import Channel
from twofactor import captcha
from twofactor import exceptions as refusals
from twofactor.models import EmailChange, Journey, PhoneDevice
from twofactor.tokens import first_tokens, send_windows, sms_of_the_day, sms_pumping
from twofactor.tokens.send_windows import Sent

OWN = {"user", "user_sms", "user_email", "numbers", "phone", "mailbox"}
KEPT = {"user", "user_sms", "user_email", "numbers", "number", "captcha"}  # not given back when a message is withheld
TAKEN = "taken"  # the reason why nothing is sent to an address that somebody else has


@dataclass(frozen=True, slots=True)
class Send:
    """A token about to be issued. ``captcha`` is the name of the one that pays for it, if any."""

    journey: Journey
    channel: str
    destination: str
    captcha: str = ""

    @property
    def user(self) -> User:
        """Return the person whom the token is for."""
        return self.journey.user

    @property
    def as_counted(self) -> Sent:
        """Return the token with all that decides in which windows it is counted."""
        return Sent(self.user, self.journey.purpose, self.channel, self.destination, rate_limits.here())


def count(send: Send) -> str:
    """Count a send in every limit. Return why its message must be withheld: a scope, or an empty string.

    Runs in the caller's transaction, so that a refusal counts nothing. Raises CaptchaRefused for a captcha used
    before (C-02), Limited or SmsUsedUp.
    """
    sent = send.as_counted
    usages = _without_known_number(rate_limits.count(_windows(send, sent)))
    over = [usage for usage in usages if usage.is_over_limit]
    if any(usage.window.scope == "captcha" for usage in over):
        raise refusals.CaptchaRefused
    _refuse(sent, over, usages)
    usages += sms_of_the_day.count_with_all(sent, usages)
    sms_of_the_day.SmsDay(send.user).watch(usages)
    reason = _silent(send, sent, over, usages)
    if reason:
        _withhold(send, usages, reason)
    return reason


def _windows(send: Send, sent: Sent) -> list[Window]:
    found = send_windows.of_person(sent) + send_windows.of_destination(sent)
    if send.captcha:
        found.append(captcha.use_of(send.captcha))
    if send.channel == Channel.EMAIL:
        return found
    found += sms_of_the_day.windows(sent)
    return found + (send_windows.of_numbers(sent) + send_windows.marks(sent) if sent.is_unconfirmed else [])


def _without_known_number(usages: list[Usage]) -> list[Usage]:
    """Take back the count of different numbers where the person has tried this one before (B-09)."""
    known = {each.window.seconds for each in usages if each.window.scope == "number" and each.used > 1}
    again = [each for each in usages if each.window.scope == "numbers" and each.window.seconds in known]
    rate_limits.take_back(each.window for each in again)
    return [each for each in usages if each not in again]


# Limits that are reached ---------------------------------------------------------------------


def _refuse(sent: Sent, over: list[Usage], usages: list[Usage]) -> None:
    """Refuse a send that is over a limit of the person's own. Raises Limited with the longest wait."""
    own = [usage for usage in over if usage.window.scope in OWN]
    here = [each for each in over if each.window.scope == "address" and sms_pumping.is_closed(each.window, sent)]
    if here and not first_tokens.is_sent_anyway(here[0].window, sent, usages):
        own += here
    if own:
        longest = max(own, key=lambda usage: usage.wait)
        raise refusals.Limited(max(1, longest.wait), longest.window.scope, sent.user)


def _silent(send: Send, sent: Sent, over: list[Usage], usages: list[Usage]) -> str:
    """Return the limit for which a message is withheld without telling the person, or an empty string."""
    for window in {usage.window.key: usage.window for usage in over}.values():
        if _is_closed(window, sent) and not first_tokens.is_sent_anyway(window, sent, usages):
            return window.scope
    if isinstance(send.journey, EmailChange):
        return TAKEN if is_taken(send.journey) else ""
    return "people" if sent.is_unconfirmed and _is_shared_too_much(send) else ""


def _is_closed(window: Window, sent: Sent) -> bool:
    """Tell whether a used-up window withholds messages; notify when it closes a range or a country."""
    if window.scope in {"prefix", "country"} and sms_pumping.is_closed(window, sent):
        sms_pumping.notify_closed(window, sent)
        return True
    return window.scope in {"phone_typed", "mailbox_typed"}


def is_taken(change: EmailChange) -> bool:
    """Tell whether the token is for a new address that somebody else has (R-08)."""
    return change.holder_proved and User.objects.filter(email=change.email).exclude(pk=change.user_id).exists()


def _is_shared_too_much(send: Send) -> bool:
    """Tell whether an unconfirmed phone serves as many people of the account as it may; no page tells whose (P-08)."""
    holders = PhoneDevice.objects.filter(number=send.destination, user__account_id=send.user.account_id)
    return bool(holders.exclude(user=send.user).count() >= settings.USERS_PER_PHONE)


def _withhold(send: Send, usages: list[Usage], reason: str) -> None:
    """Record that a message is withheld, and give back the limits that count messages.

    An address that somebody else has is withheld without an event, and counted as a free one: the event, or the one
    that a free address gets after so many tokens, would reveal it to the account (R-08).
    """
    if reason == TAKEN:
        return
    rate_limits.take_back(each.window for each in usages if each.window.scope not in KEPT)
    record_event(Action.CHALLENGE_WITHHELD, user=send.user, purpose=send.journey.purpose, scope=reason)
