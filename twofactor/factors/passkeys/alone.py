"""Signing in by passkey alone (K-04): the key is what one has, and what unlocks it is known or is the person.

One answer for every way to be refused, so that nobody learns who exists or what an account allows. A refusal raises no
count of failures: a signature is not guessed, and whoever knows the name of a key could lock its owner out (L-06).
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
from twofactor.tokens import lockout

LOOK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SignedAlone(SignedChallenge):
    """The right answer of a passkey without a password before it."""

    @property
    def told_as(self) -> str:
        """Return what the audit calls the way in."""
        return "passkey_alone"


class _Offer:
    """Whether any account lets passkeys alone sign in, looked up once a minute by each process.

    The sign-in page asks for no row, and everybody sees it before anybody knows whose account it is. So a button may
    come or go a minute late; whether it opens is read at each answer.
    """

    is_made = False
    look_at = 0.0

    def look(self) -> bool:
        now = time.monotonic()
        if now >= self.look_at:
            self.look_at = now + LOOK_SECONDS
            try:
                self.is_made = Account.objects.filter(passkeys_alone=True, is_active=True).exists()
            except (OperationalError, InterfaceError):  # the page stands without a database, too
                return self.is_made
        return self.is_made

    def forget(self) -> None:
        self.look_at = 0.0


_offer = _Offer()
is_offered, forget_offer = _offer.look, _offer.forget


def options(browser: str) -> str:
    """Return what the sign-in page asks of this browser."""
    return ceremony.alone_options(open_challenges.issue(browser))


def sign_in(typed: str, *, browser: str, next_url: str) -> tuple[PendingSignIn, FactorDevice]:
    """Begin and complete a sign-in by the answer of a passkey, once. Raises a PasskeyRefused or Limited."""
    answer = ceremony.read(typed)
    challenge = ceremony.challenge_in(answer)
    open_challenges.check(challenge, browser)
    user, signed = _judge(answer, challenge)
    lockout.refuse_while_locked(user)
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
    """Use the challenge up: of all answers to it one becomes a pending sign-in."""
    try:
        with transaction.atomic():
            return PendingSignIn.begin(user, session_hash=open_challenges.name_of(challenge), next_url=next_url)
    except IntegrityError:
        raise PasskeyLate from None
