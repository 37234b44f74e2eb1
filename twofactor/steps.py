"""The steps of a pending sign-in. ``sign_in.addresses`` has the page of each."""

from django.db import models


class Step(models.TextChoices):
    """The step at which a pending sign-in waits."""

    PASSWORD = "password"  # noqa: S105  # the name of a step
    INTRODUCTION = "introduction"
    MAILBOX = "mailbox"
    RECOVERY_CODE = "recovery_code"
    PHONE = "phone"
    SETUP = "setup"
    CHANNEL = "channel"
    APP = "app"
    PASSKEY = "passkey"
    TOKEN = "token"  # noqa: S105  # the same
