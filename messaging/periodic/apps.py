from django.apps import AppConfig


class PeriodicConfig(AppConfig):
    """What is done every so often, and the loop that does it. Its table is in the app of delivery."""

    name = "messaging.periodic"
    label = "periodic"
