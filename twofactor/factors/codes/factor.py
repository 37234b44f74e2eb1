"""How one of a person's own recovery codes is proved."""

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
from twofactor.tokens import challenges, lockout


@dataclass(frozen=True, slots=True)
class RightCode(Verified):
    """One of the ten, not used before."""

    row: OwnRecoveryCode
    kind = FactorKind.RECOVERY

    def consume(self, journey: Journey) -> None:
        """Use the code up. A sign-in by it ends every session of the person: something of theirs is lost.

        Where it proves who sets up what counts (K-06), this sign-in goes on; all others end.
        """
        flows.use(journey.user, self.row)
        complete(journey)
        if isinstance(journey, PendingSignIn):
            account_sessions.end_sessions(journey.user)
            if journey.needs_old_factor:
                challenges.move(journey, auth_hash=journey.user.get_session_auth_hash())

    def device(self, user: User) -> FactorDevice:
        """Return the device that the code stands in for."""
        known = held.counting(user)
        if not known:
            raise refusals.JourneyOver
        return known[0]

    def give_back(self, journey: Journey) -> None:
        """Give nothing back: nothing was sent."""


class RecoveryFactor(Factor):
    """The codes on paper. They stand in for a device that the person has, as the mailbox does."""

    kind = FactorKind.RECOVERY
    label = FactorKind.RECOVERY.label
    step = Step.RECOVERY_CODE
    sends = False

    def is_open_to(self, user: User) -> bool:
        """Tell whether there is a code left, and a device that it stands in for."""
        return user.accepts(self.kind) and user.codes_left > 0 and bool(held.provable(user))

    def begin(self, journey: Journey) -> None:
        """Do nothing: the codes are on paper already."""

    def verify(self, journey: Journey, typed: str) -> RightCode:
        """Compare with what is left of the ten; the try is counted before, with those of all other kinds."""
        code = flows.read(typed)
        if code is None:
            raise refusals.OwnCodeMalformed
        user = journey.user
        if not self.is_open_to(user):
            raise refusals.ChannelRefused
        failures = lockout.count_attempt(user)
        row = flows.matching(user, code)
        if row is None:
            lockout.note_wrong_answer(user, failures, journey.purpose)
            raise refusals.OwnCodeRefused
        return RightCode(row)
