"""Queue a notification about an event, to whom it concerns.

Of one kind so many a day: whoever changes a setting, or a password, to and fro costs the operator no mails without end
(B-15, B-18). What is beyond that stands in the audit log alone; its reader was told often enough.
"""

from accounts import rate_limits
from accounts.models import Account, AuditEvent, User
from accounts.notifications import choices
from messaging.delivery import flows as delivery


def notify_administrators(account: Account, event: AuditEvent, *, but: User | None = None) -> None:
    """Tell the administrators of an account about an event (A-01), except for one who is told otherwise.

    All of them, but for what the account has chosen otherwise (``choices``).
    """
    if not choices.is_wanted(account, event.action) or _told_enough(event, f"account {account.pk}"):
        return
    readers = choices.readers(account, event.action).exclude(pk=but.pk if but else 0)
    delivery.enqueue_notices(readers, event.pk, owner_id=account.pk)


def notify_operators(event: AuditEvent) -> None:
    """Tell every operator about an event."""
    for operator in User.objects.filter(is_staff=True, is_active=True):
        notify(operator, event)


def notify(user: User, event: AuditEvent, *, sms_to: str = "", email_to: str = "") -> None:
    """Queue a notice about an event to a person's mailbox, to another address or by SMS, in their language."""
    if _told_enough(event, f"{'sms ' if sms_to else ''}{user.pk}"):
        return
    delivery.enqueue(
        channel="sms" if sms_to else "email",
        destination=sms_to or email_to or user.email,
        kind="notice",
        subject_id=event.pk,
        language=user.language,
        owner_id=user.account_id,
    )


def _told_enough(event: AuditEvent, reader: str) -> bool:
    counted = rate_limits.count(rate_limits.windows("notices", f"{event.action} {reader}"))
    return any(balance.is_overdrawn for balance in counted)
