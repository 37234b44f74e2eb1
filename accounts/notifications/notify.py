"""Queue a notification about an event to the people whom it concerns.

A reader gets a limited number of notices of one kind a day, so that a setting that is changed back and forth costs the
operator no endless e-mails (B-15, B-18). Further events are in the audit log only.
"""

from django.conf import settings

from accounts import rate_limits
from accounts.models import Account, AuditEvent, User
from accounts.notifications import choices
from messaging.delivery import flows as delivery


def notify_administrators(account: Account, event: AuditEvent, *, but: User | None = None) -> None:
    """Notify the administrators of an account of an event (A-01), except one who is notified otherwise.

    All of them, unless the account has chosen otherwise (``choices``).
    """
    if not choices.is_wanted(account, event.action) or _has_enough(event, f"account {account.pk}"):
        return
    readers = choices.readers(account, event.action).exclude(pk=but.pk if but else 0)
    delivery.enqueue_notices(readers, event.pk, owner_id=account.pk)


def notify_operators(event: AuditEvent) -> None:
    """Notify every operator of an event."""
    for operator in User.objects.filter(is_staff=True, is_active=True):
        notify(operator, event)


def notify(user: User, event: AuditEvent, *, sms_to: str = "", email_to: str = "") -> None:
    """Queue a notice about an event to a person's mailbox, to another address or by SMS, in their language."""
    if _has_enough(event, f"{'sms ' if sms_to else ''}{user.pk}"):
        return
    delivery.enqueue(
        channel="sms" if sms_to else "email",
        destination=sms_to or email_to or user.email,
        kind="notice",
        subject_id=event.pk,
        language=user.language,
        owner_id=user.account_id,
    )


def is_first(name: str, seconds: int = settings.DAY) -> bool:
    """Count a notice that is sent once in so many seconds; tell whether this is the first of its ``name``."""
    (counted,) = rate_limits.count([rate_limits.Window(name, seconds, 1, "notice")])
    return not counted.is_over_limit


def _has_enough(event: AuditEvent, reader: str) -> bool:
    """Count a notice of one kind to a reader; tell whether the reader has had as many as a day allows."""
    counted = rate_limits.count(rate_limits.windows("notices", f"{event.action} {reader}"))
    return any(usage.is_over_limit for usage in counted)
