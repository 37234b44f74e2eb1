"""The factor of a person's own recovery codes: verifying one."""

from dataclasses import dataclass

from accounts.auth import sessions as account_sessions
from accounts.factors import FactorKind
from accounts.models import User
from twofactor import exceptions as refusals
from twofactor.factors import held
from twofactor.factors.base import Factor, Verified, complete
from twofactor.factors.codes import flows
from twofactor.factors.codes.models import OwnRecoveryCode
from twofactor.models import FactorDevice, Journey, PendingSignIn
from twofactor.steps import Step
from twofactor.tokens import challenges, unguessable


@dataclass(frozen=True, slots=True)
class RightCode(Verified):
    """A right code of the ten, not used before."""

    row: OwnRecoveryCode
    kind = FactorKind.RECOVERY

    def consume(self, journey: Journey) -> None:
        """Use the code up. A sign-in by it ends every session of the person, because a device of theirs is lost.

        Where it proves who enrols a kind that counts (K-06), this sign-in goes on; all others end.
        """
        flows.use(journey.user, self.row)
        complete(journey)
        if isinstance(journey, PendingSignIn):
            account_sessions.end_sessions(journey.user)
            if journey.needs_old_factor:
                challenges.move(journey, auth_hash=journey.user.get_session_auth_hash())

    def device(self, user: User) -> FactorDevice:
        """Return the device that the code replaces."""
        known = held.counting(user)
        if not known:
            raise refusals.JourneyOver
        return known[0]

    def give_back(self, journey: Journey) -> None:
        """Give nothing back: nothing was sent."""


class RecoveryFactor(Factor):
    """A person's own recovery codes. Like the mailbox, they replace a device that the person has."""

    kind = FactorKind.RECOVERY
    label = FactorKind.RECOVERY.label
    step = Step.RECOVERY_CODE
    sends = False

    def is_open_to(self, user: User) -> bool:
        """Tell whether a code is left, and whether there is a device that it replaces."""
        return user.accepts(self.kind) and user.codes_left > 0 and bool(held.provable(user))

    def begin(self, journey: Journey) -> None:
        """Do nothing: the person has the codes already."""

    def verify(self, journey: Journey, typed: str) -> RightCode:
        """Compare with the unused codes; the attempt is counted first, and during the pause apart (B-12)."""
        code = flows.read(typed)
        if code is None:
            raise refusals.OwnCodeMalformed
        user = journey.user
        if not self.is_open_to(user):
            raise refusals.ChannelRefused
        attempt = unguessable.count(user)
        row = flows.matching(user, code)
        if row is None:
            attempt.was_wrong(journey.purpose)
            raise refusals.OwnCodeRefused
        attempt.was_right()
        return RightCode(row)
