"""The most that each kind of attacker can cost in a day, in SMS and e-mails, by the limits in force (B-18).

These are upper bounds. Where a window begins with its first use, 24 hours can touch one window more than fit into them:
of a day's limit twice as much may leave around the end of a window. A limit in money holds over any 24 hours (B-17).
"""

from dataclasses import dataclass

from django.conf import settings

from accounts import rate_limits, sms_limits
from accounts.models import Account
from twofactor.tokens.first_tokens import KNOWN_HAVE, UNLOCKED_HAVE


@dataclass(frozen=True, slots=True)
class WorstDay:
    """A kind of attacker, and the most messages that leave in 24 hours because of them."""

    who: str
    sms: int
    emails: int | None  # None: it grows with the number of people or of typed tokens
    what: str


def all_of_them() -> list[WorstDay]:
    """Return every kind of attacker, the least powerful first."""
    links = _a_day("links") + _a_day("browser_links")
    own, first = -(-_a_day("user") // 2), (1 + KNOWN_HAVE + UNLOCKED_HAVE) * _a_day("spared")
    mails, invited = own + links, _a_day("invitations")
    small, large = _account(40), _account(10**6)
    return [
        WorstDay("somebody who knows a login", 0, links, "links to its mailbox"),
        WorstDay("one stolen password", own, mails, "tokens to the person's own phone and mailbox; links"),
        WorstDay(
            "all passwords of an account of 10, stolen", min(10 * own, _account(10)["new"]), 10 * mails, "the same"
        ),
        WorstDay("all passwords of an account of 40, stolen", small["new"], 40 * mails, "the same"),
        WorstDay("all passwords of a large account, stolen", large["new"], None, "the same"),
        WorstDay("one malicious member", _a_day("person"), None, "tokens; whoever types them gets more by e-mail"),
        WorstDay("all members of an account of 40", small["all"], None, "the same"),
        WorstDay("a new account's administrator", _a_day("account"), None, f"tokens; {invited:,} invitations; links"),
        WorstDay("an account, at a number without a login", _a_day("phone_typed") + first, 0, "tokens to it"),
        WorstDay("each further account, at the same number", first, 0, "the same"),
        WorstDay("an account, at a mailbox without a login", 0, _a_day("mailbox_typed") + first, "tokens to it"),
        WorstDay("the largest account, whoever does it", large["all"], None, "its share of the system's SMS"),
        WorstDay("everybody together", _a_day("system"), None, "e-mails grow with the people"),
    ]


def _a_day(scope: str) -> int:
    """Return how often a scope's limits allow something in 24 hours, which may touch one window more than fit in."""
    more = 0 if scope in rate_limits.SLIDING else 1
    return min(limit * (-(-settings.DAY // seconds) + more) for limit, seconds in settings.LIMITS[scope])


def _account(people: int) -> dict[str, int]:
    """Return the SMS of an account with so many people with a phone: all of them, and those of new browsers."""
    account = Account(pk=0)
    (whole,), (new,) = sms_limits.least(account), sms_limits.of_all(account, known=False)
    return {
        "all": sms_limits.most(account, whole, people),
        "new": sms_limits.most_of_all(account, new, people),
    }
