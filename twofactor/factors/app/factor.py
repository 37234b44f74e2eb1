"""The factor of an authenticator app: verifying its token."""

from dataclasses import dataclass
from datetime import datetime

from accounts.factors import FactorKind
from accounts.models import User
from messaging.database import Clock
from twofactor import exceptions as refusals
from twofactor import sealing
from twofactor.factors import held
from twofactor.factors.app import totp
from twofactor.factors.app.models import AppDevice
from twofactor.factors.base import Factor, Verified, complete
from twofactor.models import Journey
from twofactor.steps import Step
from twofactor.tokens import derive, lockout


@dataclass(frozen=True, slots=True)
class AppToken(Verified):
    """A right token, and the step that it belongs to."""

    app: AppDevice
    step: int
    kind = FactorKind.APP

    def consume(self, journey: Journey) -> None:
        """Claim the step in one statement: after that the same token, or an older one, opens nothing."""
        fresh = AppDevice.objects.filter(pk=self.app.pk, last_step__lt=self.step)
        if not fresh.update(last_step=self.step, last_used_at=Clock()):
            raise refusals.AppTokenUsed
        complete(journey)

    def device(self, user: User) -> AppDevice:
        """Return the app."""
        return self.app

    def give_back(self, journey: Journey) -> None:
        """Give nothing back: nothing was sent."""


class AppFactor(Factor):
    """The authenticator app."""

    kind = FactorKind.APP
    label = FactorKind.APP.label
    step = Step.APP
    sends = False

    def is_open_to(self, user: User) -> bool:
        """Tell whether the person has an app that counts, or nothing else that does (``held.provable``)."""
        return any(isinstance(device, AppDevice) for device in held.provable(user))

    def begin(self, journey: Journey) -> None:
        """Do nothing: the app shows the token already."""

    def verify(self, journey: Journey, typed: str) -> AppToken:
        """Compare with the tokens of the steps around now, by the database's clock (F39)."""
        token = derive.read(typed)
        if token is None:
            raise refusals.TokenMalformed
        user = journey.user
        app = AppDevice.objects.filter(user=user).annotate(now=Clock()).first()
        if app is None or not self.is_open_to(user):
            raise refusals.ChannelRefused
        failures = lockout.count_attempt(user)
        step = self._step(app, token, app.now)
        if step is None:
            lockout.note_wrong_answer(user, failures, journey.purpose)
            raise refusals.AppTokenWrong
        return AppToken(app, step)

    @staticmethod
    def _step(app: AppDevice, token: str, moment: datetime) -> int | None:
        try:
            secret = sealing.unseal(owner(app.user_id), app.sealed)
        except sealing.Unsealable:
            lockout.take_back(app.user)
            raise refusals.AppUnreadable from None
        return totp.matching_step(secret, token, moment)


def owner(user_id: int) -> str:
    """Return the name of the owner for whom the secret of a person's app is sealed."""
    return f"app {user_id}"
