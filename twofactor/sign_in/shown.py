"""What the pages of a sign-in show beside their forms: where it stands, and which ways are open."""

from accounts.factors import FactorKind
from twofactor.factors.app.views import APP
from twofactor.factors.catalogue import PASSKEY, open_to
from twofactor.factors.codes.views import CODES
from twofactor.models import PendingSignIn


def steps(pending: PendingSignIn, here: str) -> dict[str, object]:
    """Return where a first sign-in stands: with the mailbox before the phone it has a step more."""
    mailbox = ["mailbox"] if pending.user.mailbox_before_phone and not pending.old_factor_proved else []
    last = ["phone", "token"] if pending.user.accepts(FactorKind.SMS) else ["setup", "device"]
    known = ["introduction", *mailbox, *last]
    return {"current": known.index(here) + 1, "of": range(1, len(known) + 1)}


def later_step(current: int) -> dict[str, object]:
    """Return where a later sign-in stands, which has two steps."""
    return {"current": current, "of": range(1, 3)}


def token_step(pending: PendingSignIn) -> dict[str, object]:
    """Return where the token stands: second of two steps once there is a factor."""
    if pending.has_factor or pending.needs_old_factor:
        return later_step(2)
    return steps(pending, "mailbox" if pending.needs_mailbox else "token")


def ways_in_order(pending: PendingSignIn) -> dict[str, object]:
    """Return which channels are offered, and whether what sends nothing stands above them: what is usual comes first.

    Usual is what the person chose, else what they signed in with last. A re-authentication keeps to the phone: its
    e-mail is for a phone that is lost. Recovery codes are never first.
    """
    user = pending.user
    found = sorted(open_to(user), key=lambda each: (each.kind != user.preferred_factor, each.kind != user.last_factor))
    return {
        "channels": [factor.kind for factor in found if factor.sends],
        "unsent_first": bool(found) and not found[0].sends and found[0].kind != FactorKind.RECOVERY,
        "first": found[0].kind if found else "",
    }


def ways_beside(pending: PendingSignIn) -> dict[str, bool]:
    """Return which ways are open beside the tokens that are sent."""
    return {
        "app_offered": APP.is_open_to(pending.user),
        "passkey_offered": PASSKEY.is_open_to(pending.user),
        "codes_offered": CODES.is_open_to(pending.user),
    }
