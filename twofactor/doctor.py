"""The second factor's examinations for ``manage.py doctor``."""

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count

from messaging.delivery.doctor import Finding, broken, ok, warning
from twofactor import captcha, sealing
from twofactor.exceptions import CaptchaUnavailable
from twofactor.models import AppDevice, Passkey
from twofactor.tokens import derive


def check_keys() -> Iterator[Finding]:
    """Name the key that tokens are derived under, and one that should be removed."""
    yield ok(f"Token key: {derive.key_id(settings.TOKEN_KEY)}; it has to be the same on web and workers.")
    if settings.TOKEN_KEY_PREVIOUS:
        yield warning("Token key: TOKEN_KEY_PREVIOUS is still set; remove it ten minutes after a rotation.")


def check_captcha() -> Iterator[Finding]:
    """Ask reCAPTCHA's verifier, if it is in force, whether it answers and accepts our key (C-05)."""
    if not settings.RECAPTCHA_ENABLED:
        yield ok("Captcha: self-hosted; it needs no verifier.")
        return
    verifier = f"Captcha: reCAPTCHA's verifier at {settings.RECAPTCHA_DOMAIN}"
    try:
        against = captcha.check_credentials()
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


def check_sealed() -> Iterator[Finding]:
    """Report under which keys the secrets of apps are sealed, and which secrets no key opens."""
    known = sealing.key_ids()
    counts = dict(AppDevice.objects.values_list("key_id").annotate(count=Count("pk")).order_by())
    old = sum(count for key_id, count in counts.items() if key_id in known[1:])
    lost = sum(count for key_id, count in counts.items() if key_id not in known)
    yield ok(f"Factor keys: {known[0]} seals; {counts.get(known[0], 0)} apps are under it.")
    if old:
        yield warning(f"Factor keys: {old} apps are under an old key; run manage.py reseal_secrets.")
    if lost:
        yield broken(f"Factor keys: no key opens {lost} apps; put the old key back, behind the newest.")


def check_passkeys() -> Iterator[Finding]:
    """Report for which host passkeys were made: those of another host work only if PUBLIC_URL has that host again."""
    here = settings.PUBLIC_HOST
    known: dict[str, int] = dict(Passkey.objects.values_list("rp_id").annotate(count=Count("pk")).order_by())
    yield ok(f"Passkeys: {known.get(here, 0)} for {here}; with another host in PUBLIC_URL they stop working.")
    for host, count in known.items():
        if host != here:
            yield warning(f"Passkeys: {count} were made for {host} and do not work at {here}; people add new ones.")


EXAMINATIONS = (check_keys, check_sealed, check_passkeys, check_captcha)
