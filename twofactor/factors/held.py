"""The devices that a person has, and which of them count for the account. Read with the person: no statement.

A new kind of device has one entry in ``DEVICES``; ``catalogue`` lists how each kind is verified.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts.factors import CHOICES, DEVICE_FLAGS, OF_DEVICES, STRONGER_THAN_EMAIL, FactorKind
from accounts.models import Account, User, accepting
from twofactor.exceptions import ChannelRefused, JourneyOver
from twofactor.factors.app.models import AppDevice
from twofactor.models.devices import FactorDevice, PhoneDevice
from twofactor.models.passkeys import Passkey

DEVICES: tuple[type[FactorDevice], ...] = (PhoneDevice, AppDevice, Passkey)


def joined(rows: Any, person: str = "") -> Any:
    """Add a person's devices to the statement that loads the person; ``person`` is the path to it, as in ``user__``."""
    for kind in DEVICES:
        rows = kind.joined(rows, person)
    return rows


def hand_over(loaded: Any, user: User) -> None:
    """Give a person the devices that ``joined`` has read with a row that points to the person."""
    for kind in DEVICES:
        kind.handed_over(loaded, user)


def devices_of(user: User) -> list[FactorDevice]:
    """Return every device of a person, whether it counts or not."""
    return [device for kind in DEVICES for device in kind.kept_of(user)]


def counting(user: User) -> list[FactorDevice]:
    """Return the devices of a person that count now.

    A page asks for it some ten times, so kinds of which the person has none are left out first: with a phone alone 20
    calls of Python and C, not 30.
    """
    return [device for kind in DEVICES for device in kind.of(user) if user.accepts(device.factor)]


def usable(user: User) -> list[FactorDevice]:
    """Return the devices of a person that can be used at all: not a passkey of another host."""
    return [device for kind in DEVICES for device in kind.of(user)]


def provable(user: User) -> list[FactorDevice]:
    """Return the devices that a person can use: those that count; where none does, those that they have (K-06).

    A kind that no longer counts opens nothing. It proves who enrols one that does, so that nobody gets around an
    existing factor, and nobody is locked out.
    """
    return counting(user) or usable(user)


def may_add(user: User, kind: FactorKind) -> bool:
    """Tell whether a person may add a device of this kind: it counts; the first one is the phone where phones count."""
    return user.accepts(kind) and (bool(counting(user)) or not user.accepts(FactorKind.SMS))


def has_one_of(user: User, kinds: Sequence[str]) -> bool:
    """Tell whether a person has a device of one of these kinds that can be used here, whether it counts or not."""
    return any(kind.of(user) for kind in DEVICES if kind.factor in kinds)


def device_named(user: User, persistent_id: str) -> FactorDevice | None:
    """Return the device that a session was verified with, if the person still has it and it counts."""
    return next((device for device in counting(user) if device.persistent_id == persistent_id), None)


def lock_row(user: User) -> None:
    """Lock the person's row, so that changes of their factors are serialized in the callers' transactions.

    Removing factors ends the sessions, and so does a new password: a request that began before that binds nothing after
    it. Raises JourneyOver for such a request.
    """
    now = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if (now.session_epoch, now.password) != (user.session_epoch, user.password):
        raise JourneyOver


def lets_in(kind: FactorKind) -> Q:
    """Return the condition that a kind opens a person's sign-in now: it counts, and so does the device it replaces.

    It is for statements that must not rely on an earlier read of the same request.
    """
    account = Account.objects.filter(pk=OuterRef("account"))
    counts: dict[str, Q] = {each: Q(Exists(account.filter(accepting(each)))) for each in CHOICES}
    if kind in OF_DEVICES:
        return counts[kind]
    stands_in = reduce(or_, (counts[each] & Q(**{flag: True}) for each, flag in DEVICE_FLAGS.items()))
    return stands_in if kind == FactorKind.RECOVERY else stands_in & counts[kind]


def phone_of(user: User) -> PhoneDevice | None:
    """Return the person's phone, if they have confirmed one."""
    return next(iter(PhoneDevice.of(user)), None)


def email_yields(user: User) -> bool:
    """Tell whether an app or a passkey that counts switches the mailbox off, where the account wants that (K-06).

    Only a device that can be used here does: passkeys of an earlier host leave the mailbox as it is.
    """
    return user.account.email_yields and any(device.factor in STRONGER_THAN_EMAIL for device in counting(user))


def takes_tokens_by_email(user: User) -> bool:
    """Tell whether the mailbox can replace a device that the person has, now."""
    return bool(counting(user)) and user.takes_tokens_by_email and not email_yields(user)


def destination(user: User, channel: str) -> str:
    """Return the destination of a token: the person's confirmed phone, or their address.

    Raises ChannelRefused before the first factor (P-05), and for a phone that does not count while another device does.
    Raises it for the mailbox where the account takes no tokens by e-mail (D1), where something stronger switches it off
    (K-06), and after a password reset by e-mail until one sign-in by another factor (R-06), so that one mailbox is
    never both factors.
    """
    if channel == FactorKind.EMAIL and takes_tokens_by_email(user):
        return user.email
    phone = next((device for device in provable(user) if isinstance(device, PhoneDevice)), None)
    if channel != FactorKind.SMS or phone is None:
        raise ChannelRefused
    return phone.number
