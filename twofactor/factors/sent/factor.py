"""The factors whose token is sent: by SMS to the phone, or by e-mail to a person who has a device already."""

from dataclasses import dataclass

from accounts.factors import FactorKind
from accounts.models import User
from twofactor import devices
from twofactor.exceptions import ChannelRefused, JourneyOver
from twofactor.factors import held
from twofactor.factors.base import Factor, Verified
from twofactor.models import Challenge, FactorDevice, Journey, PhoneDevice, Purpose
from twofactor.steps import Step
from twofactor.tokens import challenges, typed_tokens


@dataclass(frozen=True, slots=True)
class SentToken(Verified):
    """A right token, and the challenge that it belongs to."""

    challenge: Challenge

    @property
    def kind(self) -> FactorKind:  # type: ignore[override]  # read-only here
        """Return the kind with the name of the token's channel."""
        return FactorKind(self.challenge.channel)

    def consume(self, journey: Journey) -> None:
        """Close the challenge."""
        challenges.consume(self.challenge)

    def device(self, user: User) -> FactorDevice:
        """Return the phone, which a first token binds; for a mailbox the device that it replaces."""
        if self.challenge.purpose == Purpose.ENROL:
            return devices.bind(user, self.challenge)
        known = held.counting(user)
        if not known:
            raise JourneyOver
        return next((device for device in known if isinstance(device, PhoneDevice)), known[0])

    def give_back(self, journey: Journey) -> None:
        """Give back the sends of the journey until this token was typed."""
        typed_tokens.give_back(journey, self.challenge)


class SentFactor(Factor):
    """A factor whose token is sent."""

    step = Step.CHANNEL
    sends = True

    def is_open_to(self, user: User) -> bool:
        """Tell whether a token may be sent by this channel."""
        try:
            held.destination(user, self.kind)
        except ChannelRefused:
            return False
        return True

    def begin(self, journey: Journey) -> None:
        """Send the token. The password was just proved, and that pays for the send."""
        challenges.send_token(journey, self.kind, held.destination(journey.user, self.kind), granted=True)

    def verify(self, journey: Journey, typed: str) -> SentToken:
        """Compare with the journey's open challenge."""
        return SentToken(challenges.verify(journey, typed))


class SmsFactor(SentFactor):
    """The phone."""

    kind = FactorKind.SMS
    label = FactorKind.SMS.label


class EmailFactor(SentFactor):
    """The mailbox, where the account lets it replace a device that the person has (D1)."""

    kind = FactorKind.EMAIL
    label = FactorKind.EMAIL.label
