"""The actions of Account Settings that are carried out after a re-authentication.

``demand`` stores the action with the re-authentication; its purpose names the action.
"""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import policy, policy_schedule
from accounts.models import User
from twofactor.factors import held
from twofactor.factors.passkeys import alone
from twofactor.models import PendingSignIn


def switch_policy(user: User, asked: dict[str, Any]) -> str:
    wanted = bool(asked["two_factor_required"])
    policy.set_two_factor_policy(user.account, wanted, actor=user)
    return say_switched(wanted)


def say_switched(on: bool) -> str:
    """Return the message of success for the switch."""
    return _("Two factor authentication is on.") if on else _("Two factor authentication is off.")


def change_options(user: User, asked: dict[str, Any]) -> str:
    policy.set_sign_in_options(user.account, actor=user, **asked)
    return _("Your settings were saved.")


def decide_passkeys_alone(user: User, asked: dict[str, Any]) -> str:
    """Allow or forbid sign-in by passkey alone; return the message."""
    allowed = bool(asked["passkeys_alone"])
    policy.set_passkeys_alone(user.account, allowed, actor=user)
    alone.forget_offer()
    return (
        _("Passkeys now sign in without the password. The sign-in page shows it within a minute.")
        if allowed
        else _("Passkeys now sign in after the password only.")
    )


def decide_email_yields(user: User, asked: dict[str, Any]) -> str:
    """Switch e-mail off for whoever has something stronger, or on again; return the message (K-06)."""
    yields = bool(asked["email_yields"])
    policy.set_email_yields(user.account, yields, actor=user)
    return (
        _("Whoever has an authenticator app or a passkey gets no tokens by e-mail.")
        if yields
        else _("Tokens by e-mail count again for everybody.")
    )


def set_date(user: User, asked: dict[str, Any]) -> str:
    """Set or cancel the date of the policy; return the message."""
    if not asked["starts"]:
        cancelled = policy_schedule.unschedule(user.account, actor=user)
        return _("The date was cancelled. Nothing changes.") if cancelled else _("There is no date to cancel any more.")
    starts = datetime.fromisoformat(asked["starts"])
    policy_schedule.schedule(user.account, starts, actor=user)
    user.account.refresh_from_db(fields=["two_factor_required"])
    return say_switched(True) if user.account.two_factor_required else say_date(starts)


def say_date(starts: datetime) -> str:
    """Return the message of success for a date of the policy."""
    day = date_format(timezone.localtime(starts), "DATE_FORMAT")
    return _("From %(day)s two factor authentication is on for everybody.") % {"day": day}


def choose_countries(user: User, asked: dict[str, Any]) -> str:
    """Put the chosen countries in force; return the message."""
    policy.set_allowed_regions(user.account, asked["regions"], actor=user)
    return _("The countries of the phones were changed.")


def say_carried_out(pending: PendingSignIn, policy_date: datetime | None) -> str:
    """Return the message about what a sign-in did for the account; empty if that was nothing."""
    if not (pending.switches_policy_on or policy_date):
        return ""
    account = pending.user.account
    account.refresh_from_db(fields=["two_factor_required", "two_factor_from"])
    if pending.switches_policy_on and account.two_factor_required:
        return say_switched(True)
    return say_date(policy_date) if policy_date and account.two_factor_from == policy_date else ""


def choose_factors(user: User, asked: dict[str, Any]) -> str:
    """Let the chosen kinds count, now or from their date on; return the message (K-06)."""
    if not asked["kinds"]:
        cancelled = policy_schedule.unschedule_factors(user.account, actor=user)
        return _("The date was cancelled. Nothing changes.") if cancelled else _("There is no date to cancel any more.")
    starts = datetime.fromisoformat(asked["starts"]) if asked["starts"] else None
    if not held.has_one_of(user, asked["kinds"]):  # removed meanwhile
        return _("Nothing was changed: you have none of these second steps yourself any more.")
    policy_schedule.choose_factors(user.account, asked["kinds"], starts, actor=user)
    if not starts:
        return _("From now on only the chosen second steps count.")
    day = date_format(timezone.localtime(starts), "DATE_FORMAT")
    return _("From %(day)s only the chosen second steps count.") % {"day": day}


CARRIED_OUT = {
    "policy.factors": choose_factors,
    "policy": switch_policy,
    "policy.email": decide_email_yields,
    "policy.options": change_options,
    "policy.passkeys": decide_passkeys_alone,
    "policy.date": set_date,
    "account.countries": choose_countries,
}


def carry_out(purpose: str, user: User, asked: dict[str, Any]) -> str:
    """Carry out an administrator's action, and return the message.

    Raises PermissionDenied when they are no administrator any more: minutes may have passed (A-01).
    """
    if not user.is_administrator:
        raise PermissionDenied
    return CARRIED_OUT[purpose](user, asked)
