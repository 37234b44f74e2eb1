"""Sealing secrets that have to be read again, under keys outside of the database: a dump alone opens nothing.

``FACTOR_KEYS`` has the keys, the newest first. A row names its key, so that ``doctor`` can report the secrets under an
old one; ``manage.py reseal_secrets`` seals them under the newest.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from twofactor.tokens import derive

MAX_LENGTH = 255  # characters of a sealed secret


class Unsealable(Exception):
    """The key of a sealed secret is not among ``FACTOR_KEYS``, or the secret is another person's."""


def _box() -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(sha256(key.encode()).digest())) for key in settings.FACTOR_KEYS])


def newest_key_id() -> str:
    """Return the public name of the key that seals secrets now."""
    return derive.key_id(settings.FACTOR_KEYS[0])


def key_ids() -> list[str]:
    """Return the public names of all keys that can open secrets, the newest first."""
    return [derive.key_id(key) for key in settings.FACTOR_KEYS]


def seal(owner: str, secret: bytes) -> str:
    """Seal a secret for its owner: it does not open in another person's row."""
    return _box().encrypt(owner.encode() + b"\0" + secret).decode()


def unseal(owner: str, sealed: str) -> bytes:
    """Open a secret that was sealed for this owner. Raises Unsealable."""
    try:
        sealed_for, _zero, secret = _box().decrypt(sealed.encode()).partition(b"\0")
    except InvalidToken:
        raise Unsealable from None
    if sealed_for != owner.encode():
        raise Unsealable
    return secret


def reseal(sealed: str) -> str:
    """Return the same secret, sealed under the newest key. Raises Unsealable."""
    try:
        return _box().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise Unsealable from None
