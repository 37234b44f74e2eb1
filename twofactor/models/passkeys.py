"""Passkeys and security keys (WebAuthn): a person may have several, each a device of django-otp's (K-04)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from accounts.audit.actions import Action
from accounts.factors import FactorKind
from accounts.models import User
from messaging.database import Clock, Listed
from twofactor.models.devices import FactorDevice

MAX_ID_BYTES = 1023  # bytes of a credential id, by WebAuthn
MAX_ID_LENGTH = -(-MAX_ID_BYTES * 4 // 3)


class PasskeyQuerySet(models.QuerySet["Passkey"]):
    """Queries of passkeys."""

    def usable(self) -> "PasskeyQuerySet":
        """Return those made for this host: browsers offer no others here."""
        return self.filter(rp_id=settings.PUBLIC_HOST)


class Passkey(FactorDevice):
    """A key pair on an authenticator of the person. The private key never leaves it; this is the public one."""

    factor = FactorKind.PASSKEY
    removed = Action.PASSKEY_REMOVED
    relation = "passkey_ids"  # an annotation of the person, because they may have several

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=64)
    credential_id = models.CharField(max_length=MAX_ID_LENGTH, unique=True)  # base64url
    public_key = models.BinaryField()  # COSE
    sign_count = models.PositiveBigIntegerField(default=0)  # 0 where the authenticator does not count
    rp_id = models.CharField(max_length=253)
    transports = models.JSONField(default=list)
    is_synced = models.BooleanField(default=False)  # its maker copies it to other devices of the person
    # Required for a sign-in without the password: the authenticator verified the person, and finds the key by itself.
    user_verified = models.BooleanField(default=False, db_default=False)
    is_discoverable = models.BooleanField(default=False, db_default=False)
    aaguid = models.CharField(max_length=36, default="", db_default="")  # the model, as the authenticator says
    confirmed_at = models.DateTimeField(db_default=Clock())
    last_used_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = PasskeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("passkey")
        verbose_name_plural = _("passkeys")

    def __str__(self) -> str:
        return self.name

    @property
    def is_usable(self) -> bool:
        """Tell whether it was made for this host."""
        return bool(self.rp_id == settings.PUBLIC_HOST)

    @property
    def opens_alone(self) -> bool:
        """Tell whether it is two factors in one: something one has, and what unlocks it."""
        return self.is_usable and self.user_verified and self.is_discoverable

    @classmethod
    def joined(cls, rows: Any, person: str = "") -> Any:
        """Add the ids of a person's usable passkeys to a queryset."""
        usable = cls.objects.usable().filter(user=OuterRef(f"{person}pk")).order_by()
        return rows.annotate(**{cls.relation: Subquery(usable.annotate(ids=Listed(F("pk"))).values("ids"))})

    @classmethod
    def handed_over(cls, loaded: Any, user: User) -> None:
        """Give a person the ids that were read with a row that points to the person."""
        setattr(user, cls.relation, getattr(loaded, cls.relation))

    @classmethod
    def of(cls, user: User) -> Sequence[Self]:
        """Return the usable passkeys of a person. Only their ids are loaded with the person; the rest is read now."""
        if hasattr(user, cls.relation):
            numbers = (getattr(user, cls.relation) or "").split(",")
            return [cls._numbered(user, int(number)) for number in numbers if number]
        return list(cls.objects.usable().filter(user=user))

    @classmethod
    def kept_of(cls, user: User) -> Sequence[Self]:
        """Return all passkeys of a person, in the order in which they were added."""
        return list(cls.objects.filter(user=user).order_by("pk"))

    @classmethod
    def forget_read(cls, user: User) -> None:
        """Drop the ids that were loaded with a person, because they are no longer true."""
        if hasattr(user, cls.relation):
            delattr(user, cls.relation)

    @classmethod
    def _numbered(cls, user: User, number: int) -> Self:
        row = [number, user.pk, True]
        passkey: Self = cls.from_db(cls.objects.db, ["id", "user_id", "confirmed"], row)
        passkey.user = user
        return passkey
