"""What the audit log is filtered by."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit import grouping
from accounts.audit import query as audit_query
from accounts.lists.filters import ANY, Filter, midnight
from accounts.models import User


def _events() -> list[tuple[str, Any]]:
    """Return the actions that have words, in groups, in the language in force."""
    return [ANY, *grouping.grouped_choices()]


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

    @property
    def days(self) -> list[date | None]:
        """Return the first and the last day that were asked for, once they were read."""
        return [self.cleaned_data.get("since"), self.cleaned_data.get("until")]

    def audit_query(self) -> audit_query.AuditQuery | None:
        """Return what is asked for; None when a value cannot be read."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        until = data["until"] and min(data["until"], date.max - timedelta(days=2)) + timedelta(days=1)
        return audit_query.AuditQuery(
            self.account,
            person=data["person"],
            event=data["event"],
            since=midnight(data["since"]),
            until=midnight(until),
            ip=data["ip"],
        )
