"""A captcha that was solved in a form with another mistake, and is not asked for again."""

from typing import Any

from django import forms

from twofactor import captcha
from twofactor.exceptions import CaptchaRefused


class KeptWidget(forms.HiddenInput):
    """A captcha that was solved in a form with another mistake: it is not asked for again, and no flow has used it."""

    template_name = "twofactor/captcha_kept.html"

    def __init__(self, posted_as: str, value: str) -> None:
        super().__init__()
        self.posted_as, self.solved = posted_as, value
        self.input_type = "kept"  # not "hidden", so that the form shows it

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Render the posted value, under the name that its box posts."""
        return super().get_context(self.posted_as, self.solved, attrs)


def keep(value: str, shown: forms.Field, *, checked: bool = False) -> None:
    """Show a captcha as done that was solved in the field that was ``shown`` and is not finally checked yet.

    Google's is taken unchecked, because it may be asked about once: if it is wrong or too old, the next answer says so.
    One that was ``checked`` already is asked for again.
    """
    widget: Any = shown.widget
    if not value or len(value) > captcha.MAX_LENGTH or (checked and isinstance(widget, captcha.RecaptchaWidget)):
        return
    if isinstance(widget, captcha.AltchaWidget):
        try:
            captcha.check(value, shown)
        except CaptchaRefused:
            return
    shown.widget = KeptWidget(widget.posted_as, value)
