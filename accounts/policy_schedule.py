"""Switching two factor authentication on for many people, safely: whom it touches, telling them, and a date.

From its date the policy is in force because the gate compares the date with the database's clock; the periodic task
below only writes down what is so already. Nothing here depends on the task being in time but the reminders.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils.dateparse import parse_datetime

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.exceptions import Limited
from accounts.factors import written
from accounts.lists import pagination
from accounts.models import Account, AuditEvent, Role, Session, User
from accounts.models.account import COLUMNS
from accounts.notifications.notify import notify_administrators
from accounts.users import mailboxes
from accounts.users import query as user_query
from messaging.database import Clock, clock_plus, update_returning
from messaging.delivery import flows as delivery
from messaging.periodic.scheduler import Last, periodic_task

DAY = 86_400  # seconds
ANNOUNCEMENT_SECONDS = DAY  # between two announcements of an account
RESTED = Q(two_factor_announced_at__isnull=True) | Q(two_factor_announced_at__lt=clock_plus(-ANNOUNCEMENT_SECONDS))
ASKED = Q(two_factor_required=True) | Q(two_factor_from__isnull=False)  # for the second step, now or from a date on
REMINDERS = (7, 1)  # days before the date
UNREACHABLE_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom switching on will touch: others in a session now (up to one more than is counted), who has no mailbox."""

    open_now: int
    unreachable: list[User]


def preview(reader: User) -> Preview:
    """Count whom the policy would touch in the reader's account, in four statements whatever its size.

    Unreachable is whose mailbox refused the newest message for good: 20 of them, and one more if there are more.
    """
    others = User.objects.filter(account=reader.account, is_active=True).exclude(pk=reader.pk)
    in_session = Session.objects.filter(user__in=others, expire_date__gt=Clock())
    return Preview(
        open_now=in_session.values("user").distinct()[: pagination.COUNTED + 1].count(),
        unreachable=list(
            others.filter(email__in=mailboxes.refused(reader.account)).order_by("name_key")[: UNREACHABLE_SHOWN + 1]
        ),
    )


def announce(account: Account, *, actor: User) -> int:
    """Tell everybody that two factor authentication is coming; return how many. One INSERT … SELECT.

    Raises Limited within a day of the last time.
    """
    with transaction.atomic():
        if not Account.objects.filter(RESTED, pk=account.pk).update(two_factor_announced_at=Clock()):
            raise Limited(ANNOUNCEMENT_SECONDS, "announcement", actor)
        account.refresh_from_db()
        return _notify_everybody(
            record_event(Action.POLICY_ANNOUNCED, user=actor, starts=_iso(account.two_factor_from))
        )


def notify_of_switch(account: Account, *, actor: User) -> None:
    """Tell everybody that the second step is asked for from now on, unless they were told within a day (K-07).

    Not the administrators, who are told that it was switched on, and by whom: one e-mail each.
    """
    if Account.objects.filter(RESTED, pk=account.pk).update(two_factor_announced_at=Clock()):
        _notify_members(record_event(Action.POLICY_ANNOUNCED, user=actor, starts=None, now=True))


def schedule(account: Account, moment: datetime, *, actor: User) -> bool:
    """Put the policy in force at a moment to come; return whether that changed anything.

    A reminder whose day is already past is not sent.
    """
    with transaction.atomic():
        come_into_force(account)  # if its date has come: no later one undoes it
        open_for_it = Account.objects.filter(pk=account.pk, two_factor_required=False)
        changed = open_for_it.exclude(two_factor_from=moment).update(two_factor_from=moment)
        if changed:
            open_for_it.update(two_factor_reminded=_past_reminder("two_factor_from"))
            notify_administrators(account, record_event(Action.POLICY_SCHEDULED, user=actor, starts=_iso(moment)))
    return bool(changed)


def choose_factors(account: Account, kinds: Sequence[str], moment: datetime | None = None, *, actor: User) -> bool:
    """Let only these kinds of second factor count, now or from a moment to come (K-06); return whether it changed.

    In force at everybody's next request: the date, too, because it is compared when a person is loaded
    (``User.accepts``). Everybody is told, unless they were told of the second step within a day (K-07).
    """
    row = Account.objects.filter(pk=account.pk)
    with transaction.atomic():
        account = _with_what_has_come(row)
        before, after = written(account.accepted), written(kinds)
        if moment:
            changed = row.exclude(factors_from=moment, factors_next=after).update(
                factors_from=moment, factors_next=after
            )
            if changed:
                row.update(factors_reminded=_past_reminder("factors_from"))
        else:
            changed = row.exclude(**_columns(kinds), factors_from__isnull=True).update(
                **_columns(kinds), factors_from=None, factors_next=""
            )
        if changed:
            action = Action.POLICY_FACTORS_SCHEDULED if moment else Action.POLICY_FACTORS_CHANGED
            facts: dict[str, Any] = {"before": before, "after": after, "starts": _iso(moment)}
            notify_administrators(account, record_event(action, user=actor, **facts))
            announce_factors(account, actor, after=after, starts=_iso(moment))
    return bool(changed)


def who_is_told(account: Account) -> str:
    """Return whom a change of the kinds would be told by e-mail beside the administrators.

    "users": everybody of now; "lately": nobody, for they were told within a day; "nobody": it is not asked of them.
    """
    row = Account.objects.filter(ASKED, pk=account.pk)
    if not row.exists():
        return "nobody"
    return "users" if row.filter(RESTED).exists() else "lately"


def _past_reminder(date: str) -> Case:
    """Return the reminder of a date whose day is already past when the date is set: it is not sent."""
    steps = [When(**{f"{date}__lte": clock_plus(days * DAY)}, then=Value(days)) for days in sorted(REMINDERS)]
    return Case(*steps, default=None, output_field=models.SmallIntegerField())


def _with_what_has_come(row: QuerySet[Account]) -> Account:
    """Return an account, locked. A date of other kinds that has come is written down: no later one undoes it."""
    account = row.select_for_update(no_key=True).get()
    if row.filter(factors_from__lte=Clock()).exists():
        _let_factors_count(account)
        account.refresh_from_db()
    return account


def keep_factors(account: Account, *, actor: User) -> bool:
    """Take the date of other kinds back; return whether there was one to come."""
    with transaction.atomic():
        waiting = Account.objects.filter(pk=account.pk, factors_from__gt=Clock())
        changed = waiting.update(factors_from=None, factors_next="")
        if changed:
            event = record_event(Action.POLICY_FACTORS_UNSCHEDULED, user=actor, starts=_iso(account.factors_from))
            notify_administrators(account, event)
    return bool(changed)


def _columns(kinds: Sequence[str]) -> dict[str, bool]:
    return {column: kind in kinds for kind, column in COLUMNS.items()}


def announce_factors(account: Account, actor: User, **facts: Any) -> None:
    """Tell everybody once which kinds count, where the second step is asked of them now or from a date on.

    The administrators are told of the change itself.
    """
    if Account.objects.filter(RESTED, ASKED, pk=account.pk).update(two_factor_announced_at=Clock()):
        _notify_members(record_event(Action.POLICY_FACTORS_ANNOUNCED, user=actor, **facts))


def unschedule(account: Account, *, actor: User) -> bool:
    """Take the date back; return whether there was one to come."""
    with transaction.atomic():
        waiting = Account.objects.filter(pk=account.pk, two_factor_from__gt=Clock(), two_factor_required=False)
        changed = waiting.update(two_factor_from=None)
        if changed:
            event = record_event(Action.POLICY_UNSCHEDULED, user=actor, starts=_iso(account.two_factor_from))
            notify_administrators(account, event)
    return bool(changed)


@periodic_task("policy", seconds=60)
def keep_dates(_last: Last | None = None) -> None:
    """Send the reminders that are due, and write down which policies have come into force."""
    active = Account.objects.filter(is_active=True)
    _send_reminders(active.filter(two_factor_required=False), "two_factor_from", "two_factor_reminded", _remind)
    _send_reminders(active.filter(ASKED, RESTED), "factors_from", "factors_reminded", _remind_of_factors)
    for account in Account.objects.filter(two_factor_from__lte=Clock()):
        come_into_force(account)
    for account in Account.objects.filter(factors_from__lte=Clock()):
        _let_factors_count(account)


def _send_reminders(
    accounts: QuerySet[Account], date: str, reminded: str, remind: Callable[[Account, int], None]
) -> None:
    """Remind of a date to come, once for each of the days before: only one UPDATE finds a reminder still due."""
    coming = accounts.filter(**{f"{date}__gt": Clock()})
    for days in sorted(REMINDERS):  # the latest one first: after a task that stood still nobody gets both at once
        unreminded = Q(**{f"{reminded}__isnull": True}) | Q(**{f"{reminded}__gt": days})
        due = coming.filter(unreminded, **{f"{date}__lte": clock_plus(days * DAY)})
        for pk in due.values_list("pk", flat=True):
            with transaction.atomic():
                if account := update_returning(due.filter(pk=pk), **{reminded: days}):
                    remind(account, days)


def _remind(account: Account, days: int) -> None:
    """Remind everybody of the policy's date."""
    if actor := _who_scheduled(account):
        starts = _iso(account.two_factor_from)
        _notify_everybody(record_event(Action.POLICY_REMINDED, user=actor, days=days, starts=starts))


def _remind_of_factors(account: Account, days: int) -> None:
    """Remind those who have no factor that will count (K-07): not within a day of an announcement, but after it."""
    lacking = user_query.without_factor(account, account.factors_next.split())
    if (actor := _who_scheduled(account, Action.POLICY_FACTORS_SCHEDULED)) and lacking.exists():
        facts: dict[str, Any] = {"days": days, "after": account.factors_next, "starts": _iso(account.factors_from)}
        event = record_event(Action.POLICY_FACTORS_REMINDED, user=actor, **facts)
        delivery.enqueue_notices(lacking, event.pk, owner_id=account.pk)


def come_into_force(account: Account) -> None:
    """Write down that the date of the policy has come, if it has."""
    past = Account.objects.filter(pk=account.pk, two_factor_from__lte=Clock())
    with transaction.atomic():
        changed = past.filter(two_factor_required=False).update(
            two_factor_required=True, two_factor_changed_at=F("two_factor_from"), two_factor_from=None
        )
        past.update(two_factor_from=None)
        if changed and (actor := _who_scheduled(account)):
            notify_administrators(
                account, record_event(Action.POLICY_SWITCHED_ON, user=actor, before=False, after=True, by_date=True)
            )


def _let_factors_count(account: Account) -> None:
    """Write down that the date of other kinds has come."""
    kinds = account.factors_next.split()
    past = Account.objects.filter(pk=account.pk, factors_from__lte=Clock(), factors_next=account.factors_next)
    with transaction.atomic():
        changed = past.update(**_columns(kinds), factors_from=None, factors_next="")
        if changed and (actor := _who_scheduled(account, Action.POLICY_FACTORS_SCHEDULED)):
            facts: dict[str, Any] = {"before": written(account.written_down), "after": written(kinds), "by_date": True}
            notify_administrators(account, record_event(Action.POLICY_FACTORS_CHANGED, user=actor, **facts))


def _who_scheduled(account: Account, action: Action = Action.POLICY_SCHEDULED) -> User | None:
    scheduled = AuditEvent.objects.notable().filter(account=account, action=action).order_by("-pk")
    event = scheduled.select_related("actor").first()
    return event.actor if event else None


def _notify_everybody(event: AuditEvent) -> int:
    readers = User.objects.filter(account=event.account_id, is_active=True)
    return delivery.enqueue_notices(readers, event.pk, owner_id=event.account_id)


def _notify_members(event: AuditEvent) -> int:
    readers = User.objects.filter(account=event.account_id, is_active=True).exclude(role=Role.ADMINISTRATOR)
    return delivery.enqueue_notices(readers, event.pk, owner_id=event.account_id)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def moment_of(event: AuditEvent) -> datetime | None:
    """Return the date that an event of this module is about; None when the policy waits for somebody's click."""
    return parse_datetime(event.data.get("starts") or "")
