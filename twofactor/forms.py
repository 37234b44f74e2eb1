"""The base classes of the forms of all journeys."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.exceptions import Limited
from twofactor import captcha, captcha_kept, error_messages
from twofactor.exceptions import CaptchaRefused, CaptchaReplaced, SmsForKnownBrowsers, SmsUsedUp, TwoFactorError
from twofactor.tokens import derive


class CaptchaForm(forms.Form):
    """A form that may ask for the captcha."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Leave out Django's suffix of labels, which no page shows and each form would translate, with 28 calls."""
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def require_captcha(self, step: int) -> None:
        """Require the captcha that is now due, with its amount of work, and use it. Raises CaptchaRefused."""
        field = captcha.field(step)
        self.fields["captcha"] = field
        value = field.widget.value_from_datadict(self.data, {}, "captcha") or ""
        captcha.use(captcha.check(value, field))

    def refuse_captcha(self, refusal: CaptchaRefused) -> None:
        """Show and record that the captcha was not passed."""
        captcha.note_refusal(refusal)
        self.add_error("captcha", error_messages.of(refusal))
        if isinstance(refusal, CaptchaReplaced):
            self.fields["captcha"].widget = captcha.AltchaWidget(is_explained=True)


class RefusableForm(CaptchaForm):
    """A form that can show the refusal of a flow."""

    limited: Limited | None = None  # the limit that the flow reached, for ``pages.answer``
    undone = False  # whether the transaction was rolled back, so that the journey in memory is out of date
    offers_link = False  # whether the page offers the link that makes this browser known

    def attempt(self, flow: Callable[[], object], *, at: str | None = None) -> Any:
        """Run a flow if the form is valid; show its refusal at a field (or above) and return None.

        A limit is kept for the page to show (B-13). GuardedForm handles captchas.
        """
        if not self.is_valid():
            return None
        try:
            return flow()
        except CaptchaRefused:
            raise
        except Limited as refusal:
            self.limited, self.undone = refusal, True
            return None
        except TwoFactorError as refusal:
            self.undone = isinstance(refusal, SmsUsedUp)
            self.offers_link = isinstance(refusal, SmsForKnownBrowsers)
            self.add_error(at, error_messages.of(refusal))
            return None


class GuardedForm(RefusableForm):
    """A form with the captcha, which is checked last, when all other fields are valid."""

    solved = ""  # the name of the captcha that this request solved
    captcha_first = False  # whether the form as a whole is checked only beside a solved captcha, because that is costly

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["captcha"] = captcha.field()

    def clean(self) -> dict[str, Any]:
        """Check the captcha, unless something else is wrong already."""
        if self.captcha_first and not self._is_solved():
            return self.cleaned_data
        data = super().clean() or self.cleaned_data
        if self.errors and "captcha" in self.fields:
            captcha_kept.keep(data.get("captcha", ""), self.fields["captcha"], checked=bool(self.solved))
        elif "captcha" in self.fields and not self.solved:
            self._is_solved()
        return data

    def _is_solved(self) -> bool:
        """Check the captcha; show and record where it was not passed."""
        try:
            self.solved = captcha.check(self.cleaned_data.get("captcha", ""), self.fields["captcha"])
        except CaptchaRefused as refusal:
            self.refuse_captcha(refusal)
        return bool(self.solved)

    def attempt(self, flow: Callable[[], object], *, at: str | None = None) -> Any:
        """Run a flow, which uses the captcha and may find that it was used before (C-02)."""
        try:
            return super().attempt(flow, at=at)
        except CaptchaRefused as refusal:
            self.refuse_captcha(refusal)
            return None


class OnceInput(forms.TextInput):
    """A field that a request may have once: if there are two values, neither is taken (T-08)."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Read the field, unless it came more than once."""
        return data.get(name) if len(data.getlist(name)) == 1 else None


class TokenForm(RefusableForm):
    """The six digits of a token."""

    token = forms.CharField(
        label=_("TOKEN"),
        required=False,
        max_length=derive.MAX_TYPED_LENGTH,
        widget=OnceInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
    )
