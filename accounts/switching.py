"""Switching two factor authentication on for many people, safely: whom it touches, telling them, and a date.

From its date the policy is in force because the gate compares the date with the database's clock; the chore below
only writes down what is so already. Nothing here depends on the chore being in time but the reminders.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy

from accounts import audit, pages
from accounts.exceptions import Limited
from accounts.flows import tell_administrators
from accounts.models import Account, AuditEvent, Session, User
from accounts.sentences import describe
from messaging.database import Clock, clock_plus, update_returning
from messaging.delivery import flows as delivery
from messaging.delivery.chores import every
from messaging.delivery.faults import Fault
from messaging.delivery.models import Channel, Message, State

DAY = 86_400  # seconds
ANNOUNCEMENT_SECONDS = DAY  # between two announcements of an account
REMINDERS = (7, 1)  # days before the date
LATEST_BOUNCES = 1000


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom switching on will touch: others in a session now (up to one more than is counted), who has no mailbox."""

    open_now: int
    unreachable: list[User]


def preview(reader: User) -> Preview:
    """Count whom the policy would touch in the reader's account, in three statements whatever its size.

    Unreachable is whose mailbox refused a message for good.
    """
    others = User.objects.filter(account=reader.account, is_active=True).exclude(pk=reader.pk)
    in_session = Session.objects.filter(user__in=others, expire_date__gt=Clock())
    return Preview(
        open_now=in_session.values("user").distinct()[: pages.COUNTED + 1].count(),
        unreachable=list(others.filter(email__in=_refused(reader.account))),
    )


def _refused(account: Account) -> list[str]:
    """Return the addresses whose mail server has refused a message for good."""
    failed = Message.objects.filter(owner_id=account.pk, channel=Channel.EMAIL, state=State.FAILED, fault=Fault.NUMBER)
    return list(failed.values_list("destination", flat=True)[:LATEST_BOUNCES])


def announce(account: Account, *, actor: User) -> int:
    """Tell everybody that two factor authentication is coming; return how many. One INSERT … SELECT.

    Raises Limited within a day of the last time.
    """
    rested = Q(two_factor_announced_at__isnull=True) | Q(two_factor_announced_at__lt=clock_plus(-ANNOUNCEMENT_SECONDS))
    with transaction.atomic():
        if not Account.objects.filter(rested, pk=account.pk).update(two_factor_announced_at=Clock()):
            raise Limited(ANNOUNCEMENT_SECONDS, "announcement", actor)
        account.refresh_from_db()
        return _tell_everybody(audit.record("policy.announced", user=actor, starts=_iso(account.two_factor_from)))


def schedule(account: Account, moment: datetime, *, actor: User) -> bool:
    """Put the policy in force at a moment to come; return whether that changed anything.

    A reminder whose day is already past is not sent.
    """
    steps = [When(two_factor_from__lte=clock_plus(days * DAY), then=Value(days)) for days in sorted(REMINDERS)]
    with transaction.atomic():
        open_for_it = Account.objects.filter(pk=account.pk, two_factor_required=False)
        changed = open_for_it.exclude(two_factor_from=moment).update(two_factor_from=moment)
        if changed:
            open_for_it.update(two_factor_reminded=Case(*steps, default=None, output_field=models.SmallIntegerField()))
            tell_administrators(account, audit.record("policy.scheduled", user=actor, starts=_iso(moment)))
    return bool(changed)


def unschedule(account: Account, *, actor: User) -> bool:
    """Take the date back; return whether there was one to come."""
    with transaction.atomic():
        waiting = Account.objects.filter(pk=account.pk, two_factor_from__gt=Clock(), two_factor_required=False)
        changed = waiting.update(two_factor_from=None)
        if changed:
            tell_administrators(account, audit.record("policy.unscheduled", user=actor))
    return bool(changed)


@every(60, "policy")
def keep_dates(done_at: datetime | None) -> None:
    """Send the reminders that are due, and write down which policies have come into force."""
    coming = Account.objects.filter(two_factor_required=False, two_factor_from__gt=Clock(), is_active=True)
    for days in REMINDERS:
        unreminded = Q(two_factor_reminded__isnull=True) | Q(two_factor_reminded__gt=days)
        due = coming.filter(unreminded, two_factor_from__lte=clock_plus(days * DAY))
        for account in due:
            _remind(due.filter(pk=account.pk), days)
    for account in Account.objects.filter(two_factor_from__lte=Clock()):
        _come_into_force(account)


def _remind(due: QuerySet[Account], days: int) -> None:
    """Remind everybody once, however many ask for it: only one UPDATE finds the reminder still due."""
    with transaction.atomic():
        account = update_returning(due, two_factor_reminded=days)
        if account and (actor := _who_scheduled(account)):
            starts = _iso(account.two_factor_from)
            _tell_everybody(audit.record("policy.reminded", user=actor, days=days, starts=starts))


def _come_into_force(account: Account) -> None:
    past = Account.objects.filter(pk=account.pk, two_factor_from__lte=Clock())
    with transaction.atomic():
        changed = past.filter(two_factor_required=False).update(
            two_factor_required=True, two_factor_changed_at=F("two_factor_from"), two_factor_from=None
        )
        past.update(two_factor_from=None)
        if changed and (actor := _who_scheduled(account)):
            tell_administrators(
                account, audit.record("policy.switched_on", user=actor, before=False, after=True, by_date=True)
            )


def _who_scheduled(account: Account) -> User | None:
    scheduled = AuditEvent.objects.notable().filter(account=account, action="policy.scheduled").order_by("-pk")
    event = scheduled.select_related("actor").first()
    return event.actor if event else None


def _tell_everybody(event: AuditEvent) -> int:
    readers = User.objects.filter(account=event.account_id, is_active=True)
    return delivery.enqueue_notices(readers, event.pk, owner_id=event.account_id)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def moment_of(event: AuditEvent) -> datetime | None:
    """Return the date that an event of this module is about; None when the policy waits for somebody's click."""
    return parse_datetime(event.data.get("starts") or "")


describe(
    "policy.announced",
    gettext_lazy("Two factor authentication announced"),
    gettext_lazy("%(actor)s told everybody that two factor authentication is coming."),
)
describe(
    "policy.scheduled",
    gettext_lazy("Date set for two factor authentication"),
    gettext_lazy("%(actor)s set a date from which two factor authentication is on."),
)
describe(
    "policy.unscheduled",
    gettext_lazy("Date for two factor authentication taken back"),
    gettext_lazy("%(actor)s took back the date for two factor authentication."),
)
describe(
    "policy.reminded",
    gettext_lazy("Reminder of two factor authentication sent"),
    gettext_lazy("Everybody was reminded that two factor authentication is coming."),
)
