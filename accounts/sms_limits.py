"""How many SMS an account may send in 24 hours, for SMS cost money (B-10).

As many as its people with a proved phone need, and no more than its share of the system's: so one account can never
use up what all others need. People without a phone add nothing, for an administrator makes as many as they like.
"""

from django.conf import settings

from accounts import rate_limits
from accounts.models import Account
from accounts.rate_limits import Window

OF_ALL = {"account_new", "account_known"}  # scopes of one count: of new browsers, and of known ones beyond the first


def least(account: Account) -> list[Window]:
    """Return the windows of an account with what it may send at least, whoever its people are: no statement."""
    found = rate_limits.windows("account", account.pk)
    return [_with(window, _chosen(account, window, window.limit)) for window in found]


def most(account: Account, window: Window, proved: int) -> int:
    """Return how many SMS an account may send in a window when so many of its people have proved a phone."""
    return _chosen(account, window, max(window.limit, settings.ACCOUNT_SMS_PER_USER * proved))


def first(user_id: int) -> list[Window]:
    """Return the window of a person's first SMS in known browsers: nobody else uses them up (B-01)."""
    least_of_all, _most = settings.ACCOUNT_SMS_FIRST
    return [Window(f"person_first {user_id}", settings.DAY, least_of_all, "person_first")]


def most_first(account: Account, *, people: int, proved: int) -> int:
    """Return how many first SMS a person has where there are so many: what is kept, in equal parts."""
    (day,) = (window for window in rate_limits.windows("account", account.pk) if window.seconds == settings.DAY)
    least_of_all, most_of_any = settings.ACCOUNT_SMS_FIRST
    return max(least_of_all, min(most_of_any, _kept(most(account, day, proved)) // max(1, people)))


def of_all(account: Account, *, known: bool) -> list[Window]:
    """Return the windows of what is nobody's first SMS in a known browser, with what there is at least."""
    scope = "account_known" if known else "account_new"
    key = f"account_all {account.pk}"
    return [Window(key, each.seconds, each.limit - _kept(each.limit), scope) for each in least(account)]


def most_of_all(account: Account, window: Window, proved: int) -> int:
    """Return how many SMS there are in a window of ``of_all`` when so many people have proved a phone."""
    (day,) = (of for of in rate_limits.windows("account", account.pk) if of.seconds == window.seconds)
    whole = most(account, day, proved)
    return whole - _kept(whole)


def _kept(whole: int) -> int:
    return whole * settings.ACCOUNT_SMS_KEPT // 100


def system(*, reserved: bool, known: bool = True) -> list[Window]:
    """Return the windows of the whole system: without what is reserved for proved phones, or for known browsers."""
    part = settings.SYSTEM_SMS_RESERVE // (1 if reserved else 2) if reserved or not known else 0
    found = rate_limits.windows("system", "sms")
    return [_with(window, window.limit * (100 - part) // 100) for window in found]


def _chosen(account: Account, window: Window, needed: int) -> int:
    if account.sms_a_day is not None and window.seconds == settings.DAY:
        return account.sms_a_day
    shares = [each.limit * settings.ACCOUNT_SMS_SHARE // 100 for each in system(reserved=False)]
    return min([needed, *shares])


def _with(window: Window, limit: int) -> Window:
    return Window(window.key, window.seconds, limit, window.scope)
