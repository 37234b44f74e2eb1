"""Which notices to its administrators an account may do without, and who gets them.

What is about a person goes to that person, and what is about everybody's security to every administrator (A-01, B-08):
neither is chosen.
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
    """Return who may get them."""
    return account.users.filter(role=Role.ADMINISTRATOR, is_active=True)


def is_wanted(account: Account, action: str) -> bool:
    """Tell whether the administrators are told of an action at all."""
    return KINDS.get(action, "") not in account.notices_off.split()


def readers(account: Account, action: str) -> QuerySet[User]:
    """Return which administrators are told of an action. Who is no administrator any more leaves it to all of them."""
    everybody = administrators(account)
    if action not in KINDS or not account.notices_to:
        return everybody
    chosen = everybody.filter(pk=account.notices_to)
    return chosen if chosen.exists() else everybody


def wanted(account: Account) -> list[str]:
    """Return which of the choices an account has."""
    return [name for name in CHOICES if name not in account.notices_off.split()]


def choose(account: Account, names: list[str], reader: int | None, *, actor: User) -> bool:
    """Keep which are wanted, and who gets them, None being everybody; return whether that changed anything."""
    before = " ".join(wanted(account))
    off = " ".join(name for name in CHOICES if name not in names)
    if (account.notices_off, account.notices_to) == (off, reader):
        return False
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(notices_off=off, notices_to=reader)
        after = " ".join(name for name in CHOICES if name in names)
        record_event(Action.ACCOUNT_NOTICES_CHANGED, user=actor, before=before, after=after, reader=reader)
    return True
