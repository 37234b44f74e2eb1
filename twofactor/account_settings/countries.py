"""The countries from which an account's phones may come (P-03)."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import get_language, gettext_lazy

from accounts.auth.decorators import administrators_only
from accounts.countries import country_choices
from accounts.models import Account
from accounts.request.http import SignedInRequest
from twofactor.pages import page, posted
from twofactor.reauthentication.decorators import demand


class CountriesForm(forms.Form):
    """The account's choice among the operator's countries, by name."""

    regions = forms.MultipleChoiceField(
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose among the countries of the list.")},
    )

    def __init__(self, data: QueryDict | None = None, *, account: Account) -> None:
        super().__init__(data, initial={"regions": account.regions})
        choices = country_choices(settings.ALLOWED_REGIONS, get_language() or "pt-br")
        self.fields["regions"].choices = choices  # type: ignore[attr-defined]


@administrators_only
@page
def account_countries(request: SignedInRequest) -> HttpResponseBase:
    """Re-authenticate, then change the countries: SMS to each further country cost money."""
    here = resolve_url("account-countries")
    form = CountriesForm(posted(request), account=request.user.account)
    if request.method != "POST":
        return render(request, "twofactor/countries.html", {"countries": form})
    if not form.is_valid():
        messages.error(request, str(form.errors["regions"][0]))
    elif form.has_changed():
        return demand(request, "account.countries", path=here, pending_action=form.cleaned_data)
    return redirect(here)
