"""The Django admin of the portal."""

from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    """Use the operators' site as Django's default admin site."""

    default_site = "messaging.admin.OperatorSite"
