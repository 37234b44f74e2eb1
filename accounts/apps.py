from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Who: tenants, people, roles, policy, audit."""

    name = "accounts"
    verbose_name = _("Accounts and people")

    def ready(self) -> None:
        """Register checks, messages and periodic tasks. The flows themselves write the time of a sign-in."""
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        from accounts import checks, new_device_alerts, policy_schedule  # noqa: F401
        from accounts.audit import partitioning, thinning  # noqa: F401
        from accounts.dashboard import stats  # noqa: F401
        from accounts.notifications import links  # noqa: F401
        from accounts.users import missing_words  # noqa: F401
