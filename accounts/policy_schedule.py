"""Switching two factor authentication on for many people, safely: whom it touches, telling them, and a date.

From its date the policy is in force because the gate compares the date with the database's clock; the periodic task
below only writes down what is so already. Nothing here depends on the task being in time but the reminders.
"""

from collections.abc import Sequence
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
from messaging.database import Clock, clock_plus, update_returning
from messaging.delivery import flows as delivery
from messaging.periodic.scheduler import Last, periodic_task

DAY = 86_400  # seconds
ANNOUNCEMENT_SECONDS = DAY  # between two announcements of an account
RESTED = Q(two_factor_announced_at__isnull=True) | Q(two_factor_announced_at__lt=clock_plus(-ANNOUNCEMENT_SECONDS))
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


def tell_of_switch(account: Account, *, actor: User) -> None:
    """Tell everybody that the second step is asked for from now on, unless they were told within a day (K-07).

    Not the administrators, who are told that it was switched on, and by whom: one e-mail each.
    """
    if Account.objects.filter(RESTED, pk=account.pk).update(two_factor_announced_at=Clock()):
        _notify_members(record_event(Action.POLICY_ANNOUNCED, user=actor, starts=None, now=True))


def schedule(account: Account, moment: datetime, *, actor: User) -> bool:
    """Put the policy in force at a moment to come; return whether that changed anything.

    A reminder whose day is already past is not sent.
    """
    steps = [When(two_factor_from__lte=clock_plus(days * DAY), then=Value(days)) for days in sorted(REMINDERS)]
    with transaction.atomic():
        _come_into_force(account)  # if its date has come: no later one undoes it
        open_for_it = Account.objects.filter(pk=account.pk, two_factor_required=False)
        changed = open_for_it.exclude(two_factor_from=moment).update(two_factor_from=moment)
        if changed:
            open_for_it.update(two_factor_reminded=Case(*steps, default=None, output_field=models.SmallIntegerField()))
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
        else:
            changed = row.exclude(**_columns(kinds), factors_from__isnull=True).update(
                **_columns(kinds), factors_from=None, factors_next=""
            )
        if changed:
            action = Action.POLICY_FACTORS_SCHEDULED if moment else Action.POLICY_FACTORS_CHANGED
            facts: dict[str, Any] = {"before": before, "after": after, "starts": _iso(moment)}
            notify_administrators(account, record_event(action, user=actor, **facts))
            _announce_factors(account, actor, after=after, starts=_iso(moment))
    return bool(changed)


def who_is_told(account: Account) -> str:
    """Return whom a change of the kinds would be told by e-mail beside the administrators.

    "users": everybody of now; "lately": nobody, for they were told within a day; "nobody": it is not asked of them.
    """
    if not (account.two_factor_required or account.two_factor_from):
        return "nobody"
    return "users" if Account.objects.filter(RESTED, pk=account.pk).exists() else "lately"


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


def _announce_factors(account: Account, actor: User, **facts: Any) -> None:
    """Tell everybody once which kinds count, where the second step is asked of them now or from a date on.

    The administrators are told of the change itself.
    """
    asked = Q(two_factor_required=True) | Q(two_factor_from__isnull=False)
    if Account.objects.filter(RESTED, asked, pk=account.pk).update(two_factor_announced_at=Clock()):
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
    coming = Account.objects.filter(two_factor_required=False, two_factor_from__gt=Clock(), is_active=True)
    for days in REMINDERS:
        unreminded = Q(two_factor_reminded__isnull=True) | Q(two_factor_reminded__gt=days)
        due = coming.filter(unreminded, two_factor_from__lte=clock_plus(days * DAY))
        for account in due:
            _remind(due.filter(pk=account.pk), days)
    for account in Account.objects.filter(two_factor_from__lte=Clock()):
        _come_into_force(account)
    for account in Account.objects.filter(factors_from__lte=Clock()):
        _let_factors_count(account)


def _remind(due: QuerySet[Account], days: int) -> None:
    """Remind everybody once, however many ask for it: only one UPDATE finds the reminder still due."""
    with transaction.atomic():
        account = update_returning(due, two_factor_reminded=days)
        if account and (actor := _who_scheduled(account)):
            starts = _iso(account.two_factor_from)
            _notify_everybody(record_event(Action.POLICY_REMINDED, user=actor, days=days, starts=starts))


def _come_into_force(account: Account) -> None:
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
            facts: dict[str, Any] = {"before": written(account.accepted), "after": written(kinds), "by_date": True}
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
