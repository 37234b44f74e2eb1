"""What an account decides about the second factor: the flows that write it.

It is read at each request with the person (``accounts/auth/backends.py``, ``User.two_factor_required``), and enforced
by the gate (``twofactor/middleware.py``).
"""

from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import policy_schedule
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.factors import written
from accounts.models import Account, User
from accounts.notifications.notify import notify_administrators
from messaging.database import Clock


def set_two_factor_policy(account: Account, required: bool, *, actor: User) -> bool:
    """Switch the account's policy; return whether that changed anything.

    One conditional UPDATE, whatever the size of the account; in force at everybody's next request (S-05).
    """
    with transaction.atomic():
        if account.demands_second_factor and not account.two_factor_required:
            policy_schedule.come_into_force(account)  # if its date has come, it is switched off as any policy is
        changed = (
            Account.objects.filter(pk=account.pk)
            .exclude(two_factor_required=required)
            .update(two_factor_required=required, two_factor_changed_at=Clock(), two_factor_from=None)
        )
        if changed:
            action = Action.POLICY_SWITCHED_ON if required else Action.POLICY_SWITCHED_OFF
            event = record_event(action, user=actor, before=not required, after=required)
            notify_administrators(account, event)
            if required:
                policy_schedule.notify_of_switch(account, actor=actor)
    return bool(changed)


def set_sign_in_options(account: Account, *, mailbox_before_phone: bool, actor: User) -> bool:
    """Change the account's options of the second factor (D3); return whether that changed anything."""
    options: dict[str, Any] = {"mailbox_before_phone": mailbox_before_phone}
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(**options).update(**options)
        if changed:
            record_event(Action.POLICY_OPTIONS_CHANGED, user=actor, **options)
    return bool(changed)


def set_passkeys_alone(account: Account, allowed: bool, *, actor: User) -> bool:
    """Allow or forbid sign-in by passkey alone (K-04); return whether that changed anything."""
    with transaction.atomic():
        others = Account.objects.filter(pk=account.pk).exclude(passkeys_alone=allowed)
        changed = others.update(passkeys_alone=allowed)
        if changed:
            action = Action.PASSKEYS_ALONE_ALLOWED if allowed else Action.PASSKEYS_ALONE_FORBIDDEN
            record_event(action, user=actor)
    return bool(changed)


def set_email_yields(account: Account, yields: bool, *, actor: User) -> bool:
    """Send no tokens by e-mail to people who have an app or a passkey, or send them again (K-06).

    Return whether that changed anything. Read at each request; notified as other changes of the kinds are (K-07).
    """
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(email_yields=yields).update(email_yields=yields)
        if changed:
            action = Action.POLICY_FACTORS_EMAIL_OFF if yields else Action.POLICY_FACTORS_EMAIL_ON
            notify_administrators(account, record_event(action, user=actor))
            account.refresh_from_db()
            policy_schedule.announce_factors(account, actor, after=written(account.accepted), starts=None)
    return bool(changed)


def set_allowed_regions(account: Account, regions: list[str], *, actor: User) -> bool:
    """Choose the countries of the account's phones among the operator's (P-03); return whether that changed anything.

    Confirmed phones stay in force: the next phone is the first that is checked.
    """
    before = " ".join(account.regions)
    account.allowed_regions = [region for region in settings.ALLOWED_REGIONS if region in regions]
    chosen = {"allowed_regions": account.allowed_regions}
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(**chosen).update(**chosen)
        if changed:
            record_event(Action.ACCOUNT_COUNTRIES_CHANGED, user=actor, before=before, after=" ".join(account.regions))
    return bool(changed)
