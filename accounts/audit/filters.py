"""The filter of the audit log."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit import grouping
from accounts.audit import query as audit_query
from accounts.lists.filters import ANY, Filter, midnight
from accounts.models import User
from accounts.users import query as user_query

MAX_PEOPLE = 20  # whose events are read together


def _events() -> list[tuple[str, Any]]:
    """Return the actions in groups, in the language in force."""
    return [ANY, *grouping.grouped_choices()]


class AuditFilter(Filter):
    """Which events are shown."""

    only: User | None = None  # the person with exactly this login, where too many others match as well
    most = MAX_PEOPLE

    person = forms.CharField(label=_("Name, login or e-mail"), max_length=254)
    event = forms.ChoiceField(label=_("Event"), choices=_events)
    since = forms.DateField(
        label=_("From"), input_formats=["%Y-%m-%d"], widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("To"), input_formats=["%Y-%m-%d"], widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    ip = forms.GenericIPAddressField(label=_("IP address"))

    def clean_person(self) -> list[User] | None:
        """Return the people whom the list of users finds by the same words; None where the filter is empty.

        People of another account are treated as unknown (A-04). The whole address of a person finds only that person;
        so does a whole login, where too many others begin with it.
        """
        typed = self.cleaned_data["person"].strip()
        if not typed:
            return None
        found, count = user_query.Listing(self.account, q=typed).find()
        if not count:
            raise forms.ValidationError(
                _("Nobody in this account has this name, login or e-mail address. Try any word of the name.")
            )
        if count > MAX_PEOPLE:
            return [self._named(typed)]
        people = list(found.prefetch_related(None).order_by("name_key", "pk"))
        return [person for person in people if typed.lower() == person.email] or people

    def _named(self, typed: str) -> User:
        self.only = User.objects.all_named(typed).filter(account=self.account).first()
        if self.only is None:
            raise forms.ValidationError(
                _("More than %(most)s users match. Type more letters, another word of the name, or the login."),
                params={"most": MAX_PEOPLE},
            )
        return self.only

    @property
    def people(self) -> list[tuple[str, str]]:
        """Return the names of the people found, each with a filter for them alone, where there is more than one."""
        found = self.cleaned_data.get("person") or []
        alone = [(person.full_name, self.query_with(person=person.email)) for person in found]
        return alone if len(alone) > 1 else []

    @property
    def days(self) -> list[date | None]:
        """Return the first and the last day of the filter, once they are read."""
        return [self.cleaned_data.get("since"), self.cleaned_data.get("until")]

    def audit_query(self) -> audit_query.AuditQuery | None:
        """Return the query; None when a value cannot be read."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        until = data["until"] and min(data["until"], date.max - timedelta(days=2)) + timedelta(days=1)
        return audit_query.AuditQuery(
            self.account,
            people=data["person"] and [person.pk for person in data["person"]],
            event=data["event"],
            since=midnight(data["since"]),
            until=midnight(until),
            ip=data["ip"],
        )
