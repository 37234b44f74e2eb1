"""The Django admin of the portal."""

from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    """Register models on the site that stands behind the portal's own sign-in."""

    default_site = "messaging.admin.OperatorSite"
