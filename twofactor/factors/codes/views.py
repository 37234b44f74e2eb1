"""The pages of a person's own recovery codes."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.factors import FactorKind
from accounts.request.http import SignedInRequest
from twofactor import error_messages
from twofactor.exceptions import FactorNotAllowed, JourneyOver
from twofactor.factors.catalogue import FACTORS
from twofactor.factors.codes import flows
from twofactor.factors.codes.forms import OwnCodeForm
from twofactor.models import PendingSignIn
from twofactor.pages import answer, page, posted
from twofactor.reauthentication.decorators import reauthenticated
from twofactor.sign_in.entering import enter

CODES = FACTORS[FactorKind.RECOVERY]


def own_code(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Take one of the person's own codes in place of phone and app, and sign them in."""
    form = OwnCodeForm(posted(request))
    opened: HttpResponse | None = form.attempt(lambda: _enter(request, pending, form.cleaned_data["token"]), at="token")
    return opened or answer(request, "twofactor/own_code.html", {"account": pending.user.account, "form": form})


def _enter(request: HttpRequest, pending: PendingSignIn, typed: str) -> HttpResponse:
    response = enter(request, pending, CODES.verify(pending, typed))
    messages.warning(request, _say_left(pending.user.codes_left))
    return response


def _say_left(left: int) -> str:
    """Tell how many codes are left, and when they are few to make new ones."""
    said = ngettext(
        "You used a recovery code; your other sessions were ended. %(count)d code is left.",
        "You used a recovery code; your other sessions were ended. %(count)d codes are left.",
        left,
    ) % {"count": left}
    if left > flows.FEW:
        return said
    return said + " " + _("Make new ones in My profile, Second step.")


@page
@reauthenticated("codes.issue", back="factors")
def codes_issue(request: SignedInRequest) -> HttpResponseBase:
    """Make ten codes and show them, once. A GET only leads to the list with the button: new codes end old ones."""
    if request.method != "POST":
        return redirect("factors")
    try:
        codes = flows.issue(request.user)
    except (FactorNotAllowed, JourneyOver) as refusal:
        messages.error(request, error_messages.of(refusal))
        return redirect("factors")
    return render(request, "twofactor/codes.html", {"codes": codes})


@require_POST
@reauthenticated("codes.remove", back="factors")
def codes_remove(request: SignedInRequest) -> HttpResponseBase:
    """Delete the person's codes."""
    flows.remove(request.user)
    messages.success(request, _("It was removed from your login."))
    return redirect("factors")
