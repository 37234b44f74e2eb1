"""Every component of the pages in every state, rendered by the portal's own templates and style sheet."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Accent
from twofactor import error_messages
from twofactor import exceptions as refusals
from twofactor.captcha import altcha_words
from twofactor.forms import TokenForm
from twofactor.phone.forms import PhoneForm
from twofactor.sign_in.forms import SignInForm

# The sections of docs/design.md, in their order.
COLOURS = [
    *("bg", "surface", "surface-2", "line", "line-strong", "ink", "ink-2"),
    *("primary", "primary-2", "primary-soft", "on-primary", "ok", "ok-soft", "warn", "warn-soft"),
    *("danger", "danger-2", "danger-soft", "brand-1", "brand-2", "brand-3", "accent"),
]
SPACES = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"]
TEXTS = ["text-2xl", "text-xl", "text-l", "text-m", "text-s"]


@login_not_required
@require_safe
def components(request: HttpRequest) -> HttpResponse:
    """Show the components (docs/design.md) in the embedded default; 404 wherever something can really be sent."""
    if not settings.OUTBOX_ENABLED:
        raise Http404
    return render(request, "components.html", _context())


def _context() -> dict[str, Any]:
    return {
        "colours": COLOURS,
        "spaces": SPACES,
        "texts": TEXTS,
        "accents": Accent.choices,
        "sign_in": SignInForm(),
        "sign_in_empty": SignInForm({}, auto_id="empty_%s"),
        "phone": PhoneForm(regions=["BR"], initial={"country": "BR"}),
        "phone_refused": PhoneForm({"country": "BR", "number": "11 8765-4321"}, regions=["BR"], auto_id="refused_%s"),
        "token": TokenForm(),
        "token_refused": _refused_token(),
        "lifetime": settings.TOKEN_LIFETIME_SECONDS,
        "steps": {"current": 2, "of": range(1, 4)},
        "countdowns": [
            {"left": 174, "delivery_status": error_messages.DeliveryStatus("going", _("On its way."))},
            {"left": 24, "delivery_status": error_messages.DeliveryStatus("arrived", _("Delivered to the phone."))},
            {
                "left": 0,
                "delivery_status": error_messages.DeliveryStatus(
                    "failed", _("We could not send it. Try again or use the other way.")
                ),
            },
        ],
        "captcha": _captcha_states(),
        "levels": ["info", "success", "warning", "error"],
        "pages": {"before": 1, "after": 2},
        "people": [("Alice", "alice@example.com", True), ("Bob", "bob@example.com", False)],
    }


def _refused_token() -> TokenForm:
    form = TokenForm(QueryDict("token=000000"), auto_id="refused_%s")
    form.is_valid()
    form.add_error("token", error_messages.of(refusals.TokenWrong(2)))
    return form


def _captcha_states() -> list[tuple[str, str, str]]:
    """Return each state of the captcha with its label and the text below it."""
    words = altcha_words()
    labels = [("unverified", "label"), ("verifying", "verifying"), ("verified", "verified")]
    shown = [(state, words[label], "") for state, label in labels]
    return [*shown, *((state, words["label"], words[state]) for state in ("error", "expired"))]
