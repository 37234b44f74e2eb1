"""What a person has, and what of it the account lets count. Reads what came with the person: no statement.

A new kind of device has one entry in ``DEVICES``; how it is proved is told in ``catalogue``.
"""

from collections.abc import Sequence
from typing import Any

from accounts.factors import STRONGER_THAN_EMAIL, FactorKind
from accounts.models import User
from twofactor.exceptions import ChannelRefused, JourneyOver
from twofactor.factors.app.models import AppDevice
from twofactor.models.devices import FactorDevice, PhoneDevice
from twofactor.models.passkeys import Passkey

DEVICES: tuple[type[FactorDevice], ...] = (PhoneDevice, AppDevice, Passkey)


def joined(rows: Any, person: str = "") -> Any:
    """Add the devices of a person to the statement that loads them; ``person`` is the way to them, as in ``user__``."""
    for kind in DEVICES:
        rows = kind.joined(rows, person)
    return rows


def hand_over(loaded: Any, user: User) -> None:
    """Give a person the devices that ``joined`` has read with the row that points to them."""
    for kind in DEVICES:
        kind.handed_over(loaded, user)


def devices_of(user: User) -> list[FactorDevice]:
    """Return every device of a person, whether it counts or not."""
    return [device for kind in DEVICES for device in kind.kept_of(user)]


def counting(user: User) -> list[FactorDevice]:
    """Return the devices of a person that the account lets count now."""
    return [device for kind in DEVICES if user.accepts(kind.factor) for device in kind.of(user)]


def usable(user: User) -> list[FactorDevice]:
    """Return the devices of a person that can be proved at all, as they came with the person."""
    return [device for kind in DEVICES for device in kind.of(user)]


def provable(user: User) -> list[FactorDevice]:
    """Return what a person can prove with: what counts; where nothing does, what they have all the same (K-06).

    A kind that no longer counts opens nothing. It proves who enrols one that does, so that nobody gets around a
    factor that is there, and nobody is stuck.
    """
    return counting(user) or usable(user)


def may_add(user: User, kind: FactorKind) -> bool:
    """Tell whether a person may add a device of a kind that counts: the first one is the phone, where phones count."""
    return user.accepts(kind) and (bool(counting(user)) or not user.accepts(FactorKind.SMS))


def has_one_of(user: User, kinds: Sequence[str]) -> bool:
    """Tell whether a person has a device of one of these kinds that can be proved here, counting or not."""
    return any(kind.of(user) for kind in DEVICES if kind.factor in kinds)


def device_named(user: User, persistent_id: str) -> FactorDevice | None:
    """Return the device that a session was verified with, while the person has it and the account lets it count."""
    return next((device for device in counting(user) if device.persistent_id == persistent_id), None)


def lock(user: User) -> None:
    """Put what happens to a person's factors in a line, in the caller's transaction. Raises JourneyOver.

    What takes factors away ends the sessions, and so does a new password: a request that began before that binds
    nothing after it.
    """
    now = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if (now.session_epoch, now.password) != (user.session_epoch, user.password):
        raise JourneyOver


def phone_of(user: User) -> PhoneDevice | None:
    """Return the person's phone, if they have proved one."""
    return next(iter(PhoneDevice.of(user)), None)


def email_yields(user: User) -> bool:
    """Tell whether an app or a passkey that counts switches the mailbox off, where the account wants that (K-06).

    Only what can be proved here does: passkeys of an earlier host leave the mailbox as it is.
    """
    return user.account.email_yields and any(device.factor in STRONGER_THAN_EMAIL for device in counting(user))


def takes_tokens_by_email(user: User) -> bool:
    """Tell whether the mailbox stands in for a device that the person has, at this moment."""
    return bool(counting(user)) and user.takes_tokens_by_email and not email_yields(user)


def destination(user: User, channel: str) -> str:
    """Return the person's proved phone or their address, for a token.

    Raises ChannelRefused before the first factor (P-05), for a phone that does not count while another device does, and
    for the mailbox where the account takes no tokens by e-mail (D1), where something stronger stands in for it (K-06),
    or after a password reset by e-mail, until one sign-in by another factor (R-06): else one mailbox would be both.
    """
    if channel == FactorKind.EMAIL and takes_tokens_by_email(user):
        return user.email
    phone = next((device for device in provable(user) if isinstance(device, PhoneDevice)), None)
    if channel != FactorKind.SMS or phone is None:
        raise ChannelRefused
    return phone.number
