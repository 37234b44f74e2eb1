from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who: tenants, people, roles, policy, audit."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import composers  # noqa: F401
