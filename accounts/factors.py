"""The kinds of second factors there are. Which of them count is the account's word: ``Account.accepts``."""

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _


class FactorKind(models.TextChoices):
    """What a person proves with, beside the password. A kind that sends has the name of its channel."""

    SMS = "sms", _("SMS")
    EMAIL = "email", _("E-mail")
    APP = "app", _("Authenticator app")
    PASSKEY = "passkey", _("Passkey")
    RECOVERY = "recovery", _("Recovery code")


# What an account chooses among. The recovery codes stand in for a device wherever there is one.
CHOICES = (FactorKind.SMS, FactorKind.EMAIL, FactorKind.APP, FactorKind.PASSKEY)
# What a person is given a device for. The mailbox stands in for one, so it cannot count alone (P-05).
OF_DEVICES = (FactorKind.SMS, FactorKind.APP, FactorKind.PASSKEY)
# What may switch the mailbox off for whoever has one (``Account.email_yields``).
STRONGER_THAN_EMAIL = (FactorKind.APP, FactorKind.PASSKEY)
PRESETS: dict[str, tuple[FactorKind, ...]] = {
    "all": CHOICES,
    "no_email": OF_DEVICES,
    "phishing_resistant": (FactorKind.PASSKEY,),
}


def written(kinds: Iterable[str]) -> str:
    """Return kinds as one text, in the order of the choice, as an account and its events keep them."""
    return " ".join(kind for kind in CHOICES if kind in set(kinds))
