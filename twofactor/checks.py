"""System checks: what would make the second factor a decoration."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django_recaptcha.constants import TEST_PRIVATE_KEY, TEST_PUBLIC_KEY


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
    """Refuse a token key that is short or no key of its own."""
    if len(settings.TOKEN_KEY) >= 32 and settings.TOKEN_KEY != settings.SECRET_KEY:
        return []
    return [
        Error(
            "TOKEN_KEY must have 32 characters or more and differ from SECRET_KEY.",
            hint='Make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="twofactor.E003",
        )
    ]
