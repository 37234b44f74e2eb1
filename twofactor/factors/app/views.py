"""The pages of the authenticator app: signing in with it, and enrolling it."""

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts.factors import FactorKind
from accounts.request.http import SignedInRequest
from twofactor import error_messages, session_state
from twofactor.exceptions import FactorNotAllowed
from twofactor.factors.app import flows, totp
from twofactor.factors.app.forms import AppForm
from twofactor.factors.app.models import AppEnrolment
from twofactor.factors.catalogue import FACTORS, open_to
from twofactor.forms import TokenForm
from twofactor.models import PendingSignIn
from twofactor.pages import answer, page, posted
from twofactor.reauthentication.decorators import reauthenticated
from twofactor.sign_in.decorators import pending_sign_in_at
from twofactor.sign_in.entering import enter
from twofactor.tokens.texts import BRAND

APP = FACTORS[FactorKind.APP]


@pending_sign_in_at(lambda pending: APP.is_open_to(pending.user))
@page
def app(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Show pop-up C for the app and take its token. Nothing is sent, so there is neither captcha nor countdown."""
    form = TokenForm(posted(request))
    opened: HttpResponse | None = form.attempt(
        lambda: enter(request, pending, APP.verify(pending, form.cleaned_data["token"])), at="token"
    )
    context = {
        "account": pending.user.account,
        "form": form,
        "other_ways": len(open_to(pending.user)) > 1,
        "old_factor": pending.needs_old_factor,
    }
    return opened or answer(request, "twofactor/app.html", context)


@page
def app_add(request: SignedInRequest) -> HttpResponseBase:
    """Make a secret after a re-authentication; show it, and take the app's first token.

    A GET also makes one where none is shown yet: programs read it there.
    """
    enrolment = flows.enrolment_of(request.user, session_state.session_hash(request))
    if "token" in request.POST:
        return _enrolment_page(request, enrolment) if enrolment else _begin_again(request)
    if enrolment and request.method != "POST":
        return _enrolment_page(request, enrolment)
    return _start(request)


@reauthenticated("app.add", back="factors", pages_too=True)
def _start(request: SignedInRequest) -> HttpResponseBase:
    try:
        flows.start_enrolment(request.user, session_hash=session_state.session_hash(request))
    except FactorNotAllowed as refusal:
        messages.error(request, error_messages.of(refusal))
        return redirect("factors")
    return redirect("app-add") if request.method == "POST" else app_add(request)


def _begin_again(request: HttpRequest) -> HttpResponse:
    messages.warning(request, _("Setting the app up took too long or was ended. Begin again."))
    return redirect("factors")


def _enrolment_page(request: SignedInRequest, enrolment: AppEnrolment) -> HttpResponse:
    """Show the secret as a QR code and to copy."""
    enrolment.user = request.user
    form = AppForm(posted(request))
    if request.method == "POST" and form.attempt(lambda: _enrol(request, enrolment, form), at="token"):
        messages.success(request, _("The app is set up. At your next sign-in it shows the token."))
        return redirect("factors")
    secret = flows.secret_of(enrolment)
    context = {"form": form, "secret": totp.written(secret), "qr_code": qr_code(secret, request.user.email)}
    return answer(request, "twofactor/app_enrol.html", context)


def _enrol(request: SignedInRequest, enrolment: AppEnrolment, form: AppForm) -> bool:
    device = flows.complete_enrolment(enrolment, form.cleaned_data["token"], name=form.cleaned_data["name"])
    session_state.go_on_with(request, device)
    return True


def qr_code(secret: bytes, login: str) -> SafeString:
    """Return the QR code as SVG inside the page: the policy forbids ``data:``, and no other request shows a secret."""
    code = segno.make(totp.uri(secret, issuer=BRAND, login=login), error="m", micro=False)
    drawn = code.svg_inline(svgclass="qr", lineclass=None, omitsize=True, dark="#000", light="#fff", border=4)
    return mark_safe(drawn)  # noqa: S308  # drawn of our own letters, not of anybody's
