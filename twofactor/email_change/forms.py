"""The form of the new e-mail address."""

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.typed_text import EmailField
from twofactor.forms import RefusableForm


class EmailForm(RefusableForm):
    """The new e-mail address (R-08)."""

    email = EmailField(
        label=_("New e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )
