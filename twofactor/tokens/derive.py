"""Tokens are derived, never stored or queued (T-06). Pure functions."""

import hmac
import json
import re
import secrets
from hashlib import sha256

from django.utils.crypto import constant_time_compare

DIGITS = 6
MAX_TYPED_LENGTH = 400  # a whole SMS may be pasted
_TYPED = re.compile(r"[0-9]{6}", re.ASCII)
_SEPARATORS = re.compile(r"[\s\-#.]+")
_LETTER = re.compile(r"[^\W\d_]")
_RUNS = re.compile(r"(?<!\d)[0-9]{6}(?!\d)")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")


def new_nonce() -> str:
    """Return 128 random bits as 32 hexadecimal digits; not secret without the key."""
    return secrets.token_hex(16)


def key_id(key: str) -> str:
    """Return a short public name for a key, so that a row can say under which key its token was derived."""
    return hmac.new(key.encode(), b"key-id", sha256).hexdigest()[:8]


def derive(key: str, nonce: str, *facts: object) -> str:
    """Return the six digits, uniform over 000000-999999, that belong to a nonce and to facts (T-01, T-05).

    ``facts`` are everything the token is bound to: user, purpose, channel, destination, journey.
    """
    message = json.dumps([nonce, *map(str, facts)]).encode()
    number = int.from_bytes(hmac.new(key.encode(), message, sha256).digest(), "big")
    return f"{number % 10**DIGITS:0{DIGITS}}"


def read(typed: str) -> str | None:
    """Return what a person typed as six ASCII digits, or None (T-08).

    Spaces, hyphens, "#" and invisible characters are dropped. From a pasted sentence the only run of exactly six
    digits is taken (W-08); it may occur twice, as in our SMS.
    """
    if len(typed) > MAX_TYPED_LENGTH:
        return None
    bare = _SEPARATORS.sub("", _INVISIBLE.sub("", typed))
    if _TYPED.fullmatch(bare):
        return bare
    runs = set(_RUNS.findall(_INVISIBLE.sub("", typed))) if len(_LETTER.findall(typed)) > 3 else set()
    return runs.pop() if len(runs) == 1 else None


def same(one: str, other: str) -> bool:
    """Compare two tokens in constant time (T-09)."""
    return constant_time_compare(one, other)
