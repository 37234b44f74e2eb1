"""The language of a person: their own choice, else the browser's."""

from django.conf import settings
from django.http import HttpResponseBase
from django.utils import translation

from accounts.models import User


def remember(response: HttpResponseBase, code: str) -> None:
    """Store the chosen language in the cookie that LocaleMiddleware reads; an empty one means the browser's."""
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
    """Use a person's language, inside a ``with``."""
    return translation.override(user.language or translation.get_language())
