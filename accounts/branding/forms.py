"""The colour and the logo of an account."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.branding import logos
from accounts.exceptions import LogoRefused
from accounts.models import Accent

LOGO_REFUSALS = {
    "type": _("The logo has to be a PNG file."),
    "large": _("The logo may have 64 kB at most."),
    "sides": _("The logo has to be between 16 and 512 pixels wide and high."),
    "interlaced": _("Save the PNG without interlacing, and choose it again."),
    "broken": _("This PNG file is damaged. Save it once more, and choose it again."),
}


class AppearanceForm(forms.Form):
    """The account's colour."""

    accent = forms.ChoiceField(label=_("Colour"), choices=Accent.choices, widget=forms.RadioSelect)


class LogoForm(forms.Form):
    """The account's logo: a file, or none. Cleans to the bytes to store."""

    logo = forms.FileField(
        label=_("Picture"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "image/png"}),
        help_text=_(
            "A PNG, 16 to 512 pixels wide and high, 64 kB at most. Whoever knows its address can see it, without"
            " signing in."
        ),
    )
    action = forms.CharField(required=False)

    def clean_logo(self) -> bytes:
        """Return the logo, rewritten."""
        if self.data.get("action") == "remove":
            return b""
        sent = self.cleaned_data["logo"]
        if not sent or not sent.size:
            raise ValidationError(_("Choose a file."))
        try:
            return logos.rewrite(sent.read())
        except LogoRefused as refusal:
            raise ValidationError(LOGO_REFUSALS[refusal.args[0]]) from refusal
