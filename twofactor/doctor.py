"""What the second factor depends on, for ``manage.py doctor``."""

from collections.abc import Iterator

from django.conf import settings

from messaging.delivery.doctor import Finding, broken, examines, ok, warning
from twofactor import captcha, tokens
from twofactor.exceptions import CaptchaUnavailable


@examines
def check_keys() -> Iterator[Finding]:
    """Name the key that tokens are derived under, and one that should be gone."""
    yield ok(f"Token key: {tokens.key_id(settings.TOKEN_KEY)}; it has to be the same on web and workers.")
    if settings.TOKEN_KEY_PREVIOUS:
        yield warning("Token key: TOKEN_KEY_PREVIOUS is still set; take it away five minutes after a rotation.")


@examines
def check_captcha() -> Iterator[Finding]:
    """Ask reCAPTCHA's verifier, where it is the captcha in force, whether it is there and knows our key (C-05)."""
    if not settings.RECAPTCHA_ENABLED:
        yield ok("Captcha: self-hosted; there is nobody to ask.")
        return
    verifier = f"Captcha: reCAPTCHA's verifier at {settings.RECAPTCHA_DOMAIN}"
    try:
        against = captcha.greet()
    except CaptchaUnavailable:
        if settings.CAPTCHA_FALLBACK:
            yield warning(f"{verifier} does not answer; people get the self-hosted captcha meanwhile.")
        else:
            yield broken(f"{verifier} does not answer; nobody gets a token.")
        return
    if "invalid-input-secret" in against:
        yield broken(f"{verifier} does not know RECAPTCHA_PRIVATE_KEY; nobody gets a token.")
    else:
        yield ok(f"{verifier} answers and knows our key.")
