"""What the pages of a sign-in show beside their forms: the steps, and which ways are open."""

from typing import NamedTuple

from accounts.factors import FactorKind
from accounts.models import User
from twofactor.factors.base import Factor
from twofactor.models import PendingSignIn


class Steps(NamedTuple):
    """The number of the current step, and the numbers of all."""

    current: int
    of: range


def steps(pending: PendingSignIn, here: str) -> Steps:
    """Return the steps of a first sign-in and the current one; the mailbox before the phone is one step more."""
    mailbox = ["mailbox"] if pending.user.mailbox_before_phone and not pending.old_factor_proved else []
    last = ["phone", "token"] if pending.user.accepts(FactorKind.SMS) else ["setup", "device"]
    known = ["introduction", *mailbox, *last]
    return Steps(known.index(here) + 1, range(1, len(known) + 1))


def later_step(current: int) -> Steps:
    """Return the two steps of a later sign-in and the current one."""
    return Steps(current, range(1, 3))


def token_step(pending: PendingSignIn) -> Steps:
    """Return the steps with the token as the current one; it is the second of two once there is a factor."""
    if pending.has_factor or pending.needs_old_factor:
        return later_step(2)
    return steps(pending, "mailbox" if pending.needs_mailbox else "token")


def ways_in_order(user: User, factors: list[Factor]) -> dict[str, object]:
    """Return which channels are offered, and whether a factor that sends nothing comes first, as the usual way does.

    The usual way is the one that the person chose, else the one of the last sign-in. A re-authentication prefers the
    phone: its e-mail is for a phone that is lost. Recovery codes never come first. ``factors`` are those open to the
    person: a page looks once, because a look takes 120 calls (of Python and C).
    """
    found = sorted(factors, key=lambda each: (each.kind != user.preferred_factor, each.kind != user.last_factor))
    return {
        "channels": tuple(factor.kind for factor in found if factor.sends),
        "unsent_first": bool(found) and not found[0].sends and found[0].kind != FactorKind.RECOVERY,
        "first": found[0].kind if found else "",
    }


def ways_beside(factors: list[Factor]) -> dict[str, bool]:
    """Return which factors are open besides the tokens that are sent."""
    kinds = {factor.kind for factor in factors}
    return {
        "app_offered": FactorKind.APP in kinds,
        "passkey_offered": FactorKind.PASSKEY in kinds,
        "codes_offered": FactorKind.RECOVERY in kinds,
    }
