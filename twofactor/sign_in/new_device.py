"""A device that is set up at a sign-in: binding it completes the sign-in, as the token of a first phone does."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.factors import FactorKind
from accounts.models import User
from twofactor.factors.base import Verified, complete
from twofactor.models import FactorDevice, Journey


@dataclass(frozen=True, slots=True)
class NewDevice(Verified):
    """A device that has just proved that it works, and is not bound yet."""

    kind: FactorKind
    bind: Callable[[], FactorDevice]

    def consume(self, journey: Journey) -> None:
        """Complete the sign-in, for exactly one caller."""
        complete(journey)

    def device(self, user: User) -> FactorDevice:
        """Bind it."""
        return self.bind()

    def give_back(self, journey: Journey) -> None:
        """Give nothing back: what the old factor sent was given back by its own proof."""
