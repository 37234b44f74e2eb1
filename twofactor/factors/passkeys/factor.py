"""The passkey as second factor: nothing is sent, so no captcha and no limits of sends stand before it."""

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
from twofactor.tokens import lockout, typed_tokens


@dataclass(frozen=True, slots=True)
class SignedChallenge(Verified):
    """The right answer of a passkey."""

    passkey: Passkey
    sign_count: int
    kind = FactorKind.PASSKEY

    def consume(self, journey: Journey) -> None:
        """Complete the sign-in, and keep the new count of signatures. The challenge was taken before."""
        complete(journey)
        counts = {"sign_count__lt": self.sign_count} if self.sign_count else {"sign_count": 0}
        same = Passkey.objects.filter(pk=self.passkey.pk, **counts)
        if not same.update(sign_count=self.sign_count, last_used_at=Clock()):
            raise PasskeyLate  # removed meanwhile, or a newer signature came first

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
        """Tell whether the person has a passkey for this host, and it counts or is what they have."""
        return any(isinstance(device, Passkey) for device in held.provable(user))

    def begin(self, journey: Journey) -> None:
        """Send nothing: the page issues the challenge."""
        lockout.refuse_while_locked(journey.user)

    def options(self, journey: Journey) -> str:
        """Issue a challenge and return what the page asks of the browser. Raises JourneyOver."""
        known = Passkey.objects.usable().filter(user=journey.user).order_by("pk")
        return ceremony.authentication_options(challenges.issue(journey), known)

    def verify(self, journey: Journey, typed: str) -> SignedChallenge:
        """Compare the answer with the journey's challenge, which is used up whatever comes of it."""
        answer = ceremony.read(typed)
        challenge = challenges.take(journey)
        failures = lockout.count_attempt(journey.user)
        try:
            return _judge(journey.user, answer, challenge)
        except PasskeyWrong:
            lockout.note_wrong_answer(journey.user, failures, journey.purpose)
            raise


def _judge(user: User, answer: dict[str, object], challenge: bytes) -> SignedChallenge:
    passkey = Passkey.objects.usable().filter(user=user, credential_id=answer["id"]).first()
    if passkey is None or not any(isinstance(device, Passkey) for device in held.provable(user)):
        raise PasskeyWrong
    proved = ceremony.verify_assertion(answer, challenge, passkey)
    refuse_copy(user, passkey, proved.new_sign_count)
    return SignedChallenge(passkey, proved.new_sign_count)


def refuse_copy(user: User, passkey: Passkey, sign_count: int) -> None:
    """Tell of a right signature whose count does not go on from the one before. Raises PasskeyCopied."""
    if passkey.sign_count and sign_count <= passkey.sign_count:
        notify(user, record_event(Action.PASSKEY_STEPPED_BACK, user=user, name=passkey.name))
        raise PasskeyCopied
