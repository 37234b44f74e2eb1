"""Switching two factor authentication on for many people: whom it affects, the notices to them, and a date.

From its date on the policy is in force because the gate compares the date with the database's clock. The periodic task
below only writes that down. Only the reminders depend on the task being in time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
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
from messaging.database import Clock, ago, clock_plus, update_returning
from messaging.delivery import flows as delivery
from messaging.periodic.scheduler import Last, periodic_task

ANNOUNCEMENT_SECONDS = settings.DAY  # between two announcements of an account
NOT_NOTIFIED_LATELY = Q(two_factor_announced_at__isnull=True) | Q(two_factor_announced_at__lt=ago(ANNOUNCEMENT_SECONDS))
REQUIRED_OR_DATED = Q(two_factor_required=True) | Q(two_factor_from__isnull=False)  # the policy is on, or has a date
REMINDERS = (7, 1)  # days before the date
UNREACHABLE_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom switching on will affect: how many others are in a session now, and whose mailbox refuses e-mails."""

    open_now: int
    unreachable: list[User]


def preview(reader: User) -> Preview:
    """Count the people of the reader's account whom the policy would affect, in four statements whatever its size.

    Unreachable are people whose mailbox refused the newest message for good: at most 20, and one more if there are
    more.
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
    """Notify everybody that two factor authentication is coming; return how many. One INSERT … SELECT.

    Raises Limited within a day of the last announcement.
    """
    with transaction.atomic():
        if not Account.objects.filter(NOT_NOTIFIED_LATELY, pk=account.pk).update(two_factor_announced_at=Clock()):
            raise Limited(ANNOUNCEMENT_SECONDS, "announcement", actor)
        account.refresh_from_db()
        return _notify_everybody(
            record_event(Action.POLICY_ANNOUNCED, user=actor, starts=_iso(account.two_factor_from))
        )


def notify_of_switch(account: Account, *, actor: User) -> None:
    """Notify everybody that the second step is required from now on, unless they were notified within a day (K-07).

    Not the administrators, who get one e-mail that says that it was switched on, and by whom.
    """
    if Account.objects.filter(NOT_NOTIFIED_LATELY, pk=account.pk).update(two_factor_announced_at=Clock()):
        _notify_members(record_event(Action.POLICY_ANNOUNCED, user=actor, starts=None, now=True))


def schedule(account: Account, moment: datetime, *, actor: User) -> bool:
    """Set the policy's date; return whether that changed anything.

    A reminder whose day is past already is not sent.
    """
    with transaction.atomic():
        come_into_force(account)  # if its date has come, another date does not undo it
        open_for_it = Account.objects.filter(pk=account.pk, two_factor_required=False)
        changed = open_for_it.exclude(two_factor_from=moment).update(two_factor_from=moment)
        if changed:
            open_for_it.update(two_factor_reminded=_past_reminder("two_factor_from"))
            notify_administrators(account, record_event(Action.POLICY_SCHEDULED, user=actor, starts=_iso(moment)))
    return bool(changed)


def choose_factors(account: Account, kinds: Sequence[str], moment: datetime | None = None, *, actor: User) -> bool:
    """Let only these kinds of second factor count, now or from a date on (K-06); return whether that changed anything.

    In force at everybody's next request; so is the date, because it is compared when a person is loaded
    (``User.accepts``). Everybody is notified, unless they were notified of the second step within a day (K-07).
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


def who_is_notified(account: Account) -> str:
    """Return who would be notified of a change of the kinds, besides the administrators.

    "users": everybody; "lately": nobody, because they were notified within a day; "nobody": the policy is off.
    """
    row = Account.objects.filter(REQUIRED_OR_DATED, pk=account.pk)
    if not row.exists():
        return "nobody"
    return "users" if row.filter(NOT_NOTIFIED_LATELY).exists() else "lately"


def _past_reminder(date: str) -> Case:
    """Return the reminder whose day is past already when the date is set: it is not sent."""
    steps = [When(**{f"{date}__lte": clock_plus(days * settings.DAY)}, then=Value(days)) for days in sorted(REMINDERS)]
    return Case(*steps, default=None, output_field=models.SmallIntegerField())


def _with_what_has_come(row: QuerySet[Account]) -> Account:
    """Return an account, locked. A date of other kinds that has come is written down first: no later one undoes it."""
    account = row.select_for_update(no_key=True).get()
    if row.filter(factors_from__lte=Clock()).exists():
        _bring_factors_into_force(account)
        account.refresh_from_db()
    return account


def unschedule_factors(account: Account, *, actor: User) -> bool:
    """Cancel the date of other kinds; return whether there was one to come."""
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
    """Notify everybody once which kinds count, where the second step is required now or from a date on.

    The administrators are notified of the change itself.
    """
    if Account.objects.filter(NOT_NOTIFIED_LATELY, REQUIRED_OR_DATED, pk=account.pk).update(
        two_factor_announced_at=Clock()
    ):
        _notify_members(record_event(Action.POLICY_FACTORS_ANNOUNCED, user=actor, **facts))


def unschedule(account: Account, *, actor: User) -> bool:
    """Cancel the date; return whether there was one to come."""
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
    _send_reminders(
        active.filter(REQUIRED_OR_DATED, NOT_NOTIFIED_LATELY), "factors_from", "factors_reminded", _remind_of_factors
    )
    for account in Account.objects.filter(two_factor_from__lte=Clock()):
        come_into_force(account)
    for account in Account.objects.filter(factors_from__lte=Clock()):
        _bring_factors_into_force(account)


def _send_reminders(
    accounts: QuerySet[Account], date: str, reminded: str, remind: Callable[[Account, int], None]
) -> None:
    """Remind of a date to come, once for each of the days before: only one UPDATE finds a reminder that is due."""
    coming = accounts.filter(**{f"{date}__gt": Clock()})
    for days in sorted(REMINDERS):  # the latest one first: after an outage of the task nobody gets both at once
        unreminded = Q(**{f"{reminded}__isnull": True}) | Q(**{f"{reminded}__gt": days})
        due = coming.filter(unreminded, **{f"{date}__lte": clock_plus(days * settings.DAY)})
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
    """Remind people who have no factor that will count (K-07), but not within a day of an announcement."""
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


def _bring_factors_into_force(account: Account) -> None:
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
    """Return the date that an event of this module is about; None when the policy has no date."""
    return parse_datetime(event.data.get("starts") or "")
