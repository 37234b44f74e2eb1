"""A captcha that was solved beside another mistake, and is not asked for again."""

from typing import Any

from django import forms

from twofactor import captcha
from twofactor.exceptions import CaptchaRefused


class KeptWidget(forms.HiddenInput):
    """A captcha that was solved beside another mistake: it is not asked for again, and nothing has used it."""

    template_name = "twofactor/captcha_kept.html"

    def __init__(self, posted_as: str, value: str) -> None:
        super().__init__()
        self.posted_as, self.solved = posted_as, value
        self.input_type = "kept"  # not "hidden": the form shows that it is there

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Carry the value that was posted, under the name that its box posts."""
        return super().get_context(self.posted_as, self.solved, attrs)


def keep(value: str, shown: forms.Field) -> None:
    """Show a captcha as done, which was solved in the field that was ``shown`` and is not looked at for good yet.

    Google's is taken as it came, for it may be asked about once: if it is none, or too old, the next answer says so.
    """
    widget: Any = shown.widget
    if not value or len(value) > captcha.LONGEST:
        return
    if isinstance(widget, captcha.AltchaWidget):
        try:
            captcha.check(value, shown)
        except CaptchaRefused:
            return
    shown.widget = KeptWidget(widget.posted_as, value)
