"""The forms that take a browser's answers about passkeys."""

import json
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from messaging.typed_text import TextField
from twofactor.factors.forms import MAX_NAME_LENGTH
from twofactor.forms import OnceInput, RefusableForm
from twofactor.pages import posted

MAX_ANSWER_LENGTH = 20_000  # characters; authenticators send a tenth of that


def is_json(request: HttpRequest) -> bool:
    """Tell whether a program sent the browser's answer as JSON instead of a form with it."""
    return request.method == "POST" and request.content_type == "application/json"


def answered(request: HttpRequest) -> QueryDict | None:
    """Return the data of the form: a page's fields, or JSON, ``{"credential": {…}, "name": "…"}``."""
    return _fields_of(request.body) if is_json(request) else posted(request)


def _fields_of(body: bytes) -> QueryDict:
    fields = QueryDict(mutable=True)
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return fields
    if isinstance(sent, dict):
        fields["credential"] = json.dumps(sent.get("credential", sent))
        fields["name"] = str(sent.get("name", "")).encode(errors="replace").decode()  # drops lone surrogates
    return fields


class OnceHidden(OnceInput):
    """A hidden field whose value is never rendered again: the next challenge needs another answer."""

    input_type = "hidden"
    template_name = "django/forms/widgets/hidden.html"

    def format_value(self, value: Any) -> None:
        """Render no value."""


class PasskeyForm(RefusableForm):
    """The browser's answer, as JSON."""

    credential = forms.CharField(max_length=MAX_ANSWER_LENGTH, required=False, widget=OnceHidden)

    class Media:
        js: ClassVar[list[Any]] = [forms.Script("js/passkeys.js", defer=True)]

    @property
    def typed(self) -> str:
        """Return the answer to verify."""
        return str(self.cleaned_data["credential"])


class AloneForm(PasskeyForm):
    """The answer of a passkey that is used without a password, and the page to go to."""

    next = forms.Field(required=False, widget=forms.HiddenInput)  # the view checks it; a bad one refuses nothing


class NewPasskeyForm(PasskeyForm):
    """A new passkey, and the name that its owner gives it."""

    name = TextField(
        label=_("Name"),
        max_length=MAX_NAME_LENGTH,
        required=False,
        help_text=_("So that you know it again: my laptop, the blue key. Left empty, it is called after its maker."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
