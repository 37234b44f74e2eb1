"""Words for people; the rules are in the flows."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm as DjangoPasswordChangeForm
from django.contrib.auth.forms import PasswordResetForm as DjangoPasswordResetForm
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import flows, invitations, logos
from accounts.exceptions import LogoRefused
from accounts.models import Accent, Invitation, User


class ProfileForm(forms.ModelForm):
    """What a person may say about themselves."""

    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("Same as the browser")), *settings.LANGUAGES],
        required=False,
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "language"]

    def save(self, commit: bool = True) -> User:
        """Write what was asked for and nothing else: locks and sessions may have changed since the person was read."""
        user: User = self.instance
        user.save(update_fields=self._meta.fields)
        return user


LOGO_REFUSALS = {
    "type": _("The logo has to be a PNG file."),
    "large": _("The logo may have 64 kB at most."),
    "sides": _("The logo has to be between 16 and 512 pixels wide and high."),
    "interlaced": _("Save the PNG without interlacing, and choose it again."),
    "broken": _("This PNG file is damaged. Save it anew, and choose it again."),
}


class AppearanceForm(forms.Form):
    """The account's colour."""

    accent = forms.ChoiceField(label=_("Colour"), choices=Accent.choices, widget=forms.RadioSelect)


class LogoForm(forms.Form):
    """The account's logo: a file, or the wish to have none. Cleans to the bytes to keep."""

    logo = forms.FileField(
        label=_("PNG file"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "image/png"}),
        help_text=_(
            "16 to 512 pixels wide and high, 64 kB at most. Whoever knows its address can see it, without signing in."
        ),
    )
    action = forms.CharField(required=False)

    def clean_logo(self) -> bytes:
        """Return the logo, written anew."""
        if self.data.get("action") == "remove":
            return b""
        sent = self.cleaned_data["logo"]
        if not sent or not sent.size:
            raise ValidationError(_("Choose a file."))
        try:
            return logos.rewrite(sent.read())
        except LogoRefused as refusal:
            raise ValidationError(LOGO_REFUSALS[refusal.args[0]]) from refusal


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
        """Queue a link for whoever has this address. Raises Limited."""
        flows.request_password_reset(self.cleaned_data["email"])


class InviteForm(forms.Form):
    """Whom to invite, and in which language."""

    addresses = forms.CharField(
        label=_("E-mail addresses"),
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false"}),
        max_length=160_000,
        help_text=_("One or many: one on each line, or with commas between them."),
    )
    language = forms.ChoiceField(label=_("Language of the invitation"), choices=settings.LANGUAGES)

    def clean_addresses(self) -> list[str]:
        """Return the addresses, whatever they look like: the report says which are none."""
        found = invitations.addresses(self.cleaned_data["addresses"])
        if not found:
            raise forms.ValidationError(_("Write at least one address."))
        if len(found) > invitations.AT_ONCE:
            raise forms.ValidationError(
                _("These are %(count)s addresses. Send at most %(most)s at once."),
                params={"count": len(found), "most": invitations.AT_ONCE},
            )
        return found


class JoinForm(SetPasswordForm):
    """Who the invited person is, and the password they choose."""

    first_name = forms.CharField(label=_("First name"), max_length=80)
    last_name = forms.CharField(label=_("Last name"), max_length=80, required=False)
    field_order = ["first_name", "last_name", "new_password1", "new_password2"]

    def __init__(self, invitation: Invitation, *args: Any, **kwargs: Any) -> None:
        super().__init__(User(email=invitation.email, account=invitation.account), *args, **kwargs)

    def clean(self) -> dict[str, Any] | None:
        """Compare the password with the name as well."""
        self.user.first_name = self.cleaned_data.get("first_name", "")
        self.user.last_name = self.cleaned_data.get("last_name", "")
        return super().clean()

    @property
    def facts(self) -> dict[str, str]:
        """Return what the new user is made of."""
        names = {name: self.cleaned_data[name] for name in ("first_name", "last_name")}
        return {**names, "password": self.cleaned_data["new_password1"]}
