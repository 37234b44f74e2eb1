"""How many SMS an account may send in 24 hours, because SMS cost money (B-10).

As many as its people with a confirmed phone need, but not more than its share of the system's, so that one account
cannot use up what all others need. People without a phone add nothing, because an administrator can make any number.
"""

from django.conf import settings
from django.db import connection

from accounts import rate_limits
from accounts.models import Account, User
from accounts.rate_limits import Window

OF_ALL = {"account_new", "account_known"}  # they share a count: of new browsers, and of known ones beyond the first SMS

# Each SMS runs this once half of the smallest limit is used, so it counts only as many people as matter, however many
# an account has.
PEOPLE = """
    SELECT
        (SELECT COUNT(*) FROM (
            SELECT 1 FROM {table} WHERE account_id = %s AND is_active LIMIT %s) AS active),
        (SELECT COUNT(*) FROM (
            SELECT 1 FROM {table} WHERE account_id = %s AND is_active AND has_phone LIMIT %s) AS proved)"""


def people(account: Account) -> dict[str, int]:
    """Return how many people an account has, and how many with a phone, each counted only as far as it matters."""
    limit = enough(account)
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE.format(table=User._meta.db_table), [account.pk, limit, account.pk, limit])
        active, proved = cursor.fetchone()
    return {"people": active, "proved": proved}


def least(account: Account) -> list[Window]:
    """Return the windows of an account with the least that it may send, whoever its people are: no statement."""
    found = rate_limits.windows("account", account.pk)
    return [_with(window, _chosen(account, window, window.limit)) for window in found]


def most(account: Account, window: Window, proved: int) -> int:
    """Return how many SMS an account may send in a window when so many of its people have a confirmed phone."""
    return _chosen(account, window, max(window.limit, settings.ACCOUNT_SMS_PER_USER * proved))


def enough(account: Account) -> int:
    """Return the number of people beyond which more of them change neither an account's SMS nor a person's first ones.

    They are counted while the rows of everybody's SMS are locked.
    """
    whole = max(_chosen(account, each, rate_limits.NO_LIMIT) for each in rate_limits.windows("account", account.pk))
    by_phones = whole // max(1, settings.ACCOUNT_SMS_PER_USER)
    return max(by_phones, _kept(whole) // max(1, settings.ACCOUNT_SMS_FIRST[0])) + 1


def first(user_id: int) -> list[Window]:
    """Return the window of a person's first SMS in known browsers: nobody else uses them up (B-01)."""
    least_of_all, _most = settings.ACCOUNT_SMS_FIRST
    return [Window(f"person_first {user_id}", settings.DAY, least_of_all, "person_first")]


def most_first(account: Account, *, people: int, proved: int) -> int:
    """Return how many first SMS a person has in an account of so many people: the reserve, in equal parts."""
    (day,) = (window for window in rate_limits.windows("account", account.pk) if window.seconds == settings.DAY)
    least_of_all, most_of_any = settings.ACCOUNT_SMS_FIRST
    return max(least_of_all, min(most_of_any, _kept(most(account, day, proved)) // max(1, people)))


def of_all(account: Account, *, known: bool) -> list[Window]:
    """Return the windows of SMS that are not first ones in a known browser, with the least that there are."""
    scope = "account_known" if known else "account_new"
    key = f"account_all {account.pk}"
    return [Window(key, each.seconds, each.limit - _kept(each.limit), scope) for each in least(account)]


def most_of_all(account: Account, window: Window, proved: int) -> int:
    """Return how many SMS there are in a window of ``of_all`` when so many people have a confirmed phone."""
    (whole_window,) = (each for each in rate_limits.windows("account", account.pk) if each.seconds == window.seconds)
    whole = most(account, whole_window, proved)
    return whole - _kept(whole)


def _kept(whole: int) -> int:
    return whole * settings.ACCOUNT_SMS_KEPT // 100


def system(*, reserved: bool, known: bool = True) -> list[Window]:
    """Return the windows of the whole system: without the reserve for confirmed phones, or for known browsers."""
    part = settings.SYSTEM_SMS_RESERVE if reserved else 0 if known else settings.SYSTEM_SMS_RESERVE // 2
    found = rate_limits.windows("system", "sms")
    return [_with(window, window.limit * (100 - part) // 100) for window in found]


def newcomers(account: Account) -> list[Window]:
    """Return the window of an account's first SMS to unconfirmed phones, which have a part of the system's (B-10).

    Accounts whose people ask for SMS all day cannot use that part up for the newcomers of others.
    """
    scope = "account_first"
    return [Window(f"{scope} {account.pk}", settings.DAY, settings.ACCOUNT_SMS_NEWCOMERS, scope)]


def system_beyond_newcomers() -> list[Window]:
    """Return the windows of the whole system for an SMS to an unconfirmed phone that is none of those first ones."""
    part = settings.SYSTEM_SMS_RESERVE + settings.SYSTEM_SMS_NEWCOMERS
    found = rate_limits.windows("system", "sms")
    return [_with(window, window.limit * (100 - part) // 100) for window in found]


def _chosen(account: Account, window: Window, needed: int) -> int:
    if account.sms_a_day is not None and window.seconds == settings.DAY:
        return account.sms_a_day
    shares = [each.limit * settings.ACCOUNT_SMS_SHARE // 100 for each in system(reserved=False)]
    return min([needed, *shares])


def _with(window: Window, limit: int) -> Window:
    return Window(window.key, window.seconds, limit, window.scope)
