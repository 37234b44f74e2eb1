"""What people type of their own recovery codes."""

from django import forms
from django.utils.translation import gettext_lazy as _

from twofactor.forms import OnceInput, RefusableForm


class OwnCodeForm(RefusableForm):
    """One of the ten codes. What it opens is for the flow to say. Its field has the name of every proof's field."""

    token = forms.CharField(
        label=_("Recovery code"),
        max_length=80,
        help_text=_("One of your ten codes of 16 signs. Each works once."),
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
