"""One door to both captchas: reCAPTCHA where its keys are set, else the self-hosted ALTCHA.

Where the operator allows it (``CAPTCHA_FALLBACK``), ALTCHA is the second door while Google does not answer: for two
minutes, as one row of the database tells every process, and then Google is asked again (C-05, F37).
"""

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

from accounts import audit, budgets, origin
from messaging.deadline import DeadlinePassed, within
from twofactor import exceptions as refusals

logger = logging.getLogger(__name__)

VERIFIER_CAP_SECONDS = 4.5  # all of the verifier's answer; the page may wait 5 s (C-05)
LONGEST = 8192
# What comes of asking a verifier that is away, or that answers something else.
SILENT = (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError, DeadlinePassed)


class AltchaWidget(forms.Widget):
    """The self-hosted "I'm not a robot", with a challenge made for each rendering."""

    template_name = "twofactor/captcha_altcha.html"
    posted_as = "altcha"

    def __init__(self, *, is_explained: bool = False) -> None:
        super().__init__()
        self.is_explained = is_explained  # whether the page says already why it is this one

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """Read the field that the box posts, whatever the form calls it."""
        return data.get(self.posted_as)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add a fresh challenge and the box's words."""
        context = super().get_context(self.posted_as, None, attrs)
        context["widget"]["challenge_json"] = json.dumps(new_altcha())
        context["widget"]["strings"] = json.dumps(altcha_words())
        context["second_door"] = settings.RECAPTCHA_ENABLED and not self.is_explained
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

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add whether there is another way when the box cannot load."""
        return {**super().get_context(name, value, attrs), "second_door": settings.CAPTCHA_FALLBACK}


def field() -> forms.CharField:
    """Return the form field of the captcha in force. Its value is worth nothing until ``check`` has passed it."""
    asks_google = settings.RECAPTCHA_ENABLED and not (settings.CAPTCHA_FALLBACK and _is_out())
    widget = RecaptchaWidget() if asks_google else AltchaWidget()
    return forms.CharField(required=False, widget=widget, label="")


def was_posted(data: Mapping[str, Any]) -> bool:
    """Tell whether a request brings a captcha at all, be it an empty one."""
    first = "g-recaptcha-response" if settings.RECAPTCHA_ENABLED else "altcha"
    return first in data or (settings.CAPTCHA_FALLBACK and "altcha" in data)


def check(value: str, shown: forms.Field) -> str:
    """Return the name of a captcha that was solved in the field that was ``shown``.

    What it pays for spends it, in that transaction (C-02). Raises CaptchaMissing, CaptchaRefused, CaptchaUnavailable
    or CaptchaReplaced (C-01, C-05).
    """
    asks_google = isinstance(shown.widget, RecaptchaWidget)
    if not value:
        if asks_google:
            _probe()
        raise refusals.CaptchaMissing
    if len(value) > LONGEST:
        raise refusals.CaptchaRefused
    solved = _check_recaptcha(value) if asks_google else _check_altcha(value)
    if settings.RECAPTCHA_ENABLED and not asks_google:
        audit.record("captcha.fallback")
    return sha256(solved.encode()).hexdigest()


# The second door --------------------------------------------------------------------------------


def _outage() -> budgets.Window:
    return budgets.Window("captcha outage", settings.CAPTCHA_FALLBACK_SECONDS, 0, "outage")


def _is_out() -> bool:
    """Tell whether the verifier was found silent a short time ago, by whichever process."""
    return budgets.is_running(_outage())


def _silence() -> refusals.CaptchaUnavailable:
    """Open the second door, where there is one; return the refusal for whoever stands at the first."""
    if not settings.CAPTCHA_FALLBACK:
        return refusals.CaptchaUnavailable()
    (outage,) = budgets.spend([_outage()])
    if outage.used == 1:
        audit.record("captcha.outage", seconds=settings.CAPTCHA_FALLBACK_SECONDS)
    return refusals.CaptchaReplaced()


def _probe() -> None:
    """Find out, for somebody whose browser cannot load Google's box, whether Google is there; not often.

    Raises CaptchaReplaced when it is not.
    """
    if not settings.CAPTCHA_FALLBACK:
        return
    (probe,) = budgets.spend([budgets.Window("captcha probe", settings.CAPTCHA_PROBE_SECONDS, 1, "probe")])
    if not probe.is_overdrawn:
        _answer_of_google("probe")


def note_refusal(refusal: refusals.CaptchaRefused) -> None:
    """Write down that somebody did not get past the captcha (J-01)."""
    if not isinstance(refusal, refusals.CaptchaMissing):
        audit.record("captcha.refused", reason=type(refusal).__name__)


def _check_recaptcha(value: str) -> str:
    """Ask Google; look at the host name as well, which the library does not (C-03)."""
    answer = _answer_of_google(value)
    if answer.is_valid is not True or answer.extra_data.get("hostname") != settings.PUBLIC_HOST:
        raise refusals.CaptchaRefused
    return value


def _answer_of_google(value: str) -> client.RecaptchaResponse:
    """Return what Google says, in bounded time. Raises CaptchaUnavailable or CaptchaReplaced when it is no answer."""
    ip = origin.current.get().ip
    try:
        return within(VERIFIER_CAP_SECONDS, lambda: _ask_google(value, ip))
    except SILENT:
        logger.warning("reCAPTCHA verifier did not answer", exc_info=True)
        raise _silence() from None


def greet() -> list[str]:
    """Ask the verifier about nothing, for ``doctor``; return what it has against it. Raises CaptchaUnavailable."""
    try:
        answer = within(VERIFIER_CAP_SECONDS, lambda: _ask_google("doctor", None))
    except SILENT:
        raise refusals.CaptchaUnavailable from None
    return list(answer.error_codes)


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
