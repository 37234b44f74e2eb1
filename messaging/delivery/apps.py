from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """Everything that leaves the system."""

    name = "messaging.delivery"
    label = "delivery"

    def ready(self) -> None:
        from messaging.delivery import checks  # noqa: F401
