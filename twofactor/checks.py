"""System checks of the keys, the captcha, the countries and the length of an SMS."""

from typing import Any

import phonenumbers
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 (Django's name)
from django.utils.translation import override
from django_recaptcha.constants import TEST_PRIVATE_KEY, TEST_PUBLIC_KEY

from twofactor.models import Purpose
from twofactor.tokens.texts import sms_text

SEGMENT = 160  # characters of GSM-7; our texts have no character that counts twice (a test)


@register(Tags.security)
def check_recaptcha(**options: Any) -> list[CheckMessage]:
    """Refuse half a pair of reCAPTCHA keys, and Google's test keys, which accept everything (C-04)."""
    keys = (settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY)
    if any(keys) and not all(keys):
        return [
            Error(
                "Only one of the two reCAPTCHA keys is set.",
                hint="Set RECAPTCHA_PUBLIC_KEY and RECAPTCHA_PRIVATE_KEY, or neither.",
                id="twofactor.E001",
            )
        ]
    if TEST_PUBLIC_KEY in keys or TEST_PRIVATE_KEY in keys:
        return [
            Error(
                "These are Google's test keys: every answer would pass.",
                hint="Set the keys of your own site.",
                id="twofactor.E002",
            )
        ]
    return []


@register(Tags.security)
def check_keys(**options: Any) -> list[CheckMessage]:
    """Refuse a token key that is short, or that is also used for something else."""
    if len(settings.TOKEN_KEY) >= 32 and settings.TOKEN_KEY != settings.SECRET_KEY:
        return []
    return [
        Error(
            "TOKEN_KEY must have 32 characters or more and differ from SECRET_KEY.",
            hint='Make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="twofactor.E003",
        )
    ]


@register(Tags.security)
def check_factor_keys(**options: Any) -> list[CheckMessage]:
    """Refuse keys that are short, or that are also used for something else: one leak would open both."""
    others = {settings.SECRET_KEY, settings.TOKEN_KEY}
    if all(len(key) >= 32 and key not in others for key in settings.FACTOR_KEYS):
        return []
    return [
        Error(
            "FACTOR_KEYS must have 32 characters or more each and differ from SECRET_KEY and TOKEN_KEY.",
            hint='Make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="twofactor.E005",
        )
    ]


@register(Tags.security)
def check_regions(**options: Any) -> list[CheckMessage]:
    """Refuse countries whose numbers cannot be parsed: their people could never enrol."""
    unknown = [region for region in settings.ALLOWED_REGIONS if region not in phonenumbers.SUPPORTED_REGIONS]
    if not unknown:
        return []
    return [
        Error(
            f"ALLOWED_REGIONS names unknown countries, or countries without telephones: {', '.join(unknown)}.",
            hint="Write ISO codes such as BR,PT.",
            id="twofactor.E004",
        )
    ]


@register(Tags.security)
def check_segments(**options: Any) -> list[CheckMessage]:
    """Warn of a host so long that a token takes two SMS, which cost twice and may arrive apart (T-11)."""
    longest = max(length for language, _name in settings.LANGUAGES for length in _lengths(language))
    if longest <= SEGMENT:
        return []
    return [
        Warning(
            f"The host of PUBLIC_URL makes an SMS {longest - SEGMENT} characters longer than one segment of {SEGMENT}.",
            hint="Each token is paid for as two SMS. A shorter host costs half.",
            id="twofactor.W001",
        )
    ]


def _lengths(language: str) -> list[int]:
    with override(language):
        return [len(sms_text("000000", purpose)) for purpose in Purpose.values]
