"""The forms of Account Settings about the second factor."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Account


class OptionsForm(forms.ModelForm):
    """The account's options of the second factor (D3)."""

    class Meta:
        model = Account
        fields = ["mailbox_before_phone"]


class AccountSettingsForm(forms.ModelForm):
    """The account's policy."""

    class Meta:
        model = Account
        fields = ["two_factor_required"]
        labels = {"two_factor_required": _("Two factor authentication")}


class EmailYieldsForm(forms.ModelForm):
    """Whether e-mail is off for people who have an app or a passkey (K-06)."""

    class Meta:
        model = Account
        fields = ["email_yields"]


class PasskeysAloneForm(forms.ModelForm):
    """Whether passkeys alone sign in (K-04)."""

    class Meta:
        model = Account
        fields = ["passkeys_alone"]
