"""What the list of people is filtered by."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.lists.filters import ANY, Filter
from accounts.models import Role
from accounts.users import query as user_query


class PeopleFilter(Filter):
    """Who is on the list of people, and in which order."""

    q = forms.CharField(label=_("Name, login or e-mail"), max_length=100)
    state = forms.ChoiceField(
        label=_("State"), choices=[ANY, *user_query.STATES.items(), (user_query.UNREACHABLE, _("No e-mail"))]
    )
    factor = forms.ChoiceField(label=_("Second factor"), choices=[ANY, *user_query.FACTORS.items()])
    role = forms.ChoiceField(label=_("Role"), choices=[ANY, *Role.choices])
    sort = forms.ChoiceField(choices=[(name, name) for name in user_query.SORTS], widget=forms.HiddenInput)

    @property
    def is_narrowed(self) -> bool:
        """Tell whether more is filtered than what is searched for."""
        return self.listing().is_narrowed

    def listing(self) -> user_query.Listing:
        """Return what is asked for; a value that is none of ours asks for nothing."""
        self.is_valid()
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        return user_query.Listing(self.account, **chosen)
