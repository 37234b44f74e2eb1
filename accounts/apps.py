from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Who: tenants, people, roles, policy, audit."""

    name = "accounts"
    verbose_name = _("Accounts and people")

    def ready(self) -> None:
        from accounts import composers, metrics  # noqa: F401
