"""What a person has proved to hold: each a device of django-otp's, whose word ``is_verified`` stays."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device

from accounts.audit.actions import Action
from accounts.factors import FactorKind
from accounts.models import User
from messaging.database import Clock


class FactorDevice(Device):
    """A factor that a person has proved to hold. No row exists before the proof (P-06).

    It comes with the person in the statement that loads them, so that the gate costs nothing: ``joined`` adds it
    there, ``of`` reads it from there.
    """

    factor: ClassVar[FactorKind]
    relation: ClassVar[str]  # of the person to this device
    removed: ClassVar[Action]  # what the audit says when its owner takes it away

    class Meta:
        abstract = True

    @classmethod
    def joined(cls, rows: Any, person: str = "") -> Any:
        """Add the devices of a person to a queryset; ``person`` is the way to them, as in ``user__``."""
        return rows.select_related(f"{person}{cls.relation}")

    @property
    def is_usable(self) -> bool:
        """Tell whether it can still be proved here at all."""
        return True

    @classmethod
    def kept_of(cls, user: User) -> Sequence[Self]:
        """Return the devices of this kind that a person has, also those that can no longer be proved."""
        return cls.of(user)

    @classmethod
    def handed_over(cls, loaded: Any, user: User) -> None:
        """Give a person what ``joined`` has read with the row that points to them. A relation came by itself."""

    @classmethod
    def of(cls, user: User) -> Sequence[Self]:
        """Return the devices of this kind that came with a person."""
        device = getattr(user, cls.relation, None)
        return [device] if device else []


class PhoneDevice(FactorDevice):
    """A phone that a person has proved to hold. No row exists before the proof (P-06)."""

    factor = FactorKind.SMS
    relation = "phone_device"
    removed = Action.PHONE_REMOVED

    user = models.OneToOneField(User, models.CASCADE, related_name="phone_device")
    number = models.CharField(_("number"), max_length=16)
    region = models.CharField(_("country"), max_length=2)
    kind = models.CharField(max_length=24)
    confirmed_at = models.DateTimeField(db_default=Clock())

    class Meta:
        verbose_name = _("phone")
        verbose_name_plural = _("phones")
        indexes = [models.Index(fields=["number"], name="phone_number")]

    def __str__(self) -> str:
        return f"•••{self.number[-2:]}"
