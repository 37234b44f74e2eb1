"""The form that enrols an authenticator app."""

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.typed_text import TextField
from twofactor.factors.forms import MAX_NAME_LENGTH
from twofactor.forms import TokenForm


class AppForm(TokenForm):
    """The name of the app, and the token that it shows."""

    name = TextField(
        label=_("Name"),
        max_length=MAX_NAME_LENGTH,
        required=False,
        help_text=_("So that you know it again. For example: work phone."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
