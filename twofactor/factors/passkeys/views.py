"""The pages of passkeys: signing in with one, and adding one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.request.http import SignedInRequest
from twofactor import error_messages, session_state
from twofactor.exceptions import FactorNotAllowed, JourneyOver, PasskeysEnough
from twofactor.factors.catalogue import PASSKEY, open_to
from twofactor.factors.passkeys import flows
from twofactor.factors.passkeys.forms import NewPasskeyForm, PasskeyForm, answered, is_json
from twofactor.models import PasskeyRegistration, PendingSignIn
from twofactor.pages import answer, page, posted
from twofactor.reauthentication.decorators import reauthenticated
from twofactor.sign_in.decorators import pending_sign_in_at
from twofactor.sign_in.entering import enter


@pending_sign_in_at(lambda pending: PASSKEY.is_open_to(pending.user))
@page
def passkey(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Ask the browser for a signature, and sign the person in by it. Nothing is sent, so there is no captcha."""
    form = PasskeyForm(answered(request))
    opened: HttpResponse | None = form.attempt(lambda: enter(request, pending, PASSKEY.verify(pending, form.typed)))
    return opened or _sign_in_page(request, pending, form)


def _sign_in_page(request: HttpRequest, pending: PendingSignIn, form: PasskeyForm) -> HttpResponse:
    try:
        options = PASSKEY.options(pending)
    except JourneyOver:  # it ended during this request
        return redirect("sign-in")
    context = {
        "account": pending.user.account,
        "form": form,
        "options": options,
        "other_ways": len(open_to(pending.user)) > 1,
        "old_factor": pending.needs_old_factor,
    }
    return answer(request, "twofactor/sign_in_passkey.html", context)


@pending_sign_in_at(lambda pending: PASSKEY.is_open_to(pending.user))
@require_POST
def sign_in_options(_request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Return the options for the browser as JSON, for programs; the page has the same ones."""
    try:
        return _as_json(PASSKEY.options(pending))
    except JourneyOver:  # it ended during this request
        return redirect("sign-in")


def _as_json(options: str) -> HttpResponse:
    return HttpResponse(options, content_type="application/json")


@require_POST
def passkey_start(request: SignedInRequest) -> HttpResponseBase:
    """Begin by the button of the list; or take the browser's answer, as JSON, from a program that asked for options."""
    return _add_by_program(request) if is_json(request) else _start(request)


def _add_by_program(request: SignedInRequest) -> HttpResponse:
    registration = session_state.passkey_registration(request)
    if registration is None:
        return JsonResponse({"detail": "reauthentication_required"}, status=403)
    form = NewPasskeyForm(answered(request))
    if form.attempt(lambda: _register(request, registration, form)):
        return JsonResponse({"detail": "added"}, status=201)
    if form.limited:
        raise form.limited
    return JsonResponse({"detail": [str(word) for words in form.errors.values() for word in words]}, status=400)


@require_POST
@reauthenticated("passkey.add", back="factors")
def passkey_options(request: SignedInRequest) -> HttpResponse:
    """Open a registration and return the options for the browser as JSON, for programs."""
    try:
        flows.begin_registration(request.user, session_hash=session_state.session_hash(request))
        registration = session_state.passkey_registration(request)
        return _as_json(flows.options(registration)) if registration else _begin_again(request)
    except (FactorNotAllowed, PasskeysEnough, JourneyOver) as refusal:
        return JsonResponse({"detail": str(error_messages.of(refusal))}, status=403)


@reauthenticated("passkey.add", back="factors")
def _start(request: SignedInRequest) -> HttpResponse:
    """Open the registration of a passkey, after a re-authentication."""
    try:
        flows.begin_registration(request.user, session_hash=session_state.session_hash(request))
    except (FactorNotAllowed, PasskeysEnough) as refusal:
        messages.error(request, error_messages.of(refusal))
        return redirect("factors")
    return redirect("passkey-new")


@page
def passkey_new(request: SignedInRequest) -> HttpResponse:
    """Let the browser make a passkey, and store it."""
    registration = session_state.passkey_registration(request)
    if registration is None:
        return _begin_again(request)
    form = NewPasskeyForm(posted(request))
    if request.method == "POST" and form.attempt(lambda: _register(request, registration, form)):
        messages.success(request, _("The passkey was added. Your next sign-in begins with it."))
        return redirect("factors")
    try:
        context = {"form": form, "options": flows.options(registration)}
    except JourneyOver:  # it ended during this request
        return _begin_again(request)
    return answer(request, "twofactor/passkey_new.html", context)


def _begin_again(request: HttpRequest) -> HttpResponse:
    messages.warning(request, _("Adding the passkey took too long or was ended. Begin again."))
    return redirect("factors")


def _register(request: SignedInRequest, registration: PasskeyRegistration, form: NewPasskeyForm) -> bool:
    session_state.go_on_with(request, flows.register(registration, form.typed, form.cleaned_data["name"]))
    return True
