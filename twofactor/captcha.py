"""The captcha: reCAPTCHA if its keys are set, else the self-hosted ALTCHA.

If the operator allows it (``CAPTCHA_FALLBACK``), ALTCHA is used while Google does not answer: for two minutes, as one
row of the database tells every process; then Google is asked again (C-05, F37).
"""

import json
import logging
import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
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

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.audit.thinning import record_thinned
from accounts.request import context as request_context
from messaging.deadline import DeadlinePassed, TooManyCalls, within
from twofactor import exceptions as refusals

logger = logging.getLogger(__name__)

VERIFIER_CAP_SECONDS = 4.5  # for the verifier's whole answer; the page may wait 5 s (C-05)
MAX_LENGTH = 8192
DOUBLINGS = 3  # of the work, after which a captcha that was begun before is still good
USED_SECONDS = 3600  # for which a used captcha is remembered: longer than any is valid
ALTCHA_ALGORITHM = "PBKDF2/SHA-256"  # the widget's worker for it is the one that static/vendor has
# No footer and no logo, which link to another site. No record of mouse movements, and no artificial wait.
ALTCHA_CONFIGURATION = {
    "type": "native",
    "workers": 2,
    "hideFooter": True,
    "hideLogo": True,
    "humanInteractionSignature": False,
    "minDuration": 0,
}
# The errors of asking a verifier that is down, or that answers something else.
SILENT = (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError, DeadlinePassed, TooManyCalls)


class AltchaWidget(forms.Widget):
    """The self-hosted "I'm not a robot": ALTCHA's own widget, with a new challenge for each rendering."""

    template_name = "twofactor/captcha_altcha.html"
    posted_as = "altcha"

    class Media:
        js = [forms.Script("vendor/altcha-3.2.2/altcha.min.js", type="module")]

    def __init__(self, *, is_explained: bool = False, work: int = 0) -> None:
        super().__init__()
        self.work = work or settings.ALTCHA_WORK
        self.is_explained = is_explained  # whether the page says already why this captcha is shown

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """Read the field that the box posts, whatever its name in the form is."""
        return data.get(self.posted_as)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add a fresh challenge and the box's texts."""
        lifetime = settings.PENDING_SIGN_IN_SECONDS
        words = altcha_words()
        context = super().get_context(self.posted_as, None, attrs)
        context["widget"] |= {
            "challenge": self.new_challenge(),
            "configuration": json.dumps(
                {**ALTCHA_CONFIGURATION, "timeout": lifetime * 1000, "validationMessage": words["required"]}
            ),
            "words": json.dumps(words),
            "algorithm": ALTCHA_ALGORITHM,
            "lifetime": lifetime,
        }
        context["fallback"] = settings.RECAPTCHA_ENABLED and not self.is_explained
        return context

    def new_challenge(self) -> str:
        """Return a challenge as the box reads it."""
        return json.dumps(new_altcha(self.work))


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
        """Add whether there is a fallback when the box cannot load."""
        return {**super().get_context(name, value, attrs), "fallback": settings.CAPTCHA_FALLBACK}


def field(step: int = 0) -> forms.CharField:
    """Return the form field of the captcha in force. Its value counts only after ``check``.

    The work of the self-hosted one doubles with each step above the first (B-03).
    """
    asks_google = settings.RECAPTCHA_ENABLED and not (settings.CAPTCHA_FALLBACK and _is_out())
    widget = RecaptchaWidget() if asks_google else AltchaWidget(work=work_of(step))
    return forms.CharField(required=False, widget=widget, label="")


def work_of(step: int) -> int:
    """Return the most keys that a box has to derive."""
    return min(settings.ALTCHA_WORK << max(0, step - 1), settings.ALTCHA_MAX_WORK)


def use_of(solved: str) -> rate_limits.Window:
    """Return the window that counts the uses of a captcha: one window, whatever it pays for (C-02)."""
    return rate_limits.Window(f"captcha {solved}", USED_SECONDS, 1, "captcha")


def use(solved: str) -> None:
    """Use a captcha that pays for no send, once. Raises CaptchaRefused (C-02)."""
    (use,) = rate_limits.count([use_of(solved)])
    if use.is_over_limit:
        raise refusals.CaptchaRefused


def was_posted(data: Mapping[str, Any]) -> bool:
    """Tell whether a request has a captcha field at all, even an empty one."""
    first = "g-recaptcha-response" if settings.RECAPTCHA_ENABLED else "altcha"
    return first in data or (settings.CAPTCHA_FALLBACK and "altcha" in data)


def check(value: str, shown: forms.Field) -> str:
    """Return the name of a captcha that was solved in the field that was ``shown``.

    The flow that it pays for uses it, in its own transaction (C-02). Raises CaptchaMissing, CaptchaRefused,
    CaptchaUnavailable or CaptchaReplaced (C-01, C-05).
    """
    asks_google = isinstance(shown.widget, RecaptchaWidget)
    if not value:
        if asks_google:
            _probe()
        raise refusals.CaptchaMissing
    if len(value) > MAX_LENGTH:
        raise refusals.CaptchaRefused
    if asks_google:
        solved = _check_recaptcha(value)
    else:
        work: int = getattr(shown.widget, "work", 0)
        # Less work is accepted: somebody else may have doubled it since the page was made.
        solved = _check_altcha(value, work >> DOUBLINGS if work > settings.ALTCHA_WORK else 0)
    if settings.RECAPTCHA_ENABLED and not asks_google:
        record_thinned(Action.CAPTCHA_FALLBACK)
    return sha256(solved.encode()).hexdigest()


# The fallback -----------------------------------------------------------------------------------


def _outage() -> rate_limits.Window:
    return rate_limits.Window("captcha outage", settings.CAPTCHA_FALLBACK_SECONDS, 0, "outage")


def _is_out() -> bool:
    """Tell whether any process has found the verifier silent a short time ago."""
    return rate_limits.is_running(_outage())


def _silence() -> refusals.CaptchaUnavailable:
    """Open the fallback if it is allowed; return the refusal for this request."""
    if not settings.CAPTCHA_FALLBACK:
        return refusals.CaptchaUnavailable()
    (outage,) = rate_limits.count([_outage()])
    if outage.used == 1:
        record_event(Action.CAPTCHA_OUTAGE, seconds=settings.CAPTCHA_FALLBACK_SECONDS)
    return refusals.CaptchaReplaced()


def _probe() -> None:
    """Ask, for a person whose browser cannot load Google's box, whether Google answers; not often.

    Raises CaptchaReplaced when it does not.
    """
    if not settings.CAPTCHA_FALLBACK:
        return
    (probe,) = rate_limits.count([rate_limits.Window("captcha probe", settings.CAPTCHA_PROBE_SECONDS, 1, "probe")])
    if not probe.is_over_limit:
        _answer_of_google("probe")


def note_refusal(refusal: refusals.CaptchaRefused) -> None:
    """Record that somebody did not pass the captcha (J-01)."""
    if not isinstance(refusal, refusals.CaptchaMissing):
        record_thinned(Action.CAPTCHA_REFUSED, reason=type(refusal).__name__)


def _check_recaptcha(value: str) -> str:
    """Ask Google; also check the host name, which the library does not (C-03)."""
    answer = _answer_of_google(value)
    if answer.is_valid is not True or answer.extra_data.get("hostname") != settings.PUBLIC_HOST:
        raise refusals.CaptchaRefused
    return value


def _answer_of_google(value: str) -> client.RecaptchaResponse:
    """Return Google's answer, in bounded time. Raises CaptchaUnavailable or CaptchaReplaced when there is none."""
    ip = request_context.current.get().ip
    try:
        return within(VERIFIER_CAP_SECONDS, lambda: _ask_google(value, ip))
    except SILENT:
        logger.warning("reCAPTCHA verifier did not answer", exc_info=True)
        raise _silence() from None


def check_credentials() -> list[str]:
    """Ask the verifier without a captcha, for ``doctor``; return its error codes. Raises CaptchaUnavailable."""
    try:
        answer = within(VERIFIER_CAP_SECONDS, lambda: _ask_google("doctor", None))
    except SILENT:
        raise refusals.CaptchaUnavailable from None
    return list(answer.error_codes)


def _ask_google(value: str, ip: str | None) -> client.RecaptchaResponse:
    return client.submit(value, settings.RECAPTCHA_PRIVATE_KEY, ip or "")


def new_altcha(work: int = 0) -> dict[str, Any]:
    """Return a challenge for the box, valid as long as a pending sign-in.

    The box tries 0, 1, 2 and so on; the number to find is in the upper half of ``work``, so that the wait varies
    little. ``data`` is signed with the rest, so an easy challenge does not pay for a hard one. It has the expiry,
    because the widget compares ALTCHA's own field for it with the browser's clock, which may be wrong.
    """
    work = work or settings.ALTCHA_WORK
    expires = int(time.time()) + settings.PENDING_SIGN_IN_SECONDS  # noqa: TID251 (what is signed carries its own time)
    return altcha.create_challenge(
        ALTCHA_ALGORITHM,
        settings.ALTCHA_COST,
        counter=work - 1 - secrets.randbelow(work // 2),
        data={"work": work, "expires": expires},
        hmac_secret=_altcha_key("altcha", settings.SECRET_KEY),
        hmac_key_secret=_altcha_key("altcha solution", settings.SECRET_KEY),
    ).to_dict()


def _check_altcha(value: str, least_work: int) -> str:
    """Return what is unique in a solved challenge: its signature, because its encoding can be varied."""
    try:
        solution = altcha.Payload.from_base64(value)
        verified = any(_solves(solution, secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise refusals.CaptchaRefused from None
    if not verified:
        raise refusals.CaptchaRefused
    signed: dict[str, int] = solution.challenge.parameters.data or {}
    if signed["work"] < least_work or signed["expires"] < time.time():  # noqa: TID251 (as above)
        raise refusals.CaptchaRefused
    return str(solution.challenge.signature)


def _solves(solution: altcha.Payload, secret: str) -> bool:
    key, proof_key = _altcha_key("altcha", secret), _altcha_key("altcha solution", secret)
    return bool(altcha.verify_solution(solution, key, hmac_key_secret=proof_key).verified)


@lru_cache(maxsize=16)  # derived four times in a sign-in, with 112 calls (of Python and C)
def _altcha_key(purpose: str, secret: str) -> str:
    return salted_hmac("twofactor.captcha", purpose, secret=secret, algorithm="sha256").hexdigest()


def altcha_words() -> dict[str, str]:
    """Return the box's texts in the person's language."""
    return {
        "label": _("I'm not a robot"),
        "verifying": _("Verifying…"),
        "waitAlert": _("Verifying…"),
        "required": _("Tick “I'm not a robot” to go on."),
        "verified": _("Verified"),
        "error": _("The verification failed. Try again in a moment."),
        "expired": _("The verification is too old. Try again."),
    }
