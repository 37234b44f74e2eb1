"""The one interface of every second factor: who has it, how it is verified, what a right answer does."""

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
    """Mark a pending sign-in as completed by a factor that sends nothing, for exactly one caller. Raises JourneyOver.

    Where a token was sent, its challenge says that it was completed. A re-authentication is moved on by its own flow,
    and so is a sign-in by a kind that no longer counts, which completes nothing (K-06).
    """
    if not isinstance(journey, PendingSignIn) or journey.needs_old_factor:
        return
    waiting = PendingSignIn.objects.filter(pk=journey.pk, expires_at__gt=Clock(), completed_at__isnull=True)
    if not waiting.update(completed_at=Clock()):
        raise JourneyOver


class Verified(ABC):
    """A right answer. It has opened nothing yet: ``consume`` runs in the transaction of what it opens."""

    kind: FactorKind

    @property
    def audit_name(self) -> str:
        """Return the name of the factor in the audit log."""
        return self.kind

    @abstractmethod
    def consume(self, journey: Journey) -> None:
        """Consume the answer, for exactly one caller. Raises TokenUsed or JourneyOver for all others (T-03)."""

    @abstractmethod
    def device(self, user: User) -> FactorDevice:
        """Return the device that verifies the session after this answer. Raises JourneyOver."""

    @abstractmethod
    def give_back(self, journey: Journey) -> None:
        """Give back what the journey sent until this answer (B-07)."""


class Factor(ABC):
    """A kind of second factor."""

    kind: ClassVar[FactorKind]
    label: ClassVar[str | Promise]
    step: ClassVar[Step]  # the step of a pending sign-in at which it is verified
    sends: ClassVar[bool]  # whether a token is sent: then the captcha and the limits of sends come first

    @abstractmethod
    def is_open_to(self, user: User) -> bool:
        """Tell whether the person has it and the account accepts it, now. No statement."""

    @abstractmethod
    def begin(self, journey: Journey) -> None:
        """Prepare a re-authentication, in the caller's transaction: a factor that sends a token sends it."""

    @abstractmethod
    def verify(self, journey: Journey, typed: str) -> Verified:
        """Return the answer if it is right; else raise a TokenRefused or Limited.

        ``tokens.lockout`` counts the attempt before anything is compared: all kinds share one count (L-02). What nobody
        can guess is counted by ``tokens.unguessable``, and does not wait for the pause.
        """
