"""What SMS cost: how many a person, an account and the whole system may send in any 24 hours (B-10, B-17).

An account has a share of the system's, the last part of which is for proved phones, and of that the last for known
browsers; operators who sign in are outside of both, for they are who helps. A person has a part of the account's, so
that no colleague sends all of it.

Of an account's day the most is kept for known browsers, in equal parts: the first SMS of a person in one are theirs
alone. Whoever has stolen passwords sits in new browsers, and a malicious colleague has no first ones but their own
(B-01).
"""

import logging
from contextlib import suppress
from functools import cached_property

from django.db import transaction
from django.db.models import Count, Q

from accounts import rate_limits, sms_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from accounts.notifications.notify import notify_administrators, notify_operators
from accounts.rate_limits import SLIDING, Balance, Window
from twofactor import exceptions as refusals
from twofactor.models import PendingSignIn
from twofactor.tokens.counted import Sent

logger = logging.getLogger(__name__)

# By scope: per cent of a day's SMS, and what is recorded when they are used up.
USED_UP_AT = {
    "account": {
        50: Action.ACCOUNT_SMS_HALF_USED_UP,
        80: Action.ACCOUNT_SMS_NEARLY_USED_UP,
        100: Action.ACCOUNT_SMS_USED_UP,
    },
    "account_new": {100: Action.ACCOUNT_SMS_NEW_USED_UP},
    "system": {
        50: Action.SYSTEM_SMS_HALF_USED_UP,
        80: Action.SYSTEM_SMS_NEARLY_USED_UP,
        100: Action.SYSTEM_SMS_USED_UP,
    },
}


def windows(sent: Sent) -> list[Window]:
    """Return what an SMS is paid from. ``count_with_all`` has what is known only afterwards."""
    user = sent.user
    found = _paid_by(user, typed=sent.is_typed, known=sent.is_known)
    if user.is_staff and not sent.is_typed:
        return found
    return found + (sms_limits.first(user.pk) if sent.is_known else sms_limits.of_all(user.account, known=False))


def _paid_by(user: User, *, typed: bool, known: bool) -> list[Window]:
    own = rate_limits.windows("person", user.pk)
    if user.is_staff and not typed:
        return own
    return own + sms_limits.least(user.account) + sms_limits.system(reserved=typed, known=known)


def count_with_all(sent: Sent, balances: list[Balance]) -> list[Balance]:
    """Count an SMS that is none of the first of a person in known browsers with those that all share."""
    beyond = [each for each in balances if each.window.scope == "person_first" and each.is_overdrawn]
    if not beyond or beyond[0].used <= Day(sent.user).most_first:
        return []
    return rate_limits.count(sms_limits.of_all(sent.user.account, known=True))


def pay_for_notice(user: User) -> None:
    """Count an SMS that tells a person of a change: it leaves whatever is left (R-03), and costs like any other."""
    shared = [] if user.is_staff else sms_limits.of_all(user.account, known=True)
    with transaction.atomic():
        balances = rate_limits.count(_paid_by(user, typed=False, known=True) + shared)
        day = Day(user)
        for balance in balances:
            with suppress(refusals.SmsUsedUp):
                day.watch([balance])


class Day:
    """The SMS of a day of somebody's account, and of all accounts."""

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def people(self) -> dict[str, int]:
        """Return how many people the account has, and how many with a phone, which decide how many SMS there are."""
        active = User.objects.filter(account=self.user.account_id, is_active=True)
        counts = {"people": Count("pk"), "proved": Count("pk", filter=Q(has_phone=True))}
        return active.aggregate(**counts)

    @cached_property
    def most_first(self) -> int:
        """Return how many SMS in known browsers are a person's own."""
        return sms_limits.most_first(self.user.account, **self.people)

    def watch(self, balances: list[Balance]) -> None:
        """Tell of a day's SMS at 50, 80 and 100 %; after that there are none. Raises SmsUsedUp, or tells."""
        money = [each for each in balances if each.window.scope in SLIDING and each.window.scope != "person_first"]
        many = [each for each in money if each.used * 2 >= each.window.limit]
        for balance in many:
            if balance.used > self._most(balance.window):
                raise self._no_more(balance)
        for balance in many:
            if balance.window.scope in USED_UP_AT:
                self._notify(balance)

    def whole(self, window: Window) -> int:
        """Return all there is; of the system's also what is reserved for proved phones and known browsers."""
        if window.scope != "system":
            return self._most(window)
        return next(each.limit for each in sms_limits.system(reserved=False) if each.seconds == window.seconds)

    def _most(self, window: Window) -> int:
        """Return how many SMS there are for whoever asks; of an account as many as its people with a phone need."""
        if window.scope == "account":
            return sms_limits.most(self.user.account, window, self.people["proved"])
        if window.scope in sms_limits.OF_ALL:
            return sms_limits.most_of_all(self.user.account, window, self.people["proved"])
        return window.limit

    def _no_more(self, balance: Balance) -> refusals.SmsUsedUp:
        """Return the refusal: it says what to do where known browsers have more."""
        window = balance.window
        is_new = window in sms_limits.system(reserved=False, known=False) and balance.used <= self.whole(window)
        return refusals.SmsForKnownBrowsers() if is_new or window.scope == "account_new" else refusals.SmsUsedUp()

    def _notify(self, balance: Balance) -> None:
        limit = self.whole(balance.window)
        for percent, action in USED_UP_AT[balance.window.scope].items():
            if balance.used == -(-limit * percent // 100):
                _notify_used_up(action, balance, self.user, limit)


def _notify_used_up(action: Action, balance: Balance, user: User, limit: int) -> None:
    """Write it down and notify whom it concerns, once a window: withheld messages let a count be reached twice."""
    window = balance.window
    (told,) = rate_limits.count([Window(f"{action} {window.key}", window.seconds, 1, "notice")])
    if told.is_overdrawn:
        return
    logger.error("%s: %s of %s SMS", action, balance.used, limit)
    event = record_event(action, user=user, used=balance.used, limit=limit)
    if window.scope != "system":
        notify_administrators(user.account, event)
    if window.scope == "system" or balance.used >= limit:
        notify_operators(event)


def no_sms_left(pending: PendingSignIn) -> bool:
    """Tell whether the account, or the whole system, has no SMS left for the day. Costs nothing while it has."""
    user, used = pending.user, {"account": pending.account_used or 0, "system": pending.system_used or 0}
    day = sms_limits.least(user.account) + sms_limits.system(reserved=False)
    if user.is_staff or all(used[window.scope] < window.limit for window in day):
        return False
    own = Day(user)
    return any(rate_limits.used(window) >= own.whole(window) for window in day)
