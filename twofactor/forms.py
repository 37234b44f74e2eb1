"""What the forms of all journeys share. Forms read and find words; flows decide."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.exceptions import Limited
from twofactor import captcha, captcha_kept, error_messages
from twofactor.exceptions import CaptchaRefused, CaptchaReplaced, SmsForKnownBrowsers, TwoFactorError
from twofactor.tokens import derive


class CaptchaForm(forms.Form):
    """A form that may ask for the captcha."""

    def pay(self, step: int) -> None:
        """Ask for the captcha that becomes due, with the work of its step, and use it. Raises CaptchaRefused."""
        field = captcha.field(step)
        self.fields["captcha"] = field
        value = field.widget.value_from_datadict(self.data, {}, "captcha") or ""
        captcha.use(captcha.check(value, field))

    def refuse_captcha(self, refusal: CaptchaRefused) -> None:
        """Show and write down that somebody did not get past the captcha."""
        captcha.note_refusal(refusal)
        self.add_error("captcha", error_messages.of(refusal))
        if isinstance(refusal, CaptchaReplaced):
            self.fields["captcha"].widget = captcha.AltchaWidget(is_explained=True)


class RefusableForm(CaptchaForm):
    """A form that can show what a flow refused."""

    limited: Limited | None = None  # the limit that the flow ran into, for ``pages.answer``
    offers_link = False  # that makes this browser known, where that is what the refusal asks for

    def attempt(self, flow: Callable[[], object], *, at: str | None = None) -> Any:
        """Run a flow if something valid was posted; show its refusal at a field (or above) and return None.

        A limit is kept for the page to tell (B-13). Of captchas GuardedForm knows.
        """
        if not self.is_valid():
            return None
        try:
            return flow()
        except CaptchaRefused:
            raise
        except Limited as refusal:
            self.limited = refusal
            return None
        except TwoFactorError as refusal:
            self.offers_link = isinstance(refusal, SmsForKnownBrowsers)
            self.add_error(at, error_messages.of(refusal))
            return None


class GuardedForm(RefusableForm):
    """A form that nobody passes without the captcha. It is asked last, when all else is right."""

    solved = ""  # the name of the captcha that this very request solved

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["captcha"] = captcha.field()

    def clean(self) -> dict[str, Any]:
        """Check the captcha unless something else is wrong already."""
        data = super().clean() or self.cleaned_data
        if self.errors and "captcha" in self.fields:
            captcha_kept.keep(data.get("captcha", ""), self.fields["captcha"])
        elif "captcha" in self.fields:
            try:
                self.solved = captcha.check(data.get("captcha", ""), self.fields["captcha"])
            except CaptchaRefused as refusal:
                self.refuse_captcha(refusal)
        return data

    def attempt(self, flow: Callable[[], object], *, at: str | None = None) -> Any:
        """Run a flow, which uses the captcha and may find that it was used before (C-02)."""
        try:
            return super().attempt(flow, at=at)
        except CaptchaRefused as refusal:
            self.refuse_captcha(refusal)
            return None


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
        max_length=derive.LONGEST_TYPED,
        widget=OnceInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
    )
