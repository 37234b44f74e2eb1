"""The forms for inviting, and for joining."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.invitations import flows as invitations
from accounts.models import Invitation, Role, User
from accounts.passwords.forms import NewPasswordForm
from messaging.typed_text import TextField


class InviteForm(forms.Form):
    """The addresses to invite, their role, and the language of the e-mails."""

    addresses = forms.CharField(
        label=_("E-mail addresses"),
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false"}),
        max_length=160_000,
        help_text=_("One or many, separated by lines, spaces, tabs, commas or semicolons. You can include names."),
    )
    language = forms.ChoiceField(label=_("Language of the invitation"), choices=settings.LANGUAGES)

    role = forms.ChoiceField(label=_("They join as"), choices=Role.choices, initial=Role.MEMBER, required=False)

    def clean_role(self) -> str:
        return self.cleaned_data["role"] or Role.MEMBER

    def clean_addresses(self) -> dict[str, str]:
        """Return names by address, valid or not: the report says which are no addresses."""
        found = invitations.people(self.cleaned_data["addresses"])
        if not found:
            raise forms.ValidationError(_("Enter at least one address."))
        if len(found) > invitations.AT_ONCE:
            raise forms.ValidationError(
                _("These are %(count)s addresses. Send at most %(most)s at once."),
                params={"count": len(found), "most": invitations.AT_ONCE},
            )
        return found


class JoinForm(NewPasswordForm):
    """The name of the invited person, and the password they choose."""

    first_name = TextField(label=_("First name"), max_length=80)
    last_name = TextField(label=_("Last name"), max_length=80, required=False)
    field_order = ["first_name", "last_name", "new_password"]

    def __init__(self, invitation: Invitation, *args: Any, **kwargs: Any) -> None:
        super().__init__(User(email=invitation.email, account=invitation.account), *args, **kwargs)
        self.invitation = invitation
        first, _blank, last = invitation.name.partition(" ")
        self.initial = {"first_name": first, "last_name": last}

    def clean(self) -> dict[str, Any]:
        """Compare the password with the name as well."""
        self.user.first_name = self.cleaned_data.get("first_name", "")
        self.user.last_name = self.cleaned_data.get("last_name", "")
        return super().clean()

    @property
    def facts(self) -> dict[str, str]:
        """Return the fields of the new user."""
        names = {name: self.cleaned_data[name] for name in ("first_name", "last_name")}
        return {**names, "password": self.cleaned_data["new_password"]}
