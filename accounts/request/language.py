"""Which language a person reads: their own choice, else the browser's."""

from django.conf import settings
from django.http import HttpResponseBase
from django.utils import translation

from accounts.models import User


def remember(response: HttpResponseBase, code: str) -> None:
    """Keep the chosen language in the cookie that LocaleMiddleware reads; none: back to the browser's."""
    if not code:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )


def of(user: User) -> translation.override:
    """Speak a person's language, inside a ``with``."""
    return translation.override(user.language or translation.get_language())
