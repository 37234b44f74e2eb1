"""The kinds of second factors there are. Which of them count is the account's word: ``Account.accepts``."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class FactorKind(models.TextChoices):
    """What a person proves with, beside the password. A kind that sends has the name of its channel."""

    SMS = "sms", _("SMS")
    EMAIL = "email", _("E-mail")
    APP = "app", _("Authenticator app")
    PASSKEY = "passkey", _("Passkey")
    RECOVERY = "recovery", _("Recovery code")
