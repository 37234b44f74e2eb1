"""Reminders to people who have no second factor that counts: once a day each, in one statement for all of them."""

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import Account, User
from accounts.models.account import demanding
from accounts.users import query as user_query
from messaging.database import clock_plus
from messaging.delivery import flows as delivery
from messaging.delivery.models import Message

KIND = "reminder"


def due(account: Account) -> QuerySet[User]:
    """Return the people who may be reminded: active, without a factor that counts, and not reminded within a day."""
    # By the clock: with a fixed moment PostgreSQL joins all people with all reminders before it cuts the page.
    a_day_ago = clock_plus(-settings.DAY)
    lately = Message.objects.filter(kind=KIND, subject_id=OuterRef("pk"), created_at__gt=a_day_ago)
    asked = user_query.without_factor(account).filter(demanding("account__"), locked_at__isnull=True)
    return asked.filter(~Exists(lately))


def remind(account: Account, *, actor: User, user: User | None = None) -> int:
    """Remind one person, or all who are due; return how many. The account's lock makes two clicks one reminder."""
    readers = due(account).filter(pk=user.pk) if user else due(account)
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        count = delivery.enqueue_notices(readers, F("pk"), owner_id=account.pk, kind=KIND)
        if count and user:
            record_event(Action.REMINDER_SENT, user=user, actor=actor)
        elif count:
            record_event(Action.REMINDERS_SENT, actor=actor, count=count)
    return count
