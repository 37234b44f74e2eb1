from django.apps import AppConfig


class TwoFactorConfig(AppConfig):
    """How: proving that you hold the phone."""

    name = "twofactor"

    def ready(self) -> None:
        from twofactor import checks, notifications, purge  # noqa: F401
