"""The forms of a phone, and of its reset."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.countries import country_choices
from messaging.typed_text import TextField
from twofactor import error_messages, phones
from twofactor.exceptions import TwoFactorError
from twofactor.forms import RefusableForm


class PhoneForm(RefusableForm):
    """A country and a number, parsed and checked (P-02 to P-04, P-10)."""

    country = forms.CharField(label=_("Country code"), max_length=2)
    number = TextField(
        label=_("Area code + phone number"),
        max_length=phones.MAX_TYPED_LENGTH,
        widget=forms.TextInput(
            attrs={
                "type": "tel",
                "autocomplete": "tel-national",
                "inputmode": "tel",
                "placeholder": "11 98765-4321",
            }
        ),
    )

    phone: phones.Phone  # set once the form is valid

    def __init__(self, *args: Any, regions: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.regions = regions  # the account's
        choices = country_choices(regions, get_language() or "pt-br")
        self.fields["country"].widget = forms.Select(choices=choices, attrs={"autocomplete": "country"})

    def clean(self) -> dict[str, Any]:
        """Parse what was typed, or say what is wrong with it."""
        data: dict[str, Any] = self.cleaned_data
        if "country" in data and "number" in data:
            try:
                self.phone = phones.parse(data["country"], data["number"], self.regions)
            except TwoFactorError as refusal:
                self.add_error("number", error_messages.of(refusal))
        return data


class PhoneResetForm(RefusableForm):
    """The reason why an administrator removes a person's phone (R-07)."""

    reason = TextField(
        label=_("Reason"),
        max_length=200,
        help_text=_("For example: phone stolen. It is kept in the audit log, and the user reads it."),
    )
