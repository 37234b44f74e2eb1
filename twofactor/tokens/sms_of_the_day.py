"""Limits in money: how many SMS a person, an account and the whole system may send in any 24 hours (B-10, B-17).

An account has a share of the system's SMS. The last part of these is for confirmed phones, and the last part of it for
known browsers; operators who sign in are outside of both, because they help the others. A person has a part of the
account's, so that no colleague can send all of it. Of what is left for unconfirmed phones the last part is for the
first ones of each account, so that no other accounts use up what its newcomers need.

Most of an account's day is kept for known browsers, in equal parts: the first SMS of a person in a known browser are
theirs alone. Stolen passwords are used in new browsers, and a malicious colleague has only their own first ones
(B-01).
"""

import logging
from dataclasses import replace
from functools import cached_property

from accounts import rate_limits, sms_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from accounts.notifications.notify import is_first, notify_administrators, notify_operators
from accounts.rate_limits import SLIDING, Usage, Window
from twofactor import exceptions as refusals
from twofactor.models import PendingSignIn, Purpose
from twofactor.tokens.send_windows import Sent

logger = logging.getLogger(__name__)

# By scope: per cent of a day's SMS, and what is recorded when so many are used.
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


FIRST = {"account_first", "person_first"}  # they refuse nothing: what is beyond them is counted elsewhere, too


def windows(sent: Sent) -> list[Window]:
    """Return the windows that count an SMS, except those that ``count_with_all`` adds afterwards."""
    user = sent.user
    found = _windows_of_sms(
        user, unconfirmed=sent.is_unconfirmed, known=sent.is_known, first=sent.purpose == Purpose.ENROL
    )
    if user.is_staff and not sent.is_unconfirmed:
        return found
    return found + (sms_limits.first(user.pk) if sent.is_known else sms_limits.of_all(user.account, known=False))


def _windows_of_sms(user: User, *, unconfirmed: bool, known: bool, first: bool = False) -> list[Window]:
    """Return the windows of the person, the account and the system; ``first``: it goes to a newcomer's first phone."""
    own = rate_limits.windows("person", user.pk)
    if user.is_staff and not unconfirmed:
        return own
    found = own + sms_limits.least(user.account)
    if not unconfirmed:
        return found + sms_limits.system(reserved=False, known=known)
    if not first:  # a colleague who changes the phone uses up no newcomer's part
        return found + sms_limits.system_beyond_newcomers()
    return found + sms_limits.system(reserved=True) + sms_limits.newcomers(user.account)


def count_with_all(sent: Sent, usages: list[Usage]) -> list[Usage]:
    """Count an SMS that is beyond a person's first ones in known browsers in the windows that all people share."""
    beyond = [each for each in usages if each.window.scope == "person_first" and each.is_over_limit]
    if not beyond or beyond[0].used <= SmsDay(sent.user).most_first:
        return []
    return rate_limits.count(sms_limits.of_all(sent.user.account, known=True))


def count_notice(user: User) -> None:
    """Count the SMS that will notify the former phone of a change, together with the token that the change takes.

    So the notice leaves even where none is left by then (R-03), and costs the same. Raises SmsUsedUp.
    """
    shared = [] if user.is_staff else sms_limits.of_all(user.account, known=True)
    SmsDay(user).watch(rate_limits.count(_windows_of_sms(user, unconfirmed=False, known=True) + shared))


def _without_reserve(usages: list[Usage]) -> list[Usage]:
    """Lower the system's limit for a newcomer of an account whose first SMS of that kind are used up (B-10)."""
    if not any(each.window.scope == "account_first" and each.is_over_limit for each in usages):
        return usages
    lower = {window.seconds: window for window in sms_limits.system_beyond_newcomers()}
    return [
        replace(each, window=lower[each.window.seconds]) if each.window.scope == "system" else each for each in usages
    ]


class SmsDay:
    """The SMS of a day: of a person's account, and of all accounts."""

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def people(self) -> dict[str, int]:
        """Return how many people the account has, and how many with a phone; both decide how many SMS it has."""
        return sms_limits.people(self.user.account)

    @cached_property
    def most_first(self) -> int:
        """Return how many SMS in known browsers are a person's own."""
        return sms_limits.most_first(self.user.account, **self.people)

    def watch(self, usages: list[Usage]) -> None:
        """Notify at 50, 80 and 100 % of a day's SMS. Raises SmsUsedUp beyond that."""
        money = [each for each in _without_reserve(usages) if each.window.scope in SLIDING - FIRST]
        many = [each for each in money if each.used * 2 >= each.window.limit]
        for usage in many:
            if usage.used > self._most(usage.window):
                raise self._no_more(usage)
        for usage in many:
            if usage.window.scope in USED_UP_AT:
                self._notify(usage)

    def whole(self, window: Window) -> int:
        """Return how many SMS there are in all, the system's reserves for phones and known browsers included."""
        if window.scope != "system":
            return self._most(window)
        return next(each.limit for each in sms_limits.system(reserved=False) if each.seconds == window.seconds)

    def _most(self, window: Window) -> int:
        """Return how many SMS this person may draw on; an account has as many as its people with a phone need."""
        if window.scope == "account":
            return sms_limits.most(self.user.account, window, self.people["proved"])
        if window.scope in sms_limits.OF_ALL:
            return sms_limits.most_of_all(self.user.account, window, self.people["proved"])
        return window.limit

    def _no_more(self, usage: Usage) -> refusals.SmsUsedUp:
        """Return the refusal; where known browsers have more, it is the one that says so."""
        window = usage.window
        is_new = window in sms_limits.system(reserved=False, known=False) and usage.used <= self.whole(window)
        return refusals.SmsForKnownBrowsers() if is_new or window.scope == "account_new" else refusals.SmsUsedUp()

    def _notify(self, usage: Usage) -> None:
        limit = self.whole(usage.window)
        for percent, action in USED_UP_AT[usage.window.scope].items():
            if usage.used == -(-limit * percent // 100):
                _notify_used_up(action, usage, self.user, limit)


def _notify_used_up(action: Action, usage: Usage, user: User, limit: int) -> None:
    """Record and notify once a window, because withheld messages let a count be reached twice."""
    window = usage.window
    if not is_first(f"{action} {window.key}", window.seconds):
        return
    logger.error("%s: %s of %s SMS", action, usage.used, limit)
    event = record_event(action, user=user, used=usage.used, limit=limit)
    if window.scope != "system":
        notify_administrators(user.account, event)
    if window.scope == "system" or usage.used >= limit:
        notify_operators(event)


def no_sms_left(pending: PendingSignIn) -> bool:
    """Tell whether the account, or the whole system, has no SMS left for the day. No statement while there are some."""
    user, used = pending.user, {"account": pending.account_used or 0, "system": pending.system_used or 0}
    day = sms_limits.least(user.account) + sms_limits.system(reserved=False)
    if user.is_staff or all(used[window.scope] < window.limit for window in day):
        return False
    own = SmsDay(user)
    return any(rate_limits.used(window) >= own.whole(window) for window in day)
