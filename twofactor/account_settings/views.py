"""The pages of Account Settings about the policy and its options."""

from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.auth.decorators import administrators_only
from accounts.dashboard import stats
from accounts.request.http import SignedInRequest
from twofactor import session_state
from twofactor.account_settings import email_yields, kinds, passkeys_alone, schedule
from twofactor.account_settings.forms import AccountSettingsForm, OptionsForm
from twofactor.pages import page, posted
from twofactor.reauthentication.decorators import demand
from twofactor.sign_in.addresses import waiting_page


@administrators_only
@page
def account_settings(request: SignedInRequest) -> HttpResponse:
    """Show and switch the account's policy (journey 1)."""
    user = request.user
    account = user.account
    is_on = account.demands_second_factor
    form = AccountSettingsForm(posted(request), instance=account, initial={"two_factor_required": is_on})
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data["two_factor_required"]
        account.refresh_from_db()
        if wanted and not schedule.factor_is_possible(account):
            form.add_error(None, _("No SMS gateway is configured: nobody could get a token."))
        else:
            return _switch_policy(request, wanted)
    context = {
        "account": account,
        "form": form,
        "people": stats.people(account),
        "gateway_ready": schedule.factor_is_possible(account),
        **kinds.context(account),
        "own_phone_needed": not session_state.is_verified(user),
        "options": OptionsForm(instance=account),
        "email_yields": email_yields.form_of(account),
        "passkeys_alone": passkeys_alone.form_of(account),
        "changed_at": account.two_factor_changed_at,
        **schedule.context(user),
    }
    return render(request, "twofactor/account_settings.html", context)


def _switch_policy(request: SignedInRequest, wanted: bool) -> HttpResponse:
    """Re-authenticate, then switch (A-01).

    An administrator whose session is not verified sets up or uses a factor first, which counts as that (A-02, D6).
    """
    user = request.user
    if wanted == user.account.demands_second_factor:
        return redirect("account-settings")
    if wanted and not session_state.is_verified(user):
        here = resolve_url("account-settings")
        return redirect(
            waiting_page(session_state.turn_session_into_pending(request, user, here, switches_policy_on=True))
        )
    return demand(request, "policy", pending_action={"two_factor_required": wanted})


@administrators_only
@require_POST
def account_options(request: SignedInRequest) -> HttpResponse:
    """Re-authenticate, then change the account's options of the second factor (D3)."""
    form = OptionsForm(request.POST, instance=request.user.account)
    if form.is_valid() and not form.has_changed():
        return redirect("account-settings")
    return demand(request, "policy.options", path=resolve_url("account-settings"), pending_action=form.cleaned_data)
