"""How many invitations an account may send: in all, and to one mailbox, whatever tag its address has (B-11).

They are counted for each account, so that one account's invitations do not use up another's.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import zip_longest

from accounts import rate_limits
from accounts.models import Account
from accounts.rate_limits import Window

# Providers that ignore dots in addresses, with the name of the provider that each belongs to.
WITHOUT_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


def mailbox_of(address: str) -> str:
    """Return the mailbox of an address: without its tag, and without dots where the provider ignores them."""
    local, _at, domain = address.lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in WITHOUT_DOTS:
        return f"{local.replace('.', '')}@{WITHOUT_DOTS[domain]}"
    return f"{local}@{domain}"


def over_limit(account: Account, asked: list[str]) -> set[str]:
    """Count invitations and return those over a limit: of a mailbox, or the last ones of the account's day."""
    if not asked:
        return set()
    over = _over_limit_of_mailbox(account, asked)
    left = [address for address in asked if address not in over]
    for usage in rate_limits.count(rate_limits.windows("invitations", account.pk), uses=len(left)) if left else []:
        room = len(left) - max(0, usage.used - usage.window.limit)
        over |= set(left[max(0, room) :])
    return over


def _over_limit_of_mailbox(account: Account, asked: list[str]) -> set[str]:
    """Count one address of each mailbox in one statement, and further ones of a mailbox in further statements."""
    by_mailbox: defaultdict[str, list[str]] = defaultdict(list)
    for address in asked:
        by_mailbox[mailbox_of(address)].append(address)
    over: set[str] = set()
    for round_of in zip_longest(*by_mailbox.values()):
        full = {mailbox_of(address) for address in over}
        still = {mailbox_of(address): address for address in round_of if address and mailbox_of(address) not in full}
        over |= {address for address in round_of if address and address not in still.values()}
        over |= _count(account, still) if still else set()
    return over


def _count(account: Account, by_mailbox: dict[str, str]) -> set[str]:
    named = {window.key: address for mailbox, address in by_mailbox.items() for window in _windows(account, mailbox)}
    counted = rate_limits.count(window for mailbox in by_mailbox for window in _windows(account, mailbox))
    return {named[usage.window.key] for usage in counted if usage.is_over_limit}


def _windows(account: Account, mailbox: str) -> Iterable[Window]:
    return rate_limits.windows("invited", f"{account.pk} {rate_limits.hidden(mailbox)}")
