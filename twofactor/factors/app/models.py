"""An authenticator app that a person has proved to hold, and one that is being enrolled."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.audit.actions import Action
from accounts.factors import FactorKind
from accounts.models import User
from messaging.database import Clock
from twofactor import sealing
from twofactor.models.devices import FactorDevice


class AppDevice(FactorDevice):
    """An app that shows tokens (RFC 6238). Its secret is sealed; ``last_step`` is the last step that was used."""

    factor = FactorKind.APP
    relation = "app_device"
    removed = Action.APP_REMOVED

    user = models.OneToOneField(User, models.CASCADE, related_name="app_device")
    sealed = models.CharField(max_length=sealing.MAX_LENGTH)
    key_id = models.CharField(max_length=8)
    last_step = models.BigIntegerField()
    confirmed_at = models.DateTimeField(db_default=Clock())
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")
        indexes = [models.Index(fields=["key_id"], name="app_key")]

    def __str__(self) -> str:
        return self.name or str(FactorKind.APP.label)


class AppEnrolment(models.Model):
    """A secret that was shown and is not confirmed yet: of one session, for ten minutes. It proves nothing."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    session_hash = models.CharField(max_length=64, unique=True)
    sealed = models.CharField(max_length=sealing.MAX_LENGTH)
    created_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()

    now: datetime  # annotated by ``flows.enrolment_of``

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="appenrolment_created")]

    def __str__(self) -> str:
        return f"app enrolment {self.pk}"
