"""The first tokens of a person are sent even if others closed the number, mailbox, range, country or address (B-01).

Anybody can type a number that is not theirs. Somebody who types it often enough closes it for everybody, also for its
owner and for a colleague behind the same network address. So the first tokens of a person are sent all the same: two
that were not typed, and a few a day of an account for each closed thing. Typed ones are given back, so a whole office
gets in. Robots are many people of few accounts, and a person who closed something has sent more than two.

An account has a few of them for all its people, and twice as many for newcomers in browsers that a link from the
mailbox has made known: colleagues who have a phone cannot use these. Newcomers who conspire could use up both. So a
person who was sent nothing and whom an administrator then unlocked has some that nobody else can use (B-05). The limit
of an account is the public setting ``LIMIT_SPARED``.
"""

from collections.abc import Iterable
from dataclasses import replace

from accounts import rate_limits
from accounts.rate_limits import Usage, Window
from accounts.users import limits as own_limits
from twofactor.models import Purpose
from twofactor.tokens.send_windows import Sent

FIRST_TOKENS = 2  # tokens of a person that were not typed
KNOWN_HAVE = 2  # times the limit, counted apart, for newcomers in known browsers
UNLOCKED_HAVE = 2  # times the limit, counted apart, for people whom an administrator has unlocked


def is_sent_anyway(closed: Window, sent: Sent, usages: Iterable[Usage]) -> bool:
    """Count a token of a person who has hardly asked before; tell whether it is sent despite a closed window."""
    asked = max(usage.used for usage in usages if usage.window.scope in {"user", f"user_{sent.channel}"})
    if asked > FIRST_TOKENS:
        return False
    of_all, of_unlocked = _of_all([closed], sent), _of_unlocked([closed], sent)
    unlocked = own_limits.unlocked(sent.user)
    used = rate_limits.used_of([unlocked, *of_all, *of_unlocked])
    own = of_unlocked if unlocked in used else of_all
    # Counts no more than the limit: those that are typed are given back, and the next ones need them.
    if any(used.get(window, 0) >= window.limit for window in own):
        return False
    return not any(usage.is_over_limit for usage in rate_limits.count(own))


def windows(closed: Iterable[Window], sent: Sent) -> list[Window]:
    """Return the windows in which a typed token may have been counted because others were closed."""
    names = list(closed)
    return _of_all(names, sent) + _of_unlocked(names, sent)


def _of_all(closed: Iterable[Window], sent: Sent) -> list[Window]:
    """Return the windows that all people of the account share, or those of its newcomers in known browsers."""
    is_newcomer = sent.is_known and sent.purpose == Purpose.ENROL
    return _of_account(closed, sent, " known", KNOWN_HAVE) if is_newcomer else _of_account(closed, sent)


def _of_unlocked(closed: Iterable[Window], sent: Sent) -> list[Window]:
    return _of_account(closed, sent, " unlocked", UNLOCKED_HAVE)


def _of_account(closed: Iterable[Window], sent: Sent, part: str = "", more: int = 1) -> list[Window]:
    """Return one part of an account's windows for these closed ones; closed windows of one name share them."""
    names = dict.fromkeys(f"{sent.user.account_id} {window.key}{part}" for window in closed)
    found = [window for name in names for window in rate_limits.windows("spared", name)]
    return [replace(window, limit=window.limit * more) for window in found]
