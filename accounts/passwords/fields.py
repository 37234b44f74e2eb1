"""The fields for a password that is typed to sign in, and for one that is chosen."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.passwords.validators import minimum_length, refuse_too_long


class PasswordField(forms.CharField):
    """A password as it is typed, with its blanks. There is no ``maxlength``: browsers would cut it off silently."""

    default_validators = [refuse_too_long]

    def __init__(self, *, autocomplete: str = "current-password", **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Password"))
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(strip=False, widget=widget, **kwargs)


class NewPasswordField(PasswordField):
    """A password that is chosen: typed once, and shown on demand, instead of twice and unseen (ASVS 6.2.6, 6.2.7)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("New password"))
        super().__init__(autocomplete="new-password", error_messages={"required": _("Choose a password.")}, **kwargs)

    def ask_of(self, user: User) -> None:
        """Set how many characters the page asks of this person."""
        minimum = minimum_length(user)
        self.help_text = _(
            "At least %(minimum)d characters. A whole sentence is fine, with any characters you like."
        ) % {"minimum": minimum}
        self.widget.attrs["data-meter"] = minimum
