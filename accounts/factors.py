"""The kinds of second factors. ``Account.accepts`` decides which of them count."""

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _


class FactorKind(models.TextChoices):
    """A kind of second factor. One that sends a token has the name of its channel."""

    SMS = "sms", _("SMS")
    EMAIL = "email", _("E-mail")
    APP = "app", _("Authenticator app")
    PASSKEY = "passkey", _("Passkey")
    RECOVERY = "recovery", _("Recovery code")


# The kinds that an account chooses among. Recovery codes count wherever there is a device.
CHOICES = (FactorKind.SMS, FactorKind.EMAIL, FactorKind.APP, FactorKind.PASSKEY)
# The kinds that have a device. The mailbox replaces a device, so it cannot count alone (P-05).
OF_DEVICES = (FactorKind.SMS, FactorKind.APP, FactorKind.PASSKEY)
# The field of a user that says whether they have a device of a kind.
DEVICE_FLAGS = {FactorKind.SMS: "has_phone", FactorKind.APP: "has_app", FactorKind.PASSKEY: "has_passkey"}
# The kinds that may switch the mailbox off (``Account.email_yields``).
STRONGER_THAN_EMAIL = (FactorKind.APP, FactorKind.PASSKEY)
PRESETS: dict[str, tuple[FactorKind, ...]] = {
    "all": CHOICES,
    "no_email": OF_DEVICES,
    "phishing_resistant": (FactorKind.PASSKEY,),
}


def written(kinds: Iterable[str]) -> str:
    """Return kinds as one text, in the order of ``CHOICES``, as accounts and events store them."""
    return " ".join(kind for kind in CHOICES if kind in set(kinds))
