"""An authenticator in software: it answers as a browser with a key would, and lies where a test wants it to."""

import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from accounts.models import User
from tests.database_dump import tags
from twofactor.factors.passkeys import ceremony
from twofactor.models import Passkey

PRESENT, VERIFIED, MAY_BE_COPIED, ATTESTED = 0x01, 0x04, 0x08, 0x40


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def options_in(response: Any) -> dict[str, Any]:
    """Return what a page asks of the browser."""
    (form,) = tags(response, lambda tag, attrs: tag == "form" and "data-passkey" in attrs)
    found: dict[str, Any] = json.loads(unescape(form["data-options"] or ""))
    return found


@dataclass
class Authenticator:
    """One key pair. ``counts`` is False for those that never count, as most passkeys."""

    counts: bool = True
    origin: str = field(default_factory=lambda: str(settings.PUBLIC_URL))
    rp_id: str = field(default_factory=lambda: str(settings.PUBLIC_HOST))
    flags: int = PRESENT | VERIFIED
    is_discoverable: bool = True
    aaguid: bytes = bytes(16)
    user_handle: str = ""  # by ``register``: which person it was made for
    sign_count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def register(self, options: dict[str, Any], **lies: Any) -> str:
        """Answer ``navigator.credentials.create``."""
        self.user_handle = options.get("user", {}).get("id", self.user_handle)
        attested = self.aaguid + struct.pack(">H", len(self.credential_id)) + self.credential_id + self._cose()
        data = self._data(self.flags | ATTESTED, self.sign_count, lies.get("rp_id", self.rp_id)) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options, lies)
        response = {"attestationObject": encoded(attestation), "clientDataJSON": encoded(client)}
        known = {"credProps": {"rk": self.is_discoverable}}
        return self._answer({**response, "transports": ["internal", "carrier pigeon"]}, known)

    def sign(self, options: dict[str, Any], **lies: Any) -> str:
        """Answer ``navigator.credentials.get``."""
        self.sign_count += self.counts
        flags = lies.get("flags", self.flags)
        data = self._data(flags, lies.get("sign_count", self.sign_count), lies.get("rp_id", self.rp_id))
        client = self._client("webauthn.get", options, lies)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"authenticatorData": encoded(data), "clientDataJSON": encoded(client)}
        if self.is_discoverable:
            response["userHandle"] = lies.get("user_handle", self.user_handle)
        return self._answer({**response, "signature": encoded(signature)})

    def _client(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps({**told, **{name: lies[name] for name in ("origin", "type") if name in lies}}).encode()

    def _data(self, flags: int, count: int, rp_id: str) -> bytes:
        return sha256(rp_id.encode()).digest() + bytes([flags]) + struct.pack(">I", count)

    def _cose(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _answer(self, response: dict[str, Any], results: dict[str, Any] | None = None) -> str:
        name = encoded(self.credential_id)
        told = {"id": name, "rawId": name, "type": "public-key", "response": response}
        return json.dumps({**told, "clientExtensionResults": results or {}})


def give_passkey(user: User, **facts: Any) -> Authenticator:
    """Give a person a passkey, without the walk."""
    key = Authenticator(**facts)
    challenge = secrets.token_bytes(32)
    asked = {"challenge": encoded(challenge), "user": {"id": encoded(ceremony.user_handle(user))}}
    answer = json.loads(key.register(asked))
    registered = ceremony.verify_registration(answer, challenge)
    fields = {name: getattr(registered, name) for name in registered.__slots__}
    Passkey.objects.create(user=user, name="laptop", rp_id=settings.PUBLIC_HOST, **fields)
    User.objects.filter(pk=user.pk).update(has_passkey=True)
    return key
