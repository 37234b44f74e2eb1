"""Words for people; the rules are in the flows."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm as DjangoPasswordChangeForm
from django.contrib.auth.forms import PasswordResetForm as DjangoPasswordResetForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import flows
from accounts.models import Accent, User


class ProfileForm(forms.ModelForm):
    """What a person may say about themselves."""

    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("That of the browser")), *settings.LANGUAGES],
        required=False,
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "language"]


class AppearanceForm(forms.Form):
    """The account's colour."""

    accent = forms.ChoiceField(label=_("Colour"), choices=Accent.choices, widget=forms.RadioSelect)


class PasswordChangeForm(DjangoPasswordChangeForm):
    """Today's password and a new one; today's may be guessed no oftener than at sign-in."""

    def clean_old_password(self) -> str:
        """Return today's password. Raises Limited."""
        typed = str(self.cleaned_data["old_password"])
        if not flows.own_password_is(self.user, typed):
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return typed


class PasswordResetForm(DjangoPasswordResetForm):
    """Queue the link instead of sending it inside the request; the answer is the same for every address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address")

    def save(self, **options: Any) -> None:  # type: ignore[override]
        """Queue a link for each active person with this address."""
        for user in self.get_users(self.cleaned_data["email"]):
            if user.may_sign_in:
                flows.request_password_reset(user)
