"""What people type to prove again who they are."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.factors import FactorKind
from accounts.passwords.fields import PasswordField
from twofactor.forms import RefusableForm


class ProofForm(RefusableForm):
    """Re-authentication: the password, and where the token of the next step goes (R-01)."""

    password = PasswordField()
    channel = forms.ChoiceField(
        label=_("Where do you want the first token?"),
        choices=FactorKind.choices,
        initial=FactorKind.SMS,
        required=False,
        widget=forms.RadioSelect,
    )
