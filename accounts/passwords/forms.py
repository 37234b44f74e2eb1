"""Changing and resetting a password."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.passwords import flows as passwords
from accounts.passwords.fields import NewPasswordField, PasswordField


class NewPasswordForm(forms.Form):
    """A new password, checked with what is known of the person."""

    new_password = NewPasswordField()

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        field = self.fields["new_password"]
        assert isinstance(field, NewPasswordField)  # noqa: S101 (for the type checker)
        field.ask_of(user)

    def clean(self) -> dict[str, Any]:
        """Check the password after all other fields are read: the person's name is one of them."""
        data: dict[str, Any] = self.cleaned_data
        if "new_password" in data:
            self._judge(data["new_password"])
        return data

    def _judge(self, password: str) -> None:
        """Show only the first reason to refuse it: five reasons for one password help nobody."""
        for validator in get_default_password_validators():
            try:
                validator.validate(password, self.user)
            except ValidationError as refusal:
                self.add_error("new_password", refusal)
                return


class PasswordChangeForm(NewPasswordForm):
    """The current password and a new one; the current one has as many attempts as at a sign-in."""

    old_password = PasswordField(label=_("Current password"))
    field_order = ["old_password", "new_password"]

    def clean_old_password(self) -> str:
        """Return the current password. Raises Limited."""
        typed = str(self.cleaned_data["old_password"])
        if not passwords.own_password_is(self.user, typed):
            raise ValidationError(_("This is not your current password. Type it again."), code="password_incorrect")
        return typed


class ResetForm(NewPasswordForm):
    """Set the password through the flow, which also notifies the mailbox."""

    def save(self) -> User:
        """Set the password; that signs nobody in (R-05)."""
        passwords.change_password(self.user, self.cleaned_data["new_password"], by_reset=True)
        return self.user
