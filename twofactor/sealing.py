"""Secrets that have to be read again are sealed under keys outside of the database: a dump alone opens nothing.

``FACTOR_KEYS`` holds the keys, the newest first. A row names the key it is sealed under, so that ``doctor`` can say
what is left under an old one; ``manage.py reseal_secrets`` brings it under the newest.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from twofactor.tokens import derive

LONGEST = 255  # characters of a sealed secret


class Unsealable(Exception):
    """The key of a sealed secret is not among ``FACTOR_KEYS``, or the secret is somebody else's."""


def _box() -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(sha256(key.encode()).digest())) for key in settings.FACTOR_KEYS])


def newest_key_id() -> str:
    """Return the public name of the key that secrets are sealed under now."""
    return derive.key_id(settings.FACTOR_KEYS[0])


def key_ids() -> list[str]:
    """Return the public names of all keys that open something, the newest first."""
    return [derive.key_id(key) for key in settings.FACTOR_KEYS]


def seal(owner: str, secret: bytes) -> str:
    """Seal a secret for its owner: in another one's row it does not open."""
    return _box().encrypt(owner.encode() + b"\0" + secret).decode()


def unseal(owner: str, sealed: str) -> bytes:
    """Return what was sealed for this owner. Raises Unsealable."""
    try:
        sealed_for, _zero, secret = _box().decrypt(sealed.encode()).partition(b"\0")
    except InvalidToken:
        raise Unsealable from None
    if sealed_for != owner.encode():
        raise Unsealable
    return secret


def reseal(sealed: str) -> str:
    """Return the same secret under the newest key. Raises Unsealable."""
    try:
        return _box().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise Unsealable from None
