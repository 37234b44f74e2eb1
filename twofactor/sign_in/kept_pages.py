"""The three pages of a sign-in by SMS or e-mail, rendered once for all people who see the same."""

from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.exceptions import Limited
from twofactor.captcha import AltchaWidget
from twofactor.factors.passkeys.forms import AloneForm
from twofactor.forms import TokenForm
from twofactor.kept_pages import MARK, KeptPage, MarkedWidget, Shape
from twofactor.pages import answer
from twofactor.sign_in.forms import ChannelForm, SignInForm

LOW_SECONDS = 30  # below this the countdown looks different


def beside_passkeys(context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the sign-in page with the passkey beside the password."""
    form = context["form"]
    form.fields["username"].widget.attrs["autocomplete"] = "username webauthn"
    return {**context, "alone": AloneForm(initial={"next": form["next"].value()})}


def _sign_in_forms(shape: Shape) -> dict[str, Any]:
    forms = {"form": SignInForm(initial={"next": ""})}
    return beside_passkeys(forms) if shape["passkeys"] else forms


class MarkedAltcha(AltchaWidget):
    """The self-hosted captcha with a mark in the place of its challenge, the only part that differs between people.

    The whole box for each person took 650 calls more (of Python and C, python -m benchmarks.counts).
    """

    def new_challenge(self) -> str:
        """Return the mark."""
        return MARK.format("captcha_challenge")


def _channel_form(shape: Shape) -> dict[str, Any]:
    form = ChannelForm(unlocked=shape["unlocked"])
    if "is_explained" in shape:
        form.fields["captcha"].widget = MarkedAltcha(is_explained=shape["is_explained"])
    elif not shape["unlocked"]:
        form.fields["captcha"].widget = MarkedWidget("captcha", shape["captcha_kind"]())
    return {"form": form}


def _token_form(shape: Shape) -> dict[str, Any]:
    return {"form": TokenForm(), "challenge": SimpleNamespace(channel=shape["channel"])}


SIGN_IN_PAGE = KeptPage("twofactor/sign_in.html", (), _sign_in_forms)
CHANNEL_PAGE = KeptPage("twofactor/channel.html", ("masked_phone", "masked_email"), _channel_form)
TOKEN_PAGE = KeptPage("twofactor/token.html", ("masked_destination", "seconds_left", "resend_in"), _token_form)


def channel_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Return the choice of a channel, with the captcha of this request."""
    if context["unlocked"]:
        return CHANNEL_PAGE.answer(request, context)
    widget = context["form"].fields["captcha"].widget
    if isinstance(widget, AltchaWidget):
        decided_by = settings.RECAPTCHA_ENABLED, settings.PENDING_SIGN_IN_SECONDS
        shape = {"is_explained": widget.is_explained, "captcha_settings": decided_by}
        return CHANNEL_PAGE.answer(request, context, shape=shape, own={"captcha_challenge": widget.new_challenge()})
    own = {"captcha": context["form"]["captcha"]}
    return CHANNEL_PAGE.answer(request, context, shape={"captcha_kind": type(widget)}, own=own)


def token_page(request: HttpRequest, context: dict[str, Any], refusal: Limited | None) -> HttpResponse:
    """Return the page that takes the token; rendered as usual if a limit was reached or the time is nearly up."""
    if refusal or context["seconds_left"] <= LOW_SECONDS:
        return answer(request, TOKEN_PAGE.template, context, refusal)
    return TOKEN_PAGE.answer(request, context, shape={"channel": context["challenge"].channel})
