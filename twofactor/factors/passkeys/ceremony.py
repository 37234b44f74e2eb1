"""The options that the browser gets, and what its answers prove. Only this module uses the WebAuthn library.

Anybody can write anything into an answer. Whatever the library raises for it becomes a refusal, never an error 500.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from django.conf import settings
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json_dict
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.models import User
from twofactor.exceptions import PasskeyUnreadable, PasskeyWrong
from twofactor.models.passkeys import MAX_ID_LENGTH, Passkey

RP_NAME = "Messaging"
TIMEOUT = 120_000  # milliseconds that a browser waits for the person
TRANSPORTS = {transport.value for transport in AuthenticatorTransport}
# Every authenticator on the market supports one of these.
ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_ID_LENGTH}}}", re.ASCII)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Registered:
    """A new key pair, as its authenticator described it."""

    credential_id: str
    public_key: bytes
    sign_count: int
    transports: list[str]
    is_synced: bool
    user_verified: bool
    is_discoverable: bool  # as the browser says; this is not signed
    aaguid: str


def encoded(data: bytes) -> str:
    """Return bytes as WebAuthn writes them: base64url without padding."""
    return bytes_to_base64url(data)


def decoded(text: str) -> bytes:
    """Return the bytes of a text that ``encoded`` has written."""
    return base64url_to_bytes(text)


def user_handle(user: User) -> bytes:
    """Return the user handle for authenticators: always the same, and without anything that identifies the person."""
    return sha256(f"messaging user {user.pk}".encode()).digest()


def registration_options(user: User, challenge: bytes, known: Iterable[Passkey]) -> str:
    """Return the options of ``navigator.credentials.create`` as JSON; an authenticator in ``known`` refuses."""
    asked = options_to_json_dict(
        generate_registration_options(
            rp_id=settings.PUBLIC_HOST,
            rp_name=RP_NAME,
            user_id=user_handle(user),
            user_name=user.username,
            user_display_name=user.full_name,
            challenge=challenge,
            timeout=TIMEOUT,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=_descriptors(known),
            supported_pub_key_algs=ALGORITHMS,
        )
    )
    return json.dumps({**asked, "extensions": {"credProps": True}})  # an option that the library does not have


def authentication_options(challenge: bytes, known: Iterable[Passkey]) -> str:
    """Return the options of ``navigator.credentials.get`` as JSON: one of ``known`` is to sign the challenge."""
    return options_to_json(
        generate_authentication_options(
            rp_id=settings.PUBLIC_HOST,
            challenge=challenge,
            timeout=TIMEOUT,
            allow_credentials=_descriptors(known),
            user_verification=UserVerificationRequirement.PREFERRED,
        )
    )


def alone_options(challenge: bytes) -> str:
    """Return the options of ``navigator.credentials.get`` for anybody: any key, with PIN, face or finger."""
    return options_to_json(
        generate_authentication_options(
            rp_id=settings.PUBLIC_HOST,
            challenge=challenge,
            timeout=TIMEOUT,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def _descriptors(passkeys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(name) for name in passkey.transports if name in TRANSPORTS],
        )
        for passkey in passkeys
    ]


def read(typed: str) -> dict[str, Any]:
    """Return the browser's answer. Raises PasskeyUnreadable for anything that no browser sends."""
    try:
        answer = json.loads(typed)
    except (ValueError, RecursionError):
        raise PasskeyUnreadable from None
    if not isinstance(answer, dict) or not isinstance(answer.get("response"), dict):
        raise PasskeyUnreadable
    if not isinstance(answer.get("id"), str) or not _ID.fullmatch(answer["id"]):
        raise PasskeyUnreadable
    return answer


def challenge_in(answer: dict[str, Any]) -> bytes:
    """Return the challenge that an answer names. Nothing is proved by that. Raises PasskeyUnreadable."""
    try:
        return decoded(json.loads(decoded(answer["response"]["clientDataJSON"]))["challenge"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise PasskeyUnreadable from None


def verify_registration(answer: dict[str, Any], challenge: bytes) -> Registered:
    """Return the new key pair of an answer that signs our challenge for our origin. Raises PasskeyWrong."""
    verified = _judged(
        lambda: verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=settings.PUBLIC_HOST,
            expected_origin=settings.PUBLIC_URL,
            supported_pub_key_algs=ALGORITHMS,
        )
    )
    transports = answer["response"].get("transports")
    return Registered(
        credential_id=bytes_to_base64url(verified.credential_id),
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=sorted({name for name in transports if isinstance(name, str)} & TRANSPORTS)
        if isinstance(transports, list)
        else [],
        is_synced=verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        user_verified=verified.user_verified,
        is_discoverable=_is_discoverable(answer),
        aaguid=verified.aaguid,
    )


def _is_discoverable(answer: dict[str, Any]) -> bool:
    results = answer.get("clientExtensionResults")
    properties = results.get("credProps") if isinstance(results, dict) else None
    return isinstance(properties, dict) and properties.get("rk") is True


def verify_assertion(
    answer: dict[str, Any], challenge: bytes, passkey: Passkey, *, alone: bool = False
) -> VerifiedAuthentication:
    """Return what an answer proves that one of our passkeys has signed. Raises PasskeyWrong.

    ``alone``: no password was typed before, so the authenticator must have verified the person.

    The caller checks the signature counter: the library would treat a counter that goes back as a forgery.
    """
    return _judged(
        lambda: verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=settings.PUBLIC_HOST,
            expected_origin=settings.PUBLIC_URL,
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=0,
            require_user_verification=alone,
        )
    )


def _judged(verify: Callable[[], T]) -> T:
    try:
        return verify()
    except Exception:  # noqa: BLE001  # hostile bytes: the library lets errors of its parsers through
        raise PasskeyWrong from None
