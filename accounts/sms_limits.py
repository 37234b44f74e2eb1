"""How many SMS an account may send in 24 hours, for SMS cost money (B-10).

As many as its people with a proved phone need, and no more than its share of the system's: so one account can never
spend what all others need. People without a phone add nothing, for an administrator makes as many as they like.
"""

from django.conf import settings

from accounts import rate_limits
from accounts.models import Account
from accounts.rate_limits import Window


def least(account: Account) -> list[Window]:
    """Return the windows of an account with what it may send at least, whoever its people are: no statement."""
    found = rate_limits.windows("account", account.pk)
    return [_with(window, _chosen(account, window, window.limit)) for window in found]


def most(account: Account, window: Window, proved: int) -> int:
    """Return how many SMS an account may send in a window when so many of its people have proved a phone."""
    return _chosen(account, window, max(window.limit, settings.ACCOUNT_SMS_PER_USER * proved))


def system(*, reserved: bool) -> list[Window]:
    """Return the windows of the whole system; all of it, or without the part that is reserved for proved phones."""
    part = settings.SYSTEM_SMS_RESERVE if reserved else 0
    found = rate_limits.windows("system", "sms")
    return [_with(window, window.limit * (100 - part) // 100) for window in found]


def _chosen(account: Account, window: Window, needed: int) -> int:
    if account.sms_a_day is not None and window.seconds == settings.DAY:
        return account.sms_a_day
    shares = [each.limit * settings.ACCOUNT_SMS_SHARE // 100 for each in system(reserved=False)]
    return min([needed, *shares])


def _with(window: Window, limit: int) -> Window:
    return Window(window.key, window.seconds, limit, window.scope)
