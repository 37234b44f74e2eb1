"""The fields of a password: as it is typed to prove it, and as it is chosen."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.passwords.validators import minimum_length, refuse_too_long


class PasswordField(forms.CharField):
    """A password as it is typed, blanks and all. Nothing cuts it short: the browser would do so without a word."""

    default_validators = [refuse_too_long]

    def __init__(self, *, autocomplete: str = "current-password", **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Password"))
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(strip=False, widget=widget, **kwargs)


class NewPasswordField(PasswordField):
    """A password that is chosen: once, and shown on demand, instead of twice and unseen (ASVS 6.2.6, 6.2.7)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("New password"))
        super().__init__(autocomplete="new-password", error_messages={"required": _("Choose a password.")}, **kwargs)

    def ask_of(self, user: User) -> None:
        """Tell the page how many characters this person needs."""
        minimum = minimum_length(user)
        self.help_text = _("At least %(minimum)d characters: a sentence does, with any signs you like.") % {
            "minimum": minimum
        }
        self.widget.attrs["data-meter"] = minimum
