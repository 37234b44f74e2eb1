"""The passkey as second factor. Nothing is sent, so there is no captcha and no limit of sends."""

from dataclasses import dataclass

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.factors import FactorKind
from accounts.models import User
from accounts.notifications.notify import notify
from messaging.database import Clock
from twofactor.exceptions import PasskeyCopied, PasskeyLate, PasskeyWrong
from twofactor.factors import held
from twofactor.factors.base import Factor, Verified, complete
from twofactor.factors.passkeys import ceremony, challenges
from twofactor.models import Challenge, FactorDevice, Journey, Passkey
from twofactor.steps import Step
from twofactor.tokens import typed_tokens, unguessable


@dataclass(frozen=True, slots=True)
class SignedChallenge(Verified):
    """The right answer of a passkey."""

    passkey: Passkey
    sign_count: int
    kind = FactorKind.PASSKEY

    def consume(self, journey: Journey) -> None:
        """Complete the sign-in, and store the new signature counter. The challenge was taken before."""
        complete(journey)
        counts = {"sign_count__lt": self.sign_count} if self.sign_count else {"sign_count": 0}
        same = Passkey.objects.filter(pk=self.passkey.pk, **counts)
        if not same.update(sign_count=self.sign_count, last_used_at=Clock()):
            raise PasskeyLate  # it was removed meanwhile, or a newer signature came first

    def device(self, user: User) -> FactorDevice:
        """Return the passkey itself."""
        return self.passkey

    def give_back(self, journey: Journey) -> None:
        """Give back the tokens that were sent before the person took the passkey instead (B-07)."""
        if journey.sends and (last := Challenge.objects.of(journey).newest()):
            typed_tokens.give_back(journey, last)


class PasskeyFactor(Factor):
    """A passkey or a security key."""

    kind = FactorKind.PASSKEY
    label = FactorKind.PASSKEY.label
    step = Step.PASSKEY
    sends = False

    def is_open_to(self, user: User) -> bool:
        """Tell whether the person has a passkey for this host that counts, or nothing else that does."""
        return any(isinstance(device, Passkey) for device in held.provable(user))

    def begin(self, journey: Journey) -> None:
        """Do nothing: the page issues the challenge."""

    def options(self, journey: Journey) -> str:
        """Issue a challenge and return the options for the browser. Raises JourneyOver."""
        known = Passkey.objects.usable().filter(user=journey.user).order_by("pk")
        return ceremony.authentication_options(challenges.issue(journey), known)

    def verify(self, journey: Journey, typed: str) -> SignedChallenge:
        """Compare the answer with the journey's challenge, which is used up in any case."""
        answer = ceremony.read(typed)
        challenge = challenges.take(journey)
        attempt = unguessable.count(journey.user)
        try:
            signed = _judge(journey.user, answer, challenge)
        except PasskeyWrong:
            attempt.was_wrong(journey.purpose)
            raise
        attempt.was_right()
        return signed


def _judge(user: User, answer: dict[str, object], challenge: bytes) -> SignedChallenge:
    passkey = Passkey.objects.usable().filter(user=user, credential_id=answer["id"]).first()
    if passkey is None or not any(isinstance(device, Passkey) for device in held.provable(user)):
        raise PasskeyWrong
    proved = ceremony.verify_assertion(answer, challenge, passkey)
    refuse_copy(user, passkey, proved.new_sign_count)
    return SignedChallenge(passkey, proved.new_sign_count)


def refuse_copy(user: User, passkey: Passkey, sign_count: int) -> None:
    """Notify of a right signature whose counter did not grow. Raises PasskeyCopied."""
    if passkey.sign_count and sign_count <= passkey.sign_count:
        notify(user, record_event(Action.PASSKEY_STEPPED_BACK, user=user, name=passkey.name))
        raise PasskeyCopied
