"""The list of a person's factors: their names, since when they are there, when they were last used."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.factors import FactorKind
from accounts.models import User
from twofactor import phones
from twofactor.factors import held
from twofactor.factors.catalogue import FACTORS
from twofactor.models import Challenge, FactorDevice, OwnRecoveryCode, PhoneDevice, Purpose

PROVED_BY = (Purpose.SIGN_IN, Purpose.REAUTHENTICATE, Purpose.ENROL)
ICONS = {FactorKind.SMS: "phone", FactorKind.EMAIL: "mail", FactorKind.PASSKEY: "key"}


@dataclass(frozen=True, slots=True)
class ListedFactor:
    """One line of the list."""

    kind: str
    label: str
    name: str
    icon: str
    since: datetime | None
    last_used: datetime | None
    counts: bool
    comes_first: bool
    device: FactorDevice | None  # if it can be renamed and removed here


def entries(user: User) -> list[ListedFactor]:
    """Return what a person has, in the order of the catalogue."""
    used = _last_used(user)
    found = [_of_device(user, device, used) for device in held.devices_of(user)]
    if found:
        found.insert(1, _of_mailbox(user, used))
    return found


def can_go(user: User, device: FactorDevice) -> bool:
    """Tell whether the list can remove a device: a phone is changed instead, unless it no longer counts (K-06)."""
    return not isinstance(device, PhoneDevice) or not user.accepts(device.factor)


def codes_of(user: User) -> dict[str, datetime | None]:
    """Return since when a person has recovery codes of their own, and when one was last used."""
    rows = OwnRecoveryCode.objects.filter(user=user)
    found: dict[str, datetime | None] = rows.aggregate(since=Max("issued_at"), last_used=Max("used_at"))
    return found


def _last_used(user: User) -> dict[str, datetime]:
    """Return when a token of each channel was last typed, as far back as challenges are kept."""
    proved: Any = Challenge.objects.filter(user=user, purpose__in=PROVED_BY, verified_at__isnull=False)
    return dict(proved.values_list("channel").annotate(last=Max("verified_at")).order_by())


def _of_device(user: User, device: FactorDevice, used: dict[str, datetime]) -> ListedFactor:
    is_phone = isinstance(device, PhoneDevice)
    return ListedFactor(
        kind=device.factor,
        label=str(_("Phone") if is_phone else FACTORS[device.factor].label),
        name=phones.pretty(device.number) if is_phone else device.name,
        icon=ICONS.get(device.factor, "shield"),
        since=device.confirmed_at,
        last_used=getattr(device, "last_used_at", None) or used.get(device.factor),
        counts=device.is_usable and user.accepts(device.factor),
        comes_first=user.preferred_factor == device.factor,
        device=device if can_go(user, device) else None,
    )


def _of_mailbox(user: User, used: dict[str, datetime]) -> ListedFactor:
    return ListedFactor(
        kind=FactorKind.EMAIL,
        label=str(FACTORS[FactorKind.EMAIL].label),
        name=user.email,
        icon=ICONS[FactorKind.EMAIL],
        since=None,
        last_used=used.get(FactorKind.EMAIL),
        counts=FACTORS[FactorKind.EMAIL].is_open_to(user),
        comes_first=user.preferred_factor == FactorKind.EMAIL,
        device=None,
    )
