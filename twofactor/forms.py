"""What people type on the way in. Forms read and find words; flows decide."""

from collections.abc import Callable, Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, User
from messaging.delivery.models import Channel
from twofactor import captcha, flows, phones, tokens, words
from twofactor.exceptions import CaptchaRefused, CaptchaReplaced, Limited, TwoFactorError


class RefusableForm(forms.Form):
    """A form that can show what a flow refused."""

    def attempt(self, flow: Callable[[], object], *, at: str | None = None) -> Any:
        """Run a flow if the form is valid; show its refusal at a field (or above) and return None.

        A limit is no matter of the form's: it goes on to RefusalMiddleware. Of captchas GuardedForm knows.
        """
        if not self.is_valid():
            return None
        try:
            return flow()
        except (Limited, CaptchaRefused):
            raise
        except TwoFactorError as refusal:
            self.add_error(at, words.of(refusal))
            return None


class SignInForm(forms.Form):
    """Login or e-mail address, and password."""

    username = forms.CharField(
        label=_("Login or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    next = forms.Field(required=False, widget=forms.HiddenInput)  # judged by the view, never a reason to refuse

    user: User | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Let one begin at the login, and after a refusal at the password, which has to be typed again."""
        super().__init__(*args, **kwargs)
        self.fields["password" if self.is_bound else "username"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Check the password; one answer for every way to be wrong."""
        data: dict[str, Any] = self.cleaned_data
        if "username" in data and "password" in data:
            self.user = flows.check_password(data["username"], data["password"])
            if self.user is None:
                self.fields["password"].widget.attrs["aria-describedby"] = "form-errors"
                raise ValidationError(_("Login or password is wrong. Check both and try again."))
        return data


class PhoneForm(RefusableForm):
    """A country and a number, screened (P-02 to P-04, P-10)."""

    country = forms.CharField(label=_("Country code"), max_length=2)
    number = forms.CharField(
        label=_("DDD + phone number"),
        max_length=phones.LONGEST_TYPED,
        widget=forms.TextInput(
            attrs={
                "type": "tel",
                "autocomplete": "tel-national",
                "inputmode": "tel",
                "placeholder": "11 98765-4321",
            }
        ),
    )

    phone: phones.Phone  # once the form is valid

    def __init__(self, *args: Any, regions: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.regions = regions  # the account's
        choices = phones.country_choices(regions, get_language() or "pt-br")
        self.fields["country"].widget = forms.Select(choices=choices, attrs={"autocomplete": "country"})

    def clean(self) -> dict[str, Any]:
        """Turn what was typed into a phone, or say what is wrong with it."""
        data: dict[str, Any] = self.cleaned_data
        if "country" in data and "number" in data:
            try:
                self.phone = phones.parse(data["country"], data["number"], self.regions)
            except TwoFactorError as refusal:
                self.add_error("number", words.of(refusal))
        return data


class GuardedForm(RefusableForm):
    """A form that nobody passes without the captcha. It is asked last, when all else is right."""

    solved = ""  # the name of the captcha that this very request solved

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["captcha"] = captcha.field()

    def clean(self) -> dict[str, Any]:
        """Check the captcha unless something else is wrong already."""
        data = super().clean() or self.cleaned_data
        if not self.errors and "captcha" in self.fields:
            try:
                self.solved = captcha.check(data.get("captcha", ""), self.fields["captcha"])
            except CaptchaRefused as refusal:
                self._refuse_captcha(refusal)
        return data

    def attempt(self, flow: Callable[[], object], *, at: str | None = None) -> Any:
        """Run a flow, which spends the captcha and may find that it was used before (C-02)."""
        try:
            return super().attempt(flow, at=at)
        except CaptchaRefused as refusal:
            self._refuse_captcha(refusal)
            return None

    def _refuse_captcha(self, refusal: CaptchaRefused) -> None:
        captcha.note_refusal(refusal)
        self.add_error("captcha", words.of(refusal))
        if isinstance(refusal, CaptchaReplaced):
            self.fields["captcha"].widget = captcha.AltchaWidget(is_explained=True)


class EnrolmentForm(GuardedForm, PhoneForm):
    """The first phone, with the captcha of each submission (C-01)."""


class ChannelForm(GuardedForm):
    """SMS or e-mail, behind the captcha unless the one passed before still holds (C-06)."""

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


class OnceInput(forms.TextInput):
    """A field that a request brings once: of two answers neither is taken (T-08)."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Read the field, unless it came more than once."""
        return data.get(name) if len(data.getlist(name)) == 1 else None


class TokenForm(RefusableForm):
    """The six digits. What they prove is for the flow to say."""

    token = forms.CharField(
        label=_("TOKEN"),
        required=False,
        max_length=tokens.LONGEST_TYPED,
        widget=OnceInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
    )


class ProofForm(RefusableForm):
    """It is still you: the password, and where the token of the next step goes (R-01)."""

    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    channel = forms.ChoiceField(
        label=_("Where do you want the first token?"),
        choices=Channel.choices,
        initial=Channel.SMS,
        required=False,
        widget=forms.RadioSelect,
    )


class MailboxForm(GuardedForm):
    """The captcha alone: where the token goes is known (D3)."""


class EmailForm(RefusableForm):
    """The new e-mail address (R-08)."""

    email = forms.EmailField(
        label=_("New e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )


class PhoneResetForm(RefusableForm):
    """Why an administrator takes somebody's phone away (R-07)."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("For example: phone stolen. It is kept in the audit trail, and the user reads it."),
    )


class OptionsForm(forms.ModelForm):
    """What the account adds to the second factor (D1, D3)."""

    class Meta:
        model = Account
        fields = ["email_tokens", "mailbox_before_phone"]


class AccountSettingsForm(forms.ModelForm):
    """The account's policy."""

    class Meta:
        model = Account
        fields = ["two_factor_required"]
        labels = {"two_factor_required": _("Two factor authentication")}
