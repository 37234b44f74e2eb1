from django.apps import AppConfig


class PeriodicConfig(AppConfig):
    """Periodic tasks, and the loop that runs them. Their table is in the app of delivery."""

    name = "messaging.periodic"
    label = "periodic"
