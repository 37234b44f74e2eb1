"""The part of Account Settings about notices to administrators."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.auth.decorators import administrators_only
from accounts.models import Account
from accounts.notifications import choices
from accounts.request.http import SignedInRequest

MAX_LISTED = 100  # administrators in the list; where there are more, all of them are notified


class NoticesForm(forms.Form):
    """Which notices, and to whom."""

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Tell us when"),
        required=False,
        choices=list(choices.CHOICES.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    reader = forms.TypedChoiceField(label=gettext_lazy("To whom"), required=False, coerce=int, empty_value=None)

    def __init__(self, data: QueryDict | None, account: Account) -> None:
        super().__init__(data, initial={"kinds": choices.wanted(account), "reader": account.notices_to})
        people = choices.administrators(account).order_by("name_key")[:MAX_LISTED]
        named = [(person.pk, f"{person.full_name} <{person.email}>") for person in people]
        self.fields["reader"].choices = [("", _("Every administrator")), *named]  # type: ignore[attr-defined]


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def account_notices(request: SignedInRequest) -> HttpResponse:
    """Show and set which notices the administrators get."""
    account = request.user.account
    form = NoticesForm(request.POST if request.method == "POST" else None, account)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        if choices.choose(account, chosen["kinds"], chosen["reader"], actor=request.user):
            messages.success(request, _("The notices of your account were changed."))
        return redirect("account-notices")
    return render(request, "accounts/notices.html", {"form": form})
