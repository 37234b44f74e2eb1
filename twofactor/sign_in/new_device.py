"""A device that is enrolled at a sign-in: binding it completes the sign-in, as the token of a first phone does."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.factors import FactorKind
from accounts.models import User
from twofactor.exceptions import JourneyOver
from twofactor.factors import held
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
        """Bind it. Raises JourneyOver if the person got another device since this request began."""
        held.lock_row(user)
        now = held.joined(User.objects.with_policy().select_related("account")).get(pk=user.pk)
        had = {device.persistent_id for device in held.usable(user)}
        if any(device.persistent_id not in had for device in held.usable(now)):
            raise JourneyOver
        return self.bind()

    def give_back(self, journey: Journey) -> None:
        """Give nothing back: the old factor's own proof gave back what it had sent."""
