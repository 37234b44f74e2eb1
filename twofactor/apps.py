from django.apps import AppConfig


class TwoFactorConfig(AppConfig):
    """How: tokens, factors, pending sign-ins and the gate."""

    name = "twofactor"

    def ready(self) -> None:
        from twofactor import checks, notifications, purge  # noqa: F401
