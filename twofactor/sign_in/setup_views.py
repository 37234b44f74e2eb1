"""Enrolling a first device at a sign-in where the phone does not count (K-06)."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.factors import FactorKind
from twofactor import error_messages, session_state
from twofactor.exceptions import FactorNotAllowed, JourneyOver, PasskeysEnough
from twofactor.factors.app import flows as apps
from twofactor.factors.app import totp
from twofactor.factors.app.forms import AppForm
from twofactor.factors.app.models import AppEnrolment
from twofactor.factors.app.views import qr_code
from twofactor.factors.passkeys import flows as passkeys
from twofactor.factors.passkeys.forms import NewPasskeyForm
from twofactor.models import PasskeyRegistration, PendingSignIn
from twofactor.pages import answer, page, posted
from twofactor.sign_in.context import steps
from twofactor.sign_in.decorators import pending_sign_in_at
from twofactor.sign_in.entering import enter
from twofactor.sign_in.new_device import NewDevice
from twofactor.steps import Step
from twofactor.tokens import lockout

BEGIN: dict[str, tuple[Callable[..., None], str]] = {
    FactorKind.APP: (apps.start_enrolment, "setup-app"),
    FactorKind.PASSKEY: (passkeys.begin_registration, "setup-passkey"),
}


def may_set_up(pending: PendingSignIn) -> bool:
    """Tell whether a sign-in waits for its first device that counts, with every earlier step done."""
    return pending.sends_from == Step.SETUP


@pending_sign_in_at(may_set_up)
@page
def setup(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Ask for the kind of device, an app or a passkey, as far as the account lets them count."""
    user, here = pending.user, session_state.session_hash(request)
    kind = request.POST.get("kind", "")
    if kind in BEGIN:
        begin, its_page = BEGIN[kind]
        try:
            begin(user, session_hash=here)
        except (FactorNotAllowed, PasskeysEnough) as refusal:
            messages.error(request, error_messages.of(refusal))
            return redirect("setup")
        return redirect(its_page)
    context = {
        "account": user.account,
        "steps": steps(pending, "setup"),
        "app_counts": user.accepts(FactorKind.APP),
        "passkey_counts": user.accepts(FactorKind.PASSKEY),
        "old_factor_proved": pending.old_factor_proved,
    }
    return render(request, "twofactor/setup.html", context)


@pending_sign_in_at(may_set_up)
@page
def setup_app(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Show the secret, and sign in the person who types the app's first token."""
    user = pending.user
    enrolment = apps.enrolment_of(user, session_state.session_hash(request))
    if enrolment is None or not user.accepts(FactorKind.APP):
        return redirect("setup")
    enrolment.user = user
    form = AppForm(posted(request))
    opened: HttpResponse | None = None
    if request.method == "POST":
        opened = form.attempt(lambda: _enter_by_app(request, pending, enrolment, form), at="token")
    if opened:
        return opened
    secret = apps.secret_of(enrolment)
    shown = {"secret": totp.written(secret), "qr_code": qr_code(secret, user.email)}
    context = {"account": user.account, "form": form, "steps": steps(pending, "device"), **shown}
    return answer(request, "twofactor/setup_app.html", context)


def _enter_by_app(request: HttpRequest, pending: PendingSignIn, enrolment: AppEnrolment, form: AppForm) -> HttpResponse:
    step = apps.step_of(enrolment, form.cleaned_data["token"])
    lockout.count_attempt(pending.user)  # the pause holds here, too; a right token takes its count back
    name = form.cleaned_data["name"]
    return enter(request, pending, NewDevice(FactorKind.APP, lambda: apps.bind(enrolment, step, name=name)))


@pending_sign_in_at(may_set_up)
@page
def setup_passkey(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Let the browser make a passkey, and sign its owner in."""
    registration = session_state.passkey_registration(request, pending.user)
    if registration is None or not pending.user.accepts(FactorKind.PASSKEY):
        return redirect("setup")
    form = NewPasskeyForm(posted(request))
    opened: HttpResponse | None = None
    if request.method == "POST":
        opened = form.attempt(lambda: _enter_by_passkey(request, pending, registration, form))
    if opened:
        return opened
    try:
        options = passkeys.options(registration)
    except JourneyOver:  # it ended during this request
        return redirect("setup")
    context = {
        "account": pending.user.account,
        "form": form,
        "options": options,
        "steps": steps(pending, "device"),
        "app_counts": pending.user.accepts(FactorKind.APP),
    }
    return answer(request, "twofactor/setup_passkey.html", context)


def _enter_by_passkey(
    request: HttpRequest, pending: PendingSignIn, registration: PasskeyRegistration, form: NewPasskeyForm
) -> HttpResponse:
    made = passkeys.read(registration, form.typed)
    lockout.count_attempt(pending.user)
    name = form.cleaned_data["name"]
    return enter(request, pending, NewDevice(FactorKind.PASSKEY, lambda: passkeys.bind(registration, made, name)))
