"""Tokens of an authenticator app (RFC 6238 over RFC 4226). Pure functions; django-otp does the arithmetic."""

import secrets
from base64 import b32encode
from datetime import datetime
from urllib.parse import quote, urlencode

from django_otp.oath import hotp

from twofactor.tokens import derive

SECRET_BYTES = 20  # 160 bits, as RFC 4226 recommends
STEP_SECONDS = 30
DRIFT = 1  # steps that a clock may be slow or fast
GROUP = 4


def new_secret() -> bytes:
    """Return 160 random bits."""
    return secrets.token_bytes(SECRET_BYTES)


def step_at(moment: datetime) -> int:
    """Return the number of the step at a moment of the database's clock."""
    return int(moment.timestamp()) // STEP_SECONDS


def token_of(secret: bytes, step: int) -> str:
    """Return the six digits of a step."""
    return f"{hotp(secret, step, digits=derive.DIGITS):0{derive.DIGITS}}"


def matching_step(secret: bytes, token: str, moment: datetime) -> int | None:
    """Return the newest step around a moment that has this token; None for a wrong one.

    Every step is computed and compared in constant time, whatever the others gave.
    """
    now = step_at(moment)
    steps = range(now - DRIFT, now + DRIFT + 1)
    return max((step for step in steps if derive.same(token_of(secret, step), token)), default=None)


def written(secret: bytes) -> str:
    """Return the secret as people copy it: in groups of four."""
    text = b32encode(secret).decode()
    return " ".join(text[at : at + GROUP] for at in range(0, len(text), GROUP))


def uri(secret: bytes, *, issuer: str, login: str) -> str:
    """Return the address that an app reads out of the QR code."""
    facts = {
        "secret": b32encode(secret).decode(),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": derive.DIGITS,
        "period": STEP_SECONDS,
    }
    return f"otpauth://totp/{quote(f'{issuer}:{login}', safe=':@')}?{urlencode(facts, quote_via=quote)}"
