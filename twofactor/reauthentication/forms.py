"""The form of a re-authentication."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.factors import FactorKind
from accounts.passwords.fields import PasswordField
from twofactor.forms import RefusableForm


class ProofForm(RefusableForm):
    """The password, and the factor of the next step (R-01)."""

    password = PasswordField()
    channel = forms.ChoiceField(
        label=_("Where do you want the first token?"),
        choices=FactorKind.choices,
        initial=FactorKind.SMS,
        required=False,
        widget=forms.RadioSelect,
    )
