"""One door to both captchas: reCAPTCHA where its keys are set, else the self-hosted ALTCHA."""

import base64
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.client import HTTPException
from typing import Any

import altcha
from django import forms
from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django_recaptcha import client
from django_recaptcha.widgets import ReCaptchaV2Checkbox

from accounts import audit, origin
from messaging.deadline import DeadlinePassed, within
from twofactor import exceptions as refusals
from twofactor.models import UsedCaptcha

logger = logging.getLogger(__name__)

VERIFIER_CAP_SECONDS = 4.5  # all of the verifier's answer; the page may wait 5 s (C-05)
LONGEST = 8192


class AltchaWidget(forms.Widget):
    """The self-hosted "I'm not a robot", with a challenge made for each rendering."""

    template_name = "twofactor/captcha_altcha.html"
    posted_as = "altcha"

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """Read the field that the box posts, whatever the form calls it."""
        return data.get(self.posted_as)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add a fresh challenge and the box's words."""
        context = super().get_context(self.posted_as, None, attrs)
        context["widget"]["challenge_json"] = json.dumps(new_altcha())
        context["widget"]["strings"] = json.dumps(altcha_words())
        context["widget"]["lifetime"] = settings.PENDING_SIGN_IN_SECONDS
        return context


class RecaptchaWidget(ReCaptchaV2Checkbox):
    """Google's checkbox without inline script, in the person's language."""

    template_name = "twofactor/captcha_recaptcha.html"
    posted_as = "g-recaptcha-response"

    def __init__(self) -> None:
        attrs = {
            "data-sitekey": settings.RECAPTCHA_PUBLIC_KEY,
            "data-callback": "captchaDone",
            "data-expired-callback": "captchaExpired",
        }
        super().__init__(api_params={"hl": get_language() or "pt-BR"}, attrs=attrs)


def field() -> forms.CharField:
    """Return the form field of the captcha in force. Its value is worth nothing until ``check`` has passed it."""
    widget = RecaptchaWidget() if settings.RECAPTCHA_ENABLED else AltchaWidget()
    return forms.CharField(required=False, widget=widget, label="")


def was_posted(data: Mapping[str, Any]) -> bool:
    """Tell whether a request brings a captcha at all, be it an empty one."""
    return ("g-recaptcha-response" if settings.RECAPTCHA_ENABLED else "altcha") in data


def check(value: str) -> None:
    """Let a captcha pass once. Raises CaptchaMissing, CaptchaRefused or CaptchaUnavailable (C-01, C-02, C-05)."""
    if not value:
        raise refusals.CaptchaMissing
    try:
        if len(value) > LONGEST:
            raise refusals.CaptchaRefused
        spent = _check_recaptcha(value) if settings.RECAPTCHA_ENABLED else _check_altcha(value)
        _use_up(spent)
    except refusals.CaptchaRefused as refusal:
        audit.record("captcha.refused", reason=type(refusal).__name__)
        raise


def _use_up(spent: str) -> None:
    """Note that a captcha was used; only one request can (C-02)."""
    if not UsedCaptcha.objects.use_up(sha256(spent.encode()).hexdigest()):
        raise refusals.CaptchaRefused


def _check_recaptcha(value: str) -> str:
    """Ask Google, in bounded time; look at the host name as well, which the library does not (C-03)."""
    try:
        answer = within(VERIFIER_CAP_SECONDS, lambda: _ask_google(value, origin.current.get().ip))
    except (
        OSError,
        HTTPException,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        DeadlinePassed,
    ):
        logger.warning("reCAPTCHA verifier did not answer", exc_info=True)
        raise refusals.CaptchaUnavailable from None
    if answer.is_valid is not True or answer.extra_data.get("hostname") != settings.PUBLIC_HOST:
        raise refusals.CaptchaRefused
    return value


def _ask_google(value: str, ip: str | None) -> client.RecaptchaResponse:
    return client.submit(value, settings.RECAPTCHA_PRIVATE_KEY, ip or "")


def new_altcha() -> dict[str, Any]:
    """Return a challenge for the box: about a second of work for a telephone, good as long as a pending sign-in."""
    expires = datetime.now(UTC) + timedelta(seconds=settings.PENDING_SIGN_IN_SECONDS)
    options = altcha.ChallengeOptions(hmac_key=_altcha_key(), max_number=settings.ALTCHA_MAX_NUMBER, expires=expires)
    return altcha.create_challenge(options).to_dict()


def _check_altcha(value: str) -> str:
    """Return what makes a solved challenge unique: its signature, for its wrapping can be written in many ways."""
    try:
        solved, _error = altcha.verify_solution(value, _altcha_key())
        signature = json.loads(base64.b64decode(value))["signature"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise refusals.CaptchaRefused from None
    if not solved:
        raise refusals.CaptchaRefused
    return str(signature)


def _altcha_key() -> str:
    return salted_hmac("twofactor.captcha", "altcha", algorithm="sha256").hexdigest()


def altcha_words() -> dict[str, str]:
    """Return the box's words in the person's language."""
    return {
        "label": _("I'm not a robot"),
        "verifying": _("Verifying…"),
        "verified": _("Verified"),
        "error": _("The verification failed. Try again in a moment."),
        "expired": _("The verification is too old. Try again."),
    }
