"""The figures of an account: people, sign-ins and tokens by day, seconds to deliver.

A periodic task counts each past day once into ``DailyFigure``; a page counts only today and yesterday. So a page runs
the same number of statements, in about the same time, whatever the account's history: counting a month of tokens of
100,000 people for each page would read some millions of rows. Yesterday is counted again because delivery reports come
late.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from statistics import median

from django.db import transaction
from django.db.models import Count, F, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from accounts import rate_limits, sms_limits
from accounts.audit.actions import SIGN_INS
from accounts.models import Account, AuditEvent, DailyFigure, Role, User
from accounts.users.query import LOCKED, MAYBE_LOCKED, lacking
from messaging.delivery.models import Channel, Message, State
from messaging.periodic.scheduler import Last, periodic_task

MAX_DAYS = 30
LIVE_DAYS = 2
LATEST_TOKENS = 200
OUTCOMES = {
    State.DELIVERED: "delivered",
    State.SENT: "sent",
    State.FAILED: "failed",
    State.EXPIRED: "failed",
}


@dataclass(frozen=True, slots=True)
class People:
    """How many active people an account has, by state."""

    enrolled: int
    pending: int  # without a second factor that counts
    locked: int
    administrators: int

    @property
    def total(self) -> int:
        """Return how many there are."""
        return self.enrolled + self.pending

    @property
    def percent_enrolled(self) -> int:
        """Return the share that has a second factor that counts; 100 only when everybody has."""
        return self.enrolled * 100 // self.total if self.total else 0


def people(account: Account) -> People:
    """Count the active people of an account in one statement. Each number is read off an index of its own."""
    active = User.objects.filter(account=account, is_active=True)
    counts = Account.objects.filter(pk=account.pk).values(
        enrolled=tally(active) - tally(active.filter(lacking(account.accepted))),
        pending=tally(active.filter(lacking(account.accepted))),
        locked=tally(active.filter(LOCKED, MAYBE_LOCKED)),
        administrators=tally(active.filter(role=Role.ADMINISTRATOR)),
    )
    return People(**counts.get())


def tally(people: QuerySet[User]) -> Coalesce:
    """Return the count of these people of one account, as a part of a statement about the account."""
    count = people.order_by().values("account").annotate(count=Count("*")).values("count")
    return Coalesce(Subquery(count), 0)


@dataclass(slots=True)
class DayFigures:
    """The figures of one day, by name: ``sign_in.sms``, ``token.sms.failed`` and so on."""

    date: date
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def sum(self, *names: str) -> int:
        """Return the sum of these figures."""
        return sum(self.counts.get(name, 0) for name in names)


@dataclass(frozen=True, slots=True)
class SmsOfTheDay:
    """How many SMS an account has sent in the last 24 hours, and how many it may send."""

    used: int
    limit: int

    @property
    def percent(self) -> int:
        """Return the share that is used."""
        return min(100, self.used * 100 // self.limit) if self.limit else 100


def sms_of_the_day(account: Account, people: People) -> SmsOfTheDay:
    """Return the use of the account's SMS, in one statement."""
    window = max(sms_limits.least(account), key=lambda window: window.seconds)
    return SmsOfTheDay(rate_limits.used(window), sms_limits.most(account, window, people.enrolled))


def days(account: Account, number: int) -> list[DayFigures]:
    """Return the last ``number`` days of an account, today last, in three statements."""
    today = timezone.localdate()
    first, live = today - timedelta(days=number - 1), today - timedelta(days=LIVE_DAYS - 1)
    found = {day: DayFigures(day) for day in (first + timedelta(days=ago) for ago in range(number))}
    settled = DailyFigure.objects.filter(account=account, day__gte=first, day__lt=live)
    for day, name, count in settled.values_list("day", "name", "count"):
        found[day].counts[name] += count
    for _account, day, name, count in _count(live, today, account):
        found[day].counts[name] += count
    return [found[day] for day in sorted(found)]


def seconds_to_deliver(account: Account) -> dict[str, float]:
    """Return the median seconds from the click by channel, over the last 200 tokens that arrived.

    To the handset where its carrier reports, else to the gateway.
    """
    arrived = Message.objects.filter(kind="token", owner_id=account.pk, state__in=[State.SENT, State.DELIVERED])
    spans = defaultdict(list)
    facts = arrived.order_by("-created_at").values_list("channel", "created_at", "sent_at", "reported_at")
    for channel, created_at, sent_at, reported_at in facts[:LATEST_TOKENS]:
        if end := reported_at or sent_at:
            spans[channel].append((end - created_at).total_seconds())
    return {channel: median(seconds) for channel, seconds in spans.items()}


@periodic_task("figures", seconds=3600)
def count_days(last: Last) -> None:
    """Count the days that are over."""
    settle(last.began_at)


def settle(done_at: datetime | None) -> None:
    """Count the days since the last run, and the two days before, for their late reports."""
    today = timezone.localdate()
    last = timezone.localdate(done_at) if done_at else today - timedelta(days=MAX_DAYS)
    day = max(last - timedelta(days=LIVE_DAYS), today - timedelta(days=MAX_DAYS))
    while day < today:
        with transaction.atomic():
            rows = [DailyFigure(account_id=a, day=d, name=n, count=c) for a, d, n, c in _count(day, day)]
            DailyFigure.objects.filter(day=day).delete()
            DailyFigure.objects.bulk_create(rows, batch_size=500)
        day += timedelta(days=1)
    DailyFigure.objects.filter(day__lt=today - timedelta(days=MAX_DAYS)).delete()


Counted = Iterator[tuple[int, date, str, int]]


def _count(first: date, last: date, account: Account | None = None) -> Counted:
    """Count the figures from one day to another, both included, in two statements; of one account or of all."""
    start, end = _midnight(first), _midnight(last + timedelta(days=1))
    events = AuditEvent.objects.filter(action__in=SIGN_INS, account__isnull=False, at__gte=start, at__lt=end)
    tokens = Message.objects.filter(kind="token", owner_id__isnull=False, created_at__gte=start, created_at__lt=end)
    if account:
        events, tokens = events.filter(account=account), tokens.filter(owner_id=account.pk)
    yield from _count_sign_ins(events)
    yield from _count_tokens(tokens)


def _count_sign_ins(events: QuerySet[AuditEvent]) -> Counted:
    by_day = events.annotate(day=TruncDate("at"), way=KT("data__channel")).order_by()
    rows = by_day.values_list("account_id", "day", "way").annotate(Count("pk"))
    for account_id, day, way, count in rows:
        yield account_id, day, f"sign_in.{way or 'password'}", count


def _count_tokens(tokens: QuerySet[Message]) -> Counted:
    by_day = tokens.annotate(day=TruncDate("created_at"), owner=F("owner_id")).order_by()
    counts: dict[tuple[int, date, str], int] = defaultdict(int)
    for owner, day, channel, state, count in by_day.values_list("owner", "day", "channel", "state").annotate(
        Count("pk")
    ):
        counts[owner, day, f"token.{Channel(channel)}.{OUTCOMES.get(State(state), 'going')}"] += count
    for (owner, day, name), count in counts.items():
        yield owner, day, name, count


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
