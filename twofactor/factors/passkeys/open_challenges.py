"""Challenges for an authenticator before the person is known. They are not stored, so nobody can fill a table.

A challenge is a random number with its time, signed by the server for one browser: the salt has the secret of that
browser's CSRF cookie. It is good for 300 s, and once: a sign-in by it writes a pending sign-in under its name, which
is unique. Only the holder of a right key can write that row.
"""

import secrets
from hashlib import sha256

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

from twofactor.exceptions import PasskeyLate

SALT = "twofactor.passkeys.open_challenges"
BYTES = 16  # random ones, besides the time


def _signer(browser: str) -> TimestampSigner:
    return TimestampSigner(salt=f"{SALT} {browser}")


def issue(browser: str) -> bytes:
    """Return a new challenge for the browser with this secret."""
    return _signer(browser).sign(secrets.token_urlsafe(BYTES)).encode()


def check(challenge: bytes, browser: str) -> None:
    """Raise PasskeyLate for a challenge that is too old, or that was not issued for this browser."""
    try:
        _signer(browser).unsign(challenge.decode("ascii", "replace"), max_age=settings.PASSKEY_SECONDS)
    except BadSignature:
        raise PasskeyLate from None


def name_of(challenge: bytes) -> str:
    """Return the name under which a challenge is used up, in the column of a session's hash."""
    return sha256(b"passkey alone " + challenge).hexdigest()
