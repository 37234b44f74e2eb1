"""The forms of the sign-in."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.auth import browser_links
from accounts.exceptions import LockedByFailures
from accounts.models import User
from accounts.passwords.fields import PasswordField
from messaging.delivery.models import Channel
from messaging.typed_text import TextField
from twofactor import captcha, error_messages, phones
from twofactor.exceptions import CaptchaRefused
from twofactor.forms import CaptchaForm, GuardedForm, OnceInput, RefusableForm
from twofactor.models import Challenge, PendingSignIn, Purpose
from twofactor.phone.forms import PhoneForm
from twofactor.sign_in import flows


class SignInForm(CaptchaForm):
    """Login or e-mail address, and password; after wrong ones the captcha, too (B-03)."""

    username = TextField(
        label=_("Login or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = PasswordField()
    next = forms.Field(required=False, widget=forms.HiddenInput)  # the view checks it; a bad one refuses nothing

    user: User | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Put the focus on the login, and after a refusal on the password, which has to be typed again."""
        super().__init__(*args, **kwargs)
        self.fields["password" if self.is_bound else "username"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Check the password; every wrong combination gets the same answer."""
        data: dict[str, Any] = self.cleaned_data
        if "username" in data and "password" in data:
            try:
                self.user = flows.check_password(data["username"], data["password"], self.require_captcha)
            except CaptchaRefused as refusal:
                self.refuse_captcha(refusal)
                return data
            except LockedByFailures:
                raise ValidationError(error_messages.LOCKED_BY_FAILURES) from None
            if self.user is None:
                self.fields["password"].widget.attrs["aria-describedby"] = "form-errors"
                raise ValidationError(_("Login or password is wrong. Check both and try again."))
        return data


class EnrolmentForm(GuardedForm, PhoneForm):
    """The first phone, with the captcha of each submission (C-01)."""


def typed_before(pending: PendingSignIn) -> dict[str, str]:
    """Return the number that this sign-in sent a token to, so that one wrong digit can be corrected."""
    challenge = Challenge.objects.shown(pending)
    if challenge is None or challenge.purpose != Purpose.ENROL:
        return {}
    typed = phones.known(challenge.destination)
    return {"country": typed.region, "number": phones.national(typed.number)}


class ChannelForm(GuardedForm):
    """SMS or e-mail, with the captcha unless an earlier one still allows a send (C-06)."""

    channel = forms.ChoiceField(
        choices=Channel.choices,
        error_messages={
            "required": _("Choose SMS or e-mail."),
            "invalid_choice": _("Choose SMS or e-mail."),
        },
    )

    def __init__(self, *args: Any, unlocked: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if unlocked and not captcha.was_posted(self.data):
            del self.fields["captcha"]


class OwnPasswordForm(RefusableForm):
    """The password, asked for where the sign-in comes out of an open session (R-09)."""

    password = PasswordField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs["autofocus"] = True


class RecoveryForm(RefusableForm):
    """The twenty digits of a recovery code (R-10)."""

    code = forms.CharField(
        label=_("Recovery code"),
        max_length=80,
        help_text=_("20 digits, as your administrator reads them to you."),
        widget=OnceInput(
            attrs={
                "autocomplete": "off",
                "inputmode": "numeric",
                "autofocus": True,
                "spellcheck": "false",
                "placeholder": "00000 00000 00000 00000",
            }
        ),
    )


class MailboxForm(GuardedForm):
    """The captcha alone: the token goes to the person's mailbox (D3)."""


class BrowserForm(GuardedForm):
    """The login or address whose mailbox gets the link that makes a browser known."""

    username = TextField(
        label=_("Login or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for more work where many links were asked for from the same network address (B-03)."""
        super().__init__(*args, **kwargs)
        self.fields["captcha"] = captcha.field(browser_links.captcha_step())

    def send(self) -> bool:
        """Use the captcha and send the link. Raises CaptchaRefused."""
        captcha.use(self.solved)
        browser_links.request_link(self.cleaned_data["username"])
        return True
