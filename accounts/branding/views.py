"""The pages of an account's colour and logo."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.auth.decorators import administrators_only
from accounts.branding import flows as branding
from accounts.branding.forms import AppearanceForm, LogoForm
from accounts.models import Accent, Logo
from accounts.request.http import SignedInRequest, kept_for_good


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def appearance(request: SignedInRequest) -> HttpResponse:
    """Show and set the account's colour; an invalid form changes nothing."""
    if request.method != "POST":
        return render(request, "accounts/appearance.html", {"accents": Accent.choices})
    form = AppearanceForm(request.POST)
    account = request.user.account
    if form.is_valid() and branding.set_accent(account, form.cleaned_data["accent"], actor=request.user):
        messages.success(request, _("The colour of your account was changed."))
    return redirect("appearance")


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def account_logo(request: SignedInRequest) -> HttpResponse:
    """Set or remove the account's logo."""
    form = LogoForm(request.POST, request.FILES) if request.method == "POST" else LogoForm()
    if form.is_valid():
        if branding.set_logo(request.user.account, form.cleaned_data["logo"], actor=request.user):
            messages.success(request, _("The logo of your account was changed."))
        return redirect("appearance")
    return render(request, "accounts/logo.html", {"form": form})


@login_not_required
@require_safe
def logo(request: HttpRequest, name: str) -> HttpResponse:
    """Show a logo to anybody who knows its name, also in the middle of a sign-in: a logo is not secret."""
    png = Logo.objects.filter(name=name).values_list("png", flat=True).first()
    if png is None:
        raise Http404
    return kept_for_good(HttpResponse(bytes(png), content_type="image/png"))
