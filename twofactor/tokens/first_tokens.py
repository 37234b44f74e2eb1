"""Whose token leaves although others have closed the number, the mailbox, the range, the country or the network (B-01).

What was only typed may be anybody's, so whoever types it often enough closes it for all, also for somebody who has it
in their hand and for a colleague behind the same address. The first tokens of a person leave all the same: two that
nobody typed, and of an account a few a day for each closed thing. Typed ones are given back, so a whole office gets in.
Robots are many people of few accounts, and whoever closed it has sent more than two. A few colleagues can use up what
an account has of them; browsers that a link from the mailbox has made known have twice as many, apart. Their limit is
the public setting ``LIMIT_SPARED``.
"""

from collections.abc import Iterable

from accounts import rate_limits
from accounts.rate_limits import Balance, Window
from twofactor.tokens.counted import Sent

FIRST_TOKENS = 2  # of a person, that nobody typed
KNOWN_HAVE = 2  # times as many in known browsers, apart


def leaves(closed: Window, sent: Sent, balances: Iterable[Balance]) -> bool:
    """Count a token of somebody who has hardly asked before; tell whether it leaves despite a closed window."""
    asked = max(balance.used for balance in balances if balance.window.scope == "user")
    if asked > FIRST_TOKENS:
        return False
    own = windows([closed], sent)
    if rate_limits.seconds_until_free(
        own
    ):  # counts no more, for what is typed has to be given back to those who come next
        return False
    return not any(balance.is_overdrawn for balance in rate_limits.count(own))


def windows(closed: Iterable[Window], sent: Sent) -> list[Window]:
    """Return what an account has despite closed windows: of windows with one name, one."""
    names = dict.fromkeys(f"{sent.user.account_id} {window.key}" for window in closed)
    found = [window for name in names for window in rate_limits.windows("spared", name)]
    return (
        [Window(f"{each.key} known", each.seconds, KNOWN_HAVE * each.limit, each.scope) for each in found]
        if sent.is_known
        else found
    )
