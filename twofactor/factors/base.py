"""The one interface of every second factor: who has it, what opens with it, how it is proved."""

from abc import ABC, abstractmethod
from typing import ClassVar

from django.utils.functional import Promise

from accounts.factors import FactorKind
from accounts.models import User
from messaging.database import Clock
from twofactor.exceptions import JourneyOver
from twofactor.models import FactorDevice, Journey, PendingSignIn
from twofactor.steps import Step


def complete(journey: Journey) -> None:
    """Write down that a pending sign-in is completed by what sends nothing, for exactly one caller. Raises JourneyOver.

    Where a token was sent its challenge says it. A re-authentication is moved on by its own flow, and so is a sign-in
    by what no longer counts, which completes nothing (K-06).
    """
    if not isinstance(journey, PendingSignIn) or journey.needs_old_factor:
        return
    waiting = PendingSignIn.objects.filter(pk=journey.pk, expires_at__gt=Clock(), completed_at__isnull=True)
    if not waiting.update(completed_at=Clock()):
        raise JourneyOver


class Verified(ABC):
    """A right answer of a person. It has opened nothing yet: ``consume`` stands in the transaction of what it opens."""

    kind: FactorKind

    @property
    def told_as(self) -> str:
        """Return what the audit calls the way in."""
        return self.kind

    @abstractmethod
    def consume(self, journey: Journey) -> None:
        """Use the answer up, for exactly one caller. Raises TokenUsed or JourneyOver for all others (T-03)."""

    @abstractmethod
    def device(self, user: User) -> FactorDevice:
        """Return the device that a session is verified with by this answer. Raises JourneyOver."""

    @abstractmethod
    def give_back(self, journey: Journey) -> None:
        """Give back what the journey sent until this answer (B-07)."""


class Factor(ABC):
    """A kind of second factor."""

    kind: ClassVar[FactorKind]
    label: ClassVar[str | Promise]
    step: ClassVar[Step]  # of a pending sign-in, where it is proved
    sends: ClassVar[bool]  # whether a token leaves: then the captcha and the limits of sends stand before it

    @abstractmethod
    def is_open_to(self, user: User) -> bool:
        """Tell whether the person has it and the account lets it count, now. No statement."""

    @abstractmethod
    def begin(self, journey: Journey) -> None:
        """Do what has to be done before the person can answer a re-authentication, in the caller's transaction."""

    @abstractmethod
    def verify(self, journey: Journey, typed: str) -> Verified:
        """Return the answer if it is right; else raise a TokenRefused or Limited.

        The attempt is counted by ``tokens.lockout`` before anything is compared: all kinds have one count (L-02).
        """
