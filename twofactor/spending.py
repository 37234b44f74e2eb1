"""What a token costs: every budget of a send, spent in one statement before the token is issued (section 3).

A person is told of limits that are their own (C-09): theirs, their mailbox's, the numbers they tried, the address they
come from, and a phone once it is proved theirs. They are told as well when their account, or the whole system, has
no SMS left for the day, for e-mail stays. A limit of somebody else's phone, of a range of numbers or of a country
gives the answer of every day, as fast; the message is withheld, and written down.
"""

import logging
from dataclasses import dataclass, replace

from django.conf import settings

from accounts import audit, budgets, figures, origin
from accounts import flows as accounts
from accounts.budgets import Balance, Window, hidden, windows
from accounts.models import User
from messaging.delivery.models import Channel
from twofactor import exceptions as refusals
from twofactor import phones
from twofactor.models import Challenge, EmailChange, Journey, PendingSignIn, PhoneDevice, Purpose

logger = logging.getLogger(__name__)

OWN = {"user", "user_sms", "user_email", "mailbox", "numbers", "address"}
KEPT = OWN - {"address"} | {"phone", "number", "captcha"}  # also when the message is withheld
CAPTCHA_SECONDS = 3600  # longer than any captcha is good for
NO_LIMIT = 2**31
ADDRESS_WAIT = 60  # seconds
TOLD_AT = {50: "half_spent", 80: "nearly_spent", 100: "spent"}  # per cent of a day's SMS
TYPED = {Purpose.ENROL, Purpose.CHANGE_PHONE, Purpose.CHANGE_EMAIL}  # and is not proved yet


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
    def is_typed(self) -> bool:
        """Tell whether the number or address was typed, and may be anybody's."""
        return self.journey.purpose in TYPED


def spend(send: Send) -> str:
    """Spend every budget of a send. Return why its message must be withheld: a scope, or nothing.

    Runs in the caller's transaction, so that what it raises spends nothing: CaptchaRefused for a captcha used
    before (C-02), Limited, SmsSpent.
    """
    balances = budgets.spend(_windows(send))
    over = [balance for balance in balances if balance.is_overdrawn]
    if any(balance.window.scope == "captcha" for balance in over):
        raise refusals.CaptchaRefused
    _refuse(send, over)
    for balance in balances:
        if balance.window.scope in {"account", "system"}:
            _watch(balance, send.user)
    reason = _silent(send, balances, over)
    if reason:
        _withhold(send, balances, reason)
    return reason


def convert(challenge: Challenge) -> None:
    """Take a send back from what counts the unconverted ones: its token was typed (F55).

    In the windows it was counted in only: others have begun since.
    """
    counted = windows("address", challenge.network)
    if challenge.purpose in TYPED and challenge.channel == Channel.SMS:
        counted += _of_range(challenge.destination)
    budgets.take_back((each for each in counted if each.scope != "country"), since=challenge.issued_at)


# What is spent --------------------------------------------------------------------------------


def _windows(send: Send) -> list[Window]:
    found = windows("user", send.user.pk) + _half(send) + windows("address", here())
    if send.captcha:
        found.append(Window(f"captcha {send.captcha}", CAPTCHA_SECONDS, 1, "captcha"))
    if send.channel == Channel.EMAIL:
        return found + windows("mailbox", hidden(send.destination))
    found += windows("phone", hidden(send.destination))
    found += windows("account", send.user.account_id) + windows("system", "sms")
    return found + (_of_range(send.destination) + _numbers(send) if send.is_typed else [])


def here() -> str:
    """Return what counts as the address that a request comes from (C-10)."""
    return budgets.network(origin.current.get().ip)


def _half(send: Send) -> list[Window]:
    """Return the half that each channel has of a person's hour and day.

    Not of their quarter of an hour: to sign in, to change the phone and to sign in again takes four SMS.
    """
    scope = f"user_{send.channel}"
    long = (window for window in settings.LIMITS["user"] if window[1] >= settings.HOUR)
    return [Window(f"{scope} {send.user.pk}", seconds, (limit + 1) // 2, scope) for limit, seconds in long]


def _of_range(number: str) -> list[Window]:
    """Return what is counted of a typed number's range and country: pumpers have many numbers there."""
    found = windows("prefix", number[:-4])
    region = phones.known(number).region
    if region == settings.ALLOWED_REGIONS[0]:
        return found
    sends = windows("country", region)
    unconverted = (Window(f"unconverted {region}", each.seconds, NO_LIMIT, "unconverted") for each in sends)
    return [*found, *sends, *unconverted]


def _numbers(send: Send) -> list[Window]:
    """Return the windows in which this number is another one than those that the person tried before."""
    name = f"{send.user.pk} {hidden(send.destination)}"
    all_numbers = windows("numbers", send.user.pk)
    marks = [Window(f"number {name}", each.seconds, NO_LIMIT, "number") for each in all_numbers]
    new = {mark.window.seconds for mark in budgets.spend(marks) if mark.used == 1}
    return [each for each in all_numbers if each.seconds in new]


# What comes of it -----------------------------------------------------------------------------


def _refuse(send: Send, over: list[Balance]) -> None:
    """Tell a person of the limits that are their own. Raises Limited with the longest wait."""
    told = OWN - {"mailbox"} if send.is_typed else OWN | {"phone"}
    own = [balance for balance in over if balance.window.scope in told]
    if own:
        longest = max(own, key=_wait)
        raise refusals.Limited(max(1, _wait(longest)), longest.window.scope, send.user)


def _wait(balance: Balance) -> int:
    """Return the seconds to tell: of an address a minute at most, for colleagues give back what they type (F55)."""
    return min(balance.wait, ADDRESS_WAIT) if balance.window.scope == "address" else balance.wait


def _watch(balance: Balance, user: User) -> None:
    """Tell of a day's SMS at 50, 80 and 100 %; after that there are none. Raises SmsSpent."""
    if balance.used * 2 < balance.window.limit:
        return
    limit = _limit_of_the_day(balance.window, user)
    if balance.used > limit:
        raise refusals.SmsSpent
    for percent, word in TOLD_AT.items():
        if balance.used == -(-limit * percent // 100):
            _tell(f"{balance.window.scope}_sms.{word}", balance, user, limit)


def _limit_of_the_day(window: Window, user: User) -> int:
    """Return how many SMS there are: for an account as many as its people need."""
    if window.scope != "account":
        return window.limit
    return figures.most_sms(window, User.objects.filter(account=user.account_id, is_active=True).count())


def no_sms_left(pending: PendingSignIn) -> bool:
    """Tell whether the account, or the whole system, has no SMS left for the day. Costs nothing while it has."""
    used = {"account": pending.account_used or 0, "system": pending.system_used or 0}
    if all(used[scope] < limit for scope in used for limit, _seconds in settings.LIMITS[scope]):
        return False
    day = windows("account", pending.user.account_id) + windows("system", "sms")
    return budgets.seconds_spent(replace(each, limit=_limit_of_the_day(each, pending.user)) for each in day) > 0


def _tell(action: str, balance: Balance, user: User, limit: int) -> None:
    """Write it down and tell whom it concerns, once a window: withheld messages let a count be reached twice."""
    window = balance.window
    (told,) = budgets.spend([Window(f"{action} {window.key}", window.seconds, 1, "notice")])
    if told.is_overdrawn:
        return
    logger.error("%s: %s of %s SMS", action, balance.used, limit)
    event = audit.record(action, user=user, used=balance.used, limit=limit)
    if window.scope == "account":
        accounts.tell_administrators(user.account, event)
    if window.scope == "system" or balance.used >= limit:
        accounts.tell_operators(event)


def _silent(send: Send, balances: list[Balance], over: list[Balance]) -> str:
    """Return the limit for which a message is withheld without a word, or nothing."""
    for balance in over:
        if balance.window.scope == "prefix" and balance.used == balance.window.limit + 1:
            budgets.extend(balance.window, settings.PREFIX_BLOCK_SECONDS)
            logger.warning("%s is blocked", balance.window.key)
    silent = sorted({balance.window.scope for balance in over} & {"phone", "mailbox", "prefix", "country"})
    if silent:
        return silent[0]
    if _converts_badly(balances):
        return "conversion"
    if isinstance(send.journey, EmailChange):
        return "taken" if is_taken(send.journey) else ""
    return "people" if send.is_typed and _is_shared_too_much(send) else ""


def is_taken(change: EmailChange) -> bool:
    """Tell whether the token is for a new address that somebody else has (R-08)."""
    return change.holder_proved and User.objects.filter(email=change.email).exclude(pk=change.user_id).exists()


def _converts_badly(balances: list[Balance]) -> bool:
    """Tell whether, before this send, too few of a country's tokens were ever typed."""
    used = {(each.window.scope, each.window.seconds): each.used - 1 for each in balances}
    for (scope, seconds), sends in used.items():
        if scope == "country" and sends >= settings.COUNTRY_BREAKER_SENDS:
            converted = sends - used["unconverted", seconds]
            if converted < sends * settings.COUNTRY_BREAKER_CONVERSION:
                return True
    return False


def _is_shared_too_much(send: Send) -> bool:
    """Tell whether a typed phone serves as many people of the account as it may; nobody learns whose (P-08)."""
    holders = PhoneDevice.objects.filter(number=send.destination, user__account_id=send.user.account_id)
    return bool(holders.exclude(user=send.user).count() >= settings.USERS_PER_PHONE)


def _withhold(send: Send, balances: list[Balance], reason: str) -> None:
    """Write down that nothing leaves, and give back what nothing costs."""
    unspent = (each.window for each in balances if each.window.scope not in KEPT and not each.is_overdrawn)
    budgets.take_back(unspent)
    audit.record("challenge.withheld", user=send.user, purpose=send.journey.purpose, scope=reason)
