"""What the lists of administrators are asked for, in the query of their address."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts import people, sentences, trail
from accounts.models import Account, Role, User

ANY = ("", _("All"))


class Filter(forms.Form):
    """A form in a query: every field may be missing, and what is missing filters nothing."""

    def __init__(self, data: QueryDict, account: Account) -> None:
        super().__init__(data)
        self.typed, self.account = data, account
        for field in self.fields.values():
            field.required = False

    @property
    def is_used(self) -> bool:
        """Tell whether anything is filtered."""
        return any(self.cleaned_data.get(name) for name in self.fields if name != "sort")

    @property
    def query(self) -> str:
        """Return the filter as a query, without the page."""
        return self.query_with()

    def query_with(self, **others: str) -> str:
        """Return the filter as a query, with other values for some fields."""
        chosen = {name: self.typed.get(name, "") for name in self.fields} | others
        return urlencode({name: value for name, value in chosen.items() if value})


class PeopleFilter(Filter):
    """Who is on the list of people, and in which order."""

    q = forms.CharField(label=_("Name, login or e-mail"), max_length=100)
    state = forms.ChoiceField(label=_("State"), choices=[ANY, *people.STATES.items()])
    factor = forms.ChoiceField(label=_("Second factor"), choices=[ANY, *people.FACTORS.items()])
    role = forms.ChoiceField(label=_("Role"), choices=[ANY, *Role.choices])
    sort = forms.ChoiceField(choices=[(name, name) for name in people.SORTS], widget=forms.HiddenInput)

    def listing(self) -> people.Listing:
        """Return what is asked for; a value that is none of ours asks for nothing."""
        self.is_valid()
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        return people.Listing(self.account, **chosen)


def _events() -> list[tuple[str, Any]]:
    """Return the actions that have words, by their name in the language in force."""
    return [ANY, *sorted(sentences.described().items(), key=lambda choice: str(choice[1]).lower())]


class AuditFilter(Filter):
    """Which events are shown."""

    person = forms.CharField(label=_("Login or e-mail"), max_length=254)
    event = forms.ChoiceField(label=_("Event"), choices=_events)
    since = forms.DateField(
        label=_("From"), input_formats=["%Y-%m-%d"], widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("To"), input_formats=["%Y-%m-%d"], widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    ip = forms.GenericIPAddressField(label=_("IP address"))

    def clean_person(self) -> User | None:
        """Return the person of this account; another account's is as unknown as nobody (A-04)."""
        typed = self.cleaned_data["person"]
        found = User.objects.all_named(typed).filter(account=self.account).first() if typed else None
        if typed and found is None:
            raise forms.ValidationError(_("Nobody in this account has this login or e-mail address."))
        return found

    def trail(self) -> trail.Trail | None:
        """Return what is asked for; None when a value cannot be read."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        until = data["until"] and min(data["until"], date.max - timedelta(days=2)) + timedelta(days=1)
        return trail.Trail(
            self.account,
            person=data["person"],
            event=data["event"],
            since=_midnight(data["since"]),
            until=_midnight(until),
            ip=data["ip"],
        )


def _midnight(day: date | None) -> datetime | None:
    """Return the beginning of a day where the portal is; days that hardly exist have no time zone."""
    if day is None:
        return None
    sane = min(max(day, date(1900, 1, 1)), date(9999, 12, 30))
    return timezone.make_aware(datetime.combine(sane, time.min))
