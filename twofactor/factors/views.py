"""Meu perfil › Segunda etapa: the list of a person's factors, and what a person can do with each (K-02)."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.factors import FactorKind
from accounts.request.http import SignedInRequest
from twofactor import error_messages, session_state
from twofactor.exceptions import ChannelRefused, LastFactor
from twofactor.factors import catalogue, flows, held, overview
from twofactor.factors.codes.flows import FEW
from twofactor.factors.forms import NameForm
from twofactor.models import FactorDevice
from twofactor.pages import answer, page, posted
from twofactor.reauthentication.decorators import reauthenticated


@require_safe
def factors(request: SignedInRequest) -> HttpResponse:
    """List the person's factors."""
    user = request.user
    listed = overview.entries(user)
    context = {
        "entries": listed,
        "email_yields": held.email_yields(user),
        "may_add_app": held.may_add(user, FactorKind.APP),
        "may_add_passkey": held.may_add(user, FactorKind.PASSKEY),
        "has_app": any(entry.kind == FactorKind.APP for entry in listed),
        "open": [factor for factor in catalogue.open_to(user) if factor.kind != FactorKind.RECOVERY],
        "may_have_codes": bool(held.counting(user)),
        "codes": overview.codes_of(user),
        "few": FEW,
    }
    return render(request, "twofactor/factors.html", context)


def _device(request: SignedInRequest, kind: str, device_id: int) -> FactorDevice:
    """Return the person's own device of a kind; the phone is changed on its own page. Raises Http404."""
    for device in held.devices_of(request.user):
        if (device.factor, device.pk) == (kind, device_id) and overview.can_go(request.user, device):
            return device
    raise Http404


@require_POST
@reauthenticated("factor.remove", back="factors")
def factor_remove(request: SignedInRequest, kind: str, device_id: int) -> HttpResponseBase:
    """Remove a device, after a re-authentication. This session goes on with another one."""
    device = _device(request, kind, device_id)
    try:
        left = flows.remove(request.user, device)
    except LastFactor as refusal:
        messages.error(request, error_messages.of(refusal))
        return redirect("factors")
    if left:  # read under the lock: another tab may have removed the devices that this request read
        session_state.go_on_with(request, left[0], proved=False)
    messages.success(request, _("It was removed from your login."))
    return redirect("factors")


@page
def factor_rename(request: SignedInRequest, kind: str, device_id: int) -> HttpResponse:
    """Give a device another name."""
    device = _device(request, kind, device_id)
    form = NameForm(posted(request), initial={"name": device.name})
    if request.method == "POST" and form.is_valid():
        flows.rename(request.user, device, form.cleaned_data["name"])
        messages.success(request, _("The name was changed."))
        return redirect("factors")
    return answer(request, "twofactor/factor_rename.html", {"form": form, "device": device})


@require_POST
def factor_first(request: SignedInRequest) -> HttpResponse:
    """Store which factor sign-ins begin with."""
    try:
        flows.prefer(request.user, request.POST.get("kind", ""))
    except ChannelRefused as refusal:
        messages.error(request, error_messages.of(refusal))
    else:
        messages.success(request, _("Your next sign-in begins with it."))
    return redirect("factors")
