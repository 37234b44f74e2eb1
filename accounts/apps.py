from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Who: tenants, people, roles, policy, audit."""

    name = "accounts"
    verbose_name = _("Accounts and people")

    def ready(self) -> None:
        """Register what this app sends and measures. The time of a sign-in is written by the flows themselves."""
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        from accounts import composers, figures, metrics, notices, places, sentences, switching  # noqa: F401
