"""The one-time code that an administrator reads to a person who has lost the phone (R-10)."""

from django.db import models

from accounts.models import User
from messaging.database import Clock


class RecoveryCode(models.Model):
    """The latest code of a person. Only a digest is stored, under a key outside of the database."""

    user = models.OneToOneField(User, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    key_id = models.CharField(max_length=8)
    issued_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["issued_at"], name="recovery_code_issued")]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"
