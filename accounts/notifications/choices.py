"""Which notices to its administrators an account may switch off, and who gets them.

Notices about a person go to that person, and notices about everybody's security to every administrator (A-01, B-08):
neither can be switched off.
"""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import Account, Role, User

CHOICES: dict[str, Promise] = {
    "sms": _("Half, and then most, of the SMS of the day are used"),
    "shared": _("Several users have the same phone"),
}
KINDS: dict[str, str] = {
    Action.ACCOUNT_SMS_HALF_USED_UP: "sms",
    Action.ACCOUNT_SMS_NEARLY_USED_UP: "sms",
    Action.PHONE_SHARED: "shared",
}


def administrators(account: Account) -> QuerySet[User]:
    """Return the people who may get them."""
    return account.users.filter(role=Role.ADMINISTRATOR, is_active=True)


def is_wanted(account: Account, action: str) -> bool:
    """Tell whether the administrators are notified of an action at all."""
    return KINDS.get(action, "") not in account.notices_off.split()


def readers(account: Account, action: str) -> QuerySet[User]:
    """Return the administrators who are notified of an action: the one the account chose, or all of them.

    All also get it when the chosen person is no longer an administrator.
    """
    everybody = administrators(account)
    if action not in KINDS or not account.notices_to:
        return everybody
    chosen = everybody.filter(pk=account.notices_to)
    return chosen if chosen.exists() else everybody


def wanted(account: Account) -> list[str]:
    """Return the notices that an account has chosen."""
    return [name for name in CHOICES if name not in account.notices_off.split()]


def choose(account: Account, names: list[str], reader: int | None, *, actor: User) -> bool:
    """Store which notices are wanted, and who gets them (None: everybody); return whether that changed anything."""
    before = " ".join(wanted(account))
    off = " ".join(name for name in CHOICES if name not in names)
    if (account.notices_off, account.notices_to) == (off, reader):
        return False
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(notices_off=off, notices_to=reader)
        after = " ".join(name for name in CHOICES if name in names)
        record_event(Action.ACCOUNT_NOTICES_CHANGED, user=actor, before=before, after=after, reader=reader)
    return True
