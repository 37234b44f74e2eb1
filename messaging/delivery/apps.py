from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    """Everything that is sent."""

    name = "messaging.delivery"
    label = "delivery"
    verbose_name = _("Delivery of messages")

    def ready(self) -> None:
        from messaging.delivery import checks  # noqa: F401
