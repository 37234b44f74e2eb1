"""The filter of the list of people."""

from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.lists.filters import ANY, Filter
from accounts.models import Role
from accounts.request.http import SignedInRequest
from accounts.users import query as user_query

MAX_KEPT_LENGTH = 600


class PeopleFilter(Filter):
    """Which people are listed, and in which order."""

    q = forms.CharField(label=_("Name, login or e-mail"), max_length=100)
    state = forms.ChoiceField(
        label=_("State"), choices=[ANY, *user_query.STATES.items(), (user_query.UNREACHABLE, _("No e-mail"))]
    )
    factor = forms.ChoiceField(label=_("Second factor"), choices=[ANY, *user_query.FACTORS.items()])
    role = forms.ChoiceField(label=_("Role"), choices=[ANY, *Role.choices])
    sort = forms.ChoiceField(choices=[(name, name) for name in user_query.SORTS], widget=forms.HiddenInput)

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything but the search is filtered."""
        return self.listing().is_narrowed

    def listing(self) -> user_query.Listing:
        """Return the query; an invalid value filters nothing."""
        self.is_valid()
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        return user_query.Listing(self.account, **chosen)


def list_before(request: SignedInRequest) -> str:
    """Return the address of the list that a person came from, filtered as it was.

    A page has the filter in its own address, a form in a field of that name. Unknown fields are dropped, so that the
    address leads nowhere else.
    """
    asked = QueryDict(request.POST.get("filter", "")[:MAX_KEPT_LENGTH]) if request.method == "POST" else request.GET
    query = PeopleFilter(asked, request.user.account).query
    return reverse("users") + (f"?{query}" if query else "")
