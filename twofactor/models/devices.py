"""Devices: factors that a person has proved to hold, each a device of django-otp's, for its ``is_verified``."""

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
    """A factor that a person has proved to hold. There is no row before the proof (P-06).

    It is loaded with the person in one statement, so that the gate needs none: ``joined`` adds it to that statement,
    and ``of`` reads it from the person.
    """

    factor: ClassVar[FactorKind]
    relation: ClassVar[str]  # the person's attribute with this device
    removed: ClassVar[Action]  # the audit action when its owner removes it

    class Meta:
        abstract = True

    @classmethod
    def joined(cls, rows: Any, person: str = "") -> Any:
        """Add the devices of a person to a queryset; ``person`` is the path to the person, as in ``user__``."""
        return rows.select_related(f"{person}{cls.relation}")

    @property
    def is_usable(self) -> bool:
        """Tell whether it can be used here at all."""
        return True

    @classmethod
    def kept_of(cls, user: User) -> Sequence[Self]:
        """Return the devices of this kind that a person has, including those that can no longer be used."""
        return cls.of(user)

    @classmethod
    def handed_over(cls, loaded: Any, user: User) -> None:
        """Give a person what ``joined`` has read with a row that points to the person; a relation needs nothing."""

    @classmethod
    def of(cls, user: User) -> Sequence[Self]:
        """Return the devices of this kind that were loaded with a person."""
        device = getattr(user, cls.relation, None)
        return [device] if device else []


class PhoneDevice(FactorDevice):
    """A phone that a person has proved to hold. There is no row before the proof (P-06)."""

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
