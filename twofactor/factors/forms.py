"""The form for the name of a factor."""

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.typed_text import TextField
from twofactor.forms import RefusableForm

MAX_NAME_LENGTH = 40


class NameForm(RefusableForm):
    """The name of a device."""

    name = TextField(label=_("Name"), max_length=MAX_NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"}))
