"""What the second factor depends on, for ``manage.py doctor``."""

from collections.abc import Iterator

from django.conf import settings

from messaging.delivery.doctor import Finding, examines, ok, warning
from twofactor import tokens


@examines
def check_keys() -> Iterator[Finding]:
    """Name the key that tokens are derived under, and one that should be gone."""
    yield ok(f"Token key: {tokens.key_id(settings.TOKEN_KEY)}; it has to be the same on web and workers.")
    if settings.TOKEN_KEY_PREVIOUS:
        yield warning("Token key: TOKEN_KEY_PREVIOUS is still set; take it away five minutes after a rotation.")
