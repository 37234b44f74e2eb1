"""Every kind of second factor, in the order in which they are offered.

A new kind is one folder and one entry here; a device of its own is listed in ``held.DEVICES``. docs/architecture.md
says what else a new kind needs.
"""

from accounts.models import User
from twofactor.exceptions import ChannelRefused
from twofactor.factors.app.factor import AppFactor
from twofactor.factors.base import Factor
from twofactor.factors.codes.factor import RecoveryFactor
from twofactor.factors.passkeys.factor import PasskeyFactor
from twofactor.factors.sent.factor import EmailFactor, SmsFactor
from twofactor.models import Proof

PASSKEY = PasskeyFactor()
FACTORS: dict[str, Factor] = {
    factor.kind: factor for factor in (SmsFactor(), EmailFactor(), AppFactor(), PASSKEY, RecoveryFactor())
}


def open_to(user: User) -> list[Factor]:
    """Return the factors that a person can use now, their choice first: they have them and the account accepts them."""
    found = [factor for factor in FACTORS.values() if factor.is_open_to(user)]
    return sorted(found, key=lambda factor: factor.kind != user.preferred_factor)


def open_factor(user: User, kind: str) -> Factor:
    """Return the factor that a person chose, or the first one. Raises ChannelRefused for one that is not open."""
    for factor in open_to(user):
        if kind in {factor.kind, ""}:
            return factor
    raise ChannelRefused


def of_proof(journey: Proof) -> Factor:
    """Return the factor that answers a re-authentication: the chosen one; for a new phone or mailbox its own token."""
    chosen = FACTORS.get(journey.factor)
    return FACTORS["sms"] if chosen is None or journey.holder_proved else chosen
