"""Words for people; the rules are in the flows."""

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordResetForm as DjangoPasswordResetForm

from accounts import flows
from accounts.models import User


class ProfileForm(forms.ModelForm):
    """What a person may say about themselves."""

    class Meta:
        model = User
        fields = ["first_name", "last_name", "language"]


class PasswordResetForm(DjangoPasswordResetForm):
    """Queue the link instead of sending it inside the request; the answer is the same for every address."""

    def save(self, **options: Any) -> None:  # type: ignore[override]
        """Queue a link for each active person with this address."""
        for user in self.get_users(self.cleaned_data["email"]):
            if user.may_sign_in:
                flows.request_password_reset(user)
