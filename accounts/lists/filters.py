"""The base of the filters of lists."""

from datetime import date, datetime, time

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.models import Account

ANY = ("", _("All"))


class Filter(forms.Form):
    """A form in the query string: every field may be missing, and a missing field filters nothing."""

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


def midnight(day: date | None) -> datetime | None:
    """Return the beginning of a day in the portal's time zone.

    Days outside of 1900 to 9999 count as the first or the last of them: Python cannot compute the time zone of others.
    """
    if day is None:
        return None
    sane = min(max(day, date(1900, 1, 1)), date(9999, 12, 30))
    return timezone.make_aware(datetime.combine(sane, time.min))
