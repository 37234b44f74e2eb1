"""What SMS cost: how many a person, an account and the whole system may send in any 24 hours (B-10, B-17).

An account has a share of the system's, the last part of which is for proved phones; operators who sign in are outside
of both, for they are who helps. A person has a part of the account's, so that no colleague sends all of it.
"""

import logging
from contextlib import suppress

from django.db import transaction

from accounts import rate_limits, sms_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from accounts.notifications.notify import notify_administrators, notify_operators
from accounts.rate_limits import Balance, Window
from twofactor import exceptions as refusals
from twofactor.models import PendingSignIn
from twofactor.tokens.counted import Sent

logger = logging.getLogger(__name__)

# By scope: per cent of a day's SMS, and what is recorded when they are spent.
SPENT_AT = {
    "account": {
        50: Action.ACCOUNT_SMS_HALF_SPENT,
        80: Action.ACCOUNT_SMS_NEARLY_SPENT,
        100: Action.ACCOUNT_SMS_SPENT,
    },
    "system": {
        50: Action.SYSTEM_SMS_HALF_SPENT,
        80: Action.SYSTEM_SMS_NEARLY_SPENT,
        100: Action.SYSTEM_SMS_SPENT,
    },
}


def windows(sent: Sent) -> list[Window]:
    """Return what an SMS is paid from."""
    return _paid_by(sent.user, typed=sent.is_typed)


def _paid_by(user: User, *, typed: bool) -> list[Window]:
    own = rate_limits.windows("person", user.pk)
    if user.is_staff and not typed:
        return own
    return own + sms_limits.least(user.account) + sms_limits.system(reserved=typed)


def pay_for_notice(user: User) -> None:
    """Count an SMS that tells a person of a change: it leaves whatever is left (R-03), and costs like any other."""
    with transaction.atomic():
        for balance in rate_limits.spend(_paid_by(user, typed=False)):
            with suppress(refusals.SmsSpent):
                watch(balance, user)


def watch(balance: Balance, user: User) -> None:
    """Tell of a day's SMS at 50, 80 and 100 %; after that there are none. Raises SmsSpent."""
    window = balance.window
    if balance.used * 2 < window.limit:
        return
    if balance.used > (_most(window, user) if window.scope == "account" else window.limit):
        raise refusals.SmsSpent
    if window.scope in SPENT_AT:
        _tell(balance, user)


def _most(window: Window, user: User) -> int:
    """Return how many SMS there are for an account: as many as its people with a phone need."""
    proved = User.objects.filter(account=user.account_id, is_active=True, has_phone=True)
    return sms_limits.most(user.account, window, proved.count())


def _tell(balance: Balance, user: User) -> None:
    limit = _whole(balance.window, user)
    for percent, action in SPENT_AT[balance.window.scope].items():
        if balance.used == -(-limit * percent // 100):
            _notify_spent(action, balance, user, limit)


def _whole(window: Window, user: User) -> int:
    """Return all there is; of the system's also what is reserved for proved phones."""
    if window.scope == "account":
        return _most(window, user)
    return next(each.limit for each in sms_limits.system(reserved=False) if each.seconds == window.seconds)


def _notify_spent(action: Action, balance: Balance, user: User, limit: int) -> None:
    """Write it down and notify whom it concerns, once a window: withheld messages let a count be reached twice."""
    window = balance.window
    (told,) = rate_limits.spend([Window(f"{action} {window.key}", window.seconds, 1, "notice")])
    if told.is_overdrawn:
        return
    logger.error("%s: %s of %s SMS", action, balance.used, limit)
    event = record_event(action, user=user, used=balance.used, limit=limit)
    if window.scope == "account":
        notify_administrators(user.account, event)
    if window.scope == "system" or balance.used >= limit:
        notify_operators(event)


def no_sms_left(pending: PendingSignIn) -> bool:
    """Tell whether the account, or the whole system, has no SMS left for the day. Costs nothing while it has."""
    user, used = pending.user, {"account": pending.account_used or 0, "system": pending.system_used or 0}
    day = sms_limits.least(user.account) + sms_limits.system(reserved=False)
    if user.is_staff or all(used[window.scope] < window.limit for window in day):
        return False
    return any(rate_limits.used(window) >= _whole(window, user) for window in day)
