from django.conf import settings
from django.db import models


class KnownDevice(models.Model):
    """A browser and system in a network, from which a person signed in; a sign-in from any other is notified."""

    # It begins the constraint below; Django's own index would be a duplicate.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    browser = models.CharField(max_length=60)  # "Chrome Windows", without the version, which changes every month
    network = models.CharField(max_length=43)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "browser", "network"], name="known_device_once"),
        ]
        indexes = [models.Index(fields=["seen_at"], name="known_device_seen")]

    def __str__(self) -> str:
        return f"{self.browser} in {self.network}"
