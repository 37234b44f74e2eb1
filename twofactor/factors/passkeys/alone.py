"""Signing in by passkey alone (K-04). The key is something one has; what unlocks it is something one knows or is.

Every refusal gets the same answer, so that nobody learns who exists or what an account allows. A refusal raises no
count of failures: a signature cannot be guessed, and anybody who knew a key's name could lock its owner out (L-06).
"""

import time
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from accounts.audit.actions import Action
from accounts.audit.thinning import record_thinned
from accounts.models import Account, User
from twofactor.backends import PhoneBackend
from twofactor.exceptions import PasskeyCopied, PasskeyLate, PasskeyNotAlone, PasskeyWrong
from twofactor.factors.passkeys import ceremony, open_challenges
from twofactor.factors.passkeys.factor import SignedChallenge, refuse_copy
from twofactor.models import FactorDevice, Passkey, PendingSignIn
from twofactor.sign_in import flows

LOOK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SignedAlone(SignedChallenge):
    """The right answer of a passkey that was used without a password."""

    @property
    def audit_name(self) -> str:
        """Return the name of the factor in the audit log."""
        return "passkey_alone"


class _Offer:
    """Whether any account lets passkeys alone sign in, looked up once a minute by each process.

    The sign-in page reads no row, and everybody sees it before their account is known. So the button may appear or
    disappear a minute late; whether a passkey signs in is read at each answer.
    """

    is_made = False
    look_at = 0.0

    def look(self) -> bool:
        now = time.monotonic()
        if now >= self.look_at:
            self.look_at = now + LOOK_SECONDS
            try:
                self.is_made = Account.objects.filter(passkeys_alone=True, is_active=True).exists()
            except (OperationalError, InterfaceError):  # the page works without a database, too
                return self.is_made
        return self.is_made

    def forget(self) -> None:
        self.look_at = 0.0


_offer = _Offer()
is_offered, forget_offer = _offer.look, _offer.forget


def options(browser: str) -> str:
    """Return the options of the passkey request for the sign-in page in this browser."""
    return ceremony.alone_options(open_challenges.issue(browser))


def sign_in(typed: str, *, browser: str, next_url: str) -> tuple[PendingSignIn, FactorDevice]:
    """Begin and complete a sign-in by a passkey's answer, once. Raises a PasskeyRefused or Limited."""
    answer = ceremony.read(typed)
    challenge = ceremony.challenge_in(answer)
    open_challenges.check(challenge, browser)
    user, signed = _judge(answer, challenge)
    user.attempt_is_apart = True  # it was not counted, and waits for no pause: nobody guesses a signature
    with transaction.atomic():
        pending = _begin(user, challenge, next_url)
        return pending, flows.complete_sign_in(pending, signed)


def _judge(answer: dict[str, Any], challenge: bytes) -> tuple[User, SignedAlone]:
    passkey = Passkey.objects.usable().filter(credential_id=answer["id"]).first()
    user = PhoneBackend().get_user(passkey.user_id) if passkey else None
    try:
        if passkey is None or user is None:
            raise PasskeyWrong
        return user, _signed(user, passkey, answer, challenge)
    except PasskeyCopied:
        raise
    except PasskeyWrong:
        record_thinned(Action.PASSKEY_ALONE_REFUSED, user=user)
        raise PasskeyNotAlone from None


def _signed(user: User, passkey: Passkey, answer: dict[str, Any], challenge: bytes) -> SignedAlone:
    proved = ceremony.verify_assertion(answer, challenge, passkey, alone=True)
    named = answer["response"].get("userHandle") == ceremony.encoded(ceremony.user_handle(user))
    if not (named and passkey.opens_alone and user.may_sign_in_by_passkey_alone):
        raise PasskeyWrong
    refuse_copy(user, passkey, proved.new_sign_count)
    return SignedAlone(passkey, proved.new_sign_count)


def _begin(user: User, challenge: bytes, next_url: str) -> PendingSignIn:
    """Use the challenge up: only one of all answers to it becomes a pending sign-in."""
    try:
        with transaction.atomic():
            return PendingSignIn.begin(user, session_hash=open_challenges.name_of(challenge), next_url=next_url)
    except IntegrityError:
        raise PasskeyLate from None
