"""The steps of a pending sign-in. Their addresses are the business of ``sign_in.addresses``."""

from django.db import models


class Step(models.TextChoices):
    """Where a pending sign-in waits."""

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
