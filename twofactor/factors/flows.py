"""What people do with the factors that they have: remove one, rename it, choose the first one."""

from django.db import transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.factors import DEVICE_FLAGS, FactorKind
from accounts.models import User
from accounts.notifications.notify import notify
from twofactor import exceptions as refusals
from twofactor.factors import catalogue, held
from twofactor.models import FactorDevice


def remove(user: User, device: FactorDevice) -> list[FactorDevice]:
    """Remove a device, and return the devices that still count. Raises LastFactor.

    The sessions that it verified need another one. A device that no longer counts may always be removed. Two removals
    at the same moment are serialized, so that one device stays.
    """
    with transaction.atomic():
        counting = held.counting(_locked(user))
        if user.two_factor_required and counting == [device]:
            raise refusals.LastFactor
        deleted, _rows = type(device)._default_manager.filter(pk=device.pk, user=user).delete()
        if deleted:
            if not type(device)._default_manager.filter(user=user).exists():  # there may be other passkeys
                User.objects.filter(pk=user.pk, preferred_factor=device.factor).update(preferred_factor="")
                User.objects.filter(pk=user.pk).update(**{DEVICE_FLAGS[device.factor]: False})
            notify(user, record_event(device.removed, user=user, name=device.name))
    return [other for other in counting if other != device]


def _locked(user: User) -> User:
    """Lock the person's row, and return the person with their current devices."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    found: User = held.joined(User.objects.with_policy().select_related("account")).get(pk=user.pk)
    return found


def rename(user: User, device: FactorDevice, name: str) -> None:
    """Give a device another name."""
    with transaction.atomic():
        if type(device)._default_manager.filter(pk=device.pk, user=user).update(name=name):
            record_event(Action.FACTOR_RENAMED, user=user, channel=device.factor)


def prefer(user: User, kind: str) -> None:
    """Let sign-ins begin with a kind of factor. Raises ChannelRefused for one that is not open to the person."""
    if kind in {"", FactorKind.RECOVERY}:  # recovery codes are never first
        raise refusals.ChannelRefused
    factor = catalogue.open_factor(user, kind)
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(preferred_factor=factor.kind)
        record_event(Action.FACTOR_PREFERRED, user=user, channel=factor.kind)
