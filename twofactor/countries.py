"""From which countries an account's phones may come (P-03). Views translate HTTP; flows decide."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import redirect, resolve_url
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import flows
from accounts.decorators import administrators_only
from accounts.http import SignedInRequest
from accounts.models import Account, User
from accounts.reauthentication import Wish, carries_out, demand
from twofactor import phones


class CountriesForm(forms.Form):
    """The account's choice among the operator's countries, by name."""

    regions = forms.MultipleChoiceField(
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose among the countries of the list.")},
    )

    def __init__(self, data: QueryDict | None = None, *, account: Account) -> None:
        super().__init__(data, initial={"regions": account.regions})
        choices = phones.country_choices(settings.ALLOWED_REGIONS, get_language() or "pt-br")
        self.fields["regions"].choices = choices  # type: ignore[attr-defined]


@administrators_only
@require_POST
def account_countries(request: SignedInRequest) -> HttpResponseBase:
    """Ask who it is, then change the countries: each one more is one more that SMS are paid for."""
    here = resolve_url("account-settings")
    form = CountriesForm(request.POST, account=request.user.account)
    if not form.is_valid():
        messages.error(request, str(form.errors["regions"][0]))
    elif form.has_changed():
        return demand(request, "account.countries", path=here, wish=form.cleaned_data)
    return redirect(here)


@carries_out("account.countries")
def carry_out_countries(user: User, wish: Wish) -> str:
    """Put the countries in force that were wished; return what to say."""
    flows.set_allowed_regions(user.account, wish["regions"], actor=user)
    return _("The countries of the phones were changed.")
