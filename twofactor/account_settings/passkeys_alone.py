"""The switch that lets passkeys alone sign in, without the password (K-04)."""

from django.http import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.views.decorators.http import require_POST

from accounts.auth.decorators import administrators_only
from accounts.factors import FactorKind
from accounts.models import Account
from accounts.request.http import SignedInRequest
from twofactor.account_settings.forms import PasskeysAloneForm
from twofactor.reauthentication.decorators import demand


def form_of(account: Account) -> PasskeysAloneForm | None:
    """Return the form of the switch, if passkeys count at all."""
    return PasskeysAloneForm(instance=account) if account.accepts(FactorKind.PASSKEY) else None


@administrators_only
@require_POST
def account_passkeys(request: SignedInRequest) -> HttpResponseBase:
    """Re-authenticate, then allow or forbid sign-in by passkey alone."""
    here = resolve_url("account-settings")
    form = PasskeysAloneForm(request.POST, instance=request.user.account)
    if not (form.is_valid() and form.has_changed()):
        return redirect(here)
    return demand(request, "policy.passkeys", path=here, pending_action=form.cleaned_data)
