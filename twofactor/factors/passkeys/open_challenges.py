"""What an authenticator has to sign before anybody knows who asks: kept nowhere, so that nobody can fill a table.

It is a random number with its time, signed by us for one browser: the salt holds the secret of that browser's CSRF
cookie. It is good for 300 s, and once: whoever gets in by it writes a pending sign-in under its name, which is unique.
Only the holder of a key that opens can write one.
"""

import secrets
from hashlib import sha256

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

from twofactor.exceptions import PasskeyLate

SALT = "twofactor.passkeys.open_challenges"
BYTES = 16  # of chance, beside the time


def _signer(browser: str) -> TimestampSigner:
    return TimestampSigner(salt=f"{SALT} {browser}")


def issue(browser: str) -> bytes:
    """Return a new challenge for the browser with this secret."""
    return _signer(browser).sign(secrets.token_urlsafe(BYTES)).encode()


def check(challenge: bytes, browser: str) -> None:
    """Raise PasskeyLate for what is too old, or was not issued for this browser."""
    try:
        _signer(browser).unsign(challenge.decode("ascii", "replace"), max_age=settings.PASSKEY_SECONDS)
    except BadSignature:
        raise PasskeyLate from None


def name_of(challenge: bytes) -> str:
    """Return under which name a challenge is used up, in place of the hash of a session."""
    return sha256(b"passkey alone " + challenge).hexdigest()
