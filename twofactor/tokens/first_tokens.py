"""Whose token leaves although others have closed the number, the mailbox, the range, the country or the network (B-01).

What was only typed may be anybody's, so whoever types it often enough closes it for all, also for somebody who has it
in their hand and for a colleague behind the same address. The first tokens of a person leave all the same: two that
nobody typed, and of an account a few a day for each closed thing. Typed ones are given back, so a whole office gets in.
Robots are many people of few accounts, and whoever closed it has sent more than two.

An account has a few of them for all its people, and twice as many for newcomers in browsers that a link from the
mailbox has made known: colleagues who have a phone reach none of these. Newcomers who conspire could use up both. So
whoever was sent nothing and then unlocked by an administrator, who has spoken to them, has some that nobody else
reaches (B-05). The limit of an account is the public setting ``LIMIT_SPARED``.
"""

from collections.abc import Iterable
from dataclasses import replace

from accounts import rate_limits
from accounts.rate_limits import Balance, Window
from accounts.users import limits as own_limits
from twofactor.models import Purpose
from twofactor.tokens.counted import Sent

FIRST_TOKENS = 2  # of a person, that nobody typed
KNOWN_HAVE = 2  # times as many for newcomers in known browsers, apart
UNLOCKED_HAVE = 2  # times as many for people whom an administrator has unlocked, apart


def leaves(closed: Window, sent: Sent, balances: Iterable[Balance]) -> bool:
    """Count a token of somebody who has hardly asked before; tell whether it leaves despite a closed window."""
    asked = max(balance.used for balance in balances if balance.window.scope == "user")
    if asked > FIRST_TOKENS:
        return False
    of_all, of_unlocked = _of_all([closed], sent), _of_unlocked([closed], sent)
    unlocked = own_limits.unlocked(sent.user)
    used = rate_limits.used_of([unlocked, *of_all, *of_unlocked])
    own = of_unlocked if unlocked in used else of_all
    # Counts no more than there are, for what is typed has to be given back to those who come next.
    if any(used.get(window, 0) >= window.limit for window in own):
        return False
    return not any(balance.is_overdrawn for balance in rate_limits.count(own))


def windows(closed: Iterable[Window], sent: Sent) -> list[Window]:
    """Return where a token that was typed may have been counted despite closed windows."""
    names = list(closed)
    return _of_all(names, sent) + _of_unlocked(names, sent)


def _of_all(closed: Iterable[Window], sent: Sent) -> list[Window]:
    """Return what everybody of the account shares, or its newcomers in known browsers."""
    is_newcomer = sent.is_known and sent.purpose == Purpose.ENROL
    return _of_account(closed, sent, " known", KNOWN_HAVE) if is_newcomer else _of_account(closed, sent)


def _of_unlocked(closed: Iterable[Window], sent: Sent) -> list[Window]:
    return _of_account(closed, sent, " unlocked", UNLOCKED_HAVE)


def _of_account(closed: Iterable[Window], sent: Sent, part: str = "", more: int = 1) -> list[Window]:
    """Return a part of what an account has despite closed windows: of windows with one name, one."""
    names = dict.fromkeys(f"{sent.user.account_id} {window.key}{part}" for window in closed)
    found = [window for name in names for window in rate_limits.windows("spared", name)]
    return [replace(window, limit=window.limit * more) for window in found]
