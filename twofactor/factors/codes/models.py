"""A person's own recovery codes, for when phone and app are lost."""

from django.db import models

from accounts.models import User
from messaging.database import Clock


class OwnRecoveryCode(models.Model):
    """One of the ten codes. Only a digest is stored, under a key outside of the database."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    key_id = models.CharField(max_length=8)
    issued_at = models.DateTimeField(db_default=Clock())
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"own recovery code {self.pk}"
