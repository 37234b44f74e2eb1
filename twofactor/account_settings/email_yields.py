"""The switch that turns e-mail off for people who have an app or a passkey (K-06)."""

from django.http import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.views.decorators.http import require_POST

from accounts.auth.decorators import administrators_only
from accounts.models import Account
from accounts.request.http import SignedInRequest
from twofactor.account_settings.forms import EmailYieldsForm
from twofactor.reauthentication.decorators import demand


def form_of(account: Account) -> EmailYieldsForm | None:
    """Return the form of the switch, if both e-mail and something stronger count."""
    return EmailYieldsForm(instance=account) if account.email_can_yield else None


@administrators_only
@require_POST
def account_email(request: SignedInRequest) -> HttpResponseBase:
    """Re-authenticate, then switch e-mail off for whoever has something stronger, or on again."""
    here = resolve_url("account-settings")
    form = EmailYieldsForm(request.POST, instance=request.user.account)
    if not (form.is_valid() and form.has_changed()):
        return redirect(here)
    return demand(request, "policy.email", path=here, pending_action=form.cleaned_data)
