"""Signing in by passkey alone: the options that the sign-in page's script asks for, and the answer that it sends."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, resolve_url
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from twofactor.factors.passkeys import alone as flows
from twofactor.factors.passkeys.forms import AloneForm
from twofactor.sign_in.addresses import safe_target
from twofactor.sign_in.entering import enter_alone


def _browser(request: HttpRequest) -> str:
    """Return what only this browser has: the secret of its CSRF cookie, which every page with a form sets."""
    get_token(request)
    return str(request.META["CSRF_COOKIE"])


@login_not_required
@require_safe
def alone_options(request: HttpRequest) -> HttpResponse:
    """Issue a challenge for this browser. It is not stored, so anybody may ask for one."""
    return HttpResponse(flows.options(_browser(request)), content_type="application/json")


@login_not_required
@require_POST
def alone(request: HttpRequest) -> HttpResponse:
    """Sign a person in by a passkey, or redirect to the sign-in page, where they can use the password."""
    form = AloneForm(request.POST)
    form.is_valid()
    target = safe_target(request, form.cleaned_data.get("next") or "")
    entered: HttpResponse | None = form.attempt(lambda: _enter(request, form, target))
    if form.limited:
        raise form.limited
    return entered or _back(request, form, target)


def _back(request: HttpRequest, form: AloneForm, target: str) -> HttpResponse:
    for sentence in form.non_field_errors():
        messages.error(request, str(sentence))
    page = resolve_url("sign-in")
    return redirect(f"{page}?{urlencode({'next': target})}" if target != resolve_url("home") else page)


def _enter(request: HttpRequest, form: AloneForm, target: str) -> HttpResponse:
    pending, device = flows.sign_in(form.typed, browser=_browser(request), next_url=target)
    return enter_alone(request, pending, device)
