"""The form that takes a person's own recovery code."""

from django import forms
from django.utils.translation import gettext_lazy as _

from twofactor.forms import OnceInput, RefusableForm


class OwnCodeForm(RefusableForm):
    """One of the ten codes. The field has the same name as that of every other factor."""

    token = forms.CharField(
        label=_("Recovery code"),
        max_length=80,
        help_text=_("One of your ten codes of 16 characters. Each works once."),
        widget=OnceInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "autofocus": True,
                "spellcheck": "false",
                "placeholder": "XXXX-XXXX-XXXX-XXXX",
            }
        ),
    )
