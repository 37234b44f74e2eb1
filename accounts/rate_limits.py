"""Rate limits: how often something may be done, counted in the database, by its clock (C-08).

A window begins with its first use and lasts as many seconds as its limit says; ``settings.LIMITS`` has them all. All
windows of one action are counted in one statement, whose rows come in one order (F20), so that counting is exact
however many come at the same moment. The loss of Redis loses none of it.

A limit in money has no such beginning, around which twice the limit could leave: it holds over any such span (B-17). It
is counted in 25 rows, one for each twenty-fourth of the span and one for the part that is running.

``accounts/passwords/limits.py`` has the limits of passwords.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Concat
from django.utils.crypto import salted_hmac

from accounts.models import RateLimit
from accounts.request import context as request_context
from messaging.database import Bytewise, Epoch, Slot, database, delete_in_batches, kept_cursor

COUNT = """
    INSERT INTO {table} (key, seconds, used, until) VALUES {values}
    ON CONFLICT (key, seconds) DO UPDATE SET
        used = CASE WHEN {table}.until <= excluded.until - {table}.seconds
            THEN excluded.used ELSE {table}.used + excluded.used END,
        until = CASE WHEN {table}.until <= excluded.until - {table}.seconds THEN excluded.until ELSE {table}.until END
    RETURNING key, seconds, used + {earlier}, until - {now}"""
# The sum of the other rows of a limit in money. Only the running one changes, and that is the row just written.
EARLIER = """
    COALESCE((SELECT SUM(other.used) FROM {table} AS other WHERE other.key = {table}.key
        AND other.seconds BETWEEN {first} AND {last} AND other.seconds <> {table}.seconds
        AND other.until > {now}), 0)"""
# ``until`` is here the moment up to which the uses were counted, so that no expired row counts again.
TAKE_BACK = """
    INSERT INTO {table} (key, seconds, used, until) VALUES {values}
    ON CONFLICT (key, seconds) DO UPDATE SET
        used = CASE WHEN {table}.used > excluded.used THEN {table}.used - excluded.used ELSE 0 END
    WHERE {table}.used > 0 AND {table}.until - {table}.seconds <= excluded.until"""
ORDER = attrgetter("key", "seconds")  # in which all statements lock rows (F20)
PARTS = 24
NO_LIMIT = 2**31  # for a window that only counts
SLIDING = {
    "account",
    "account_first",
    "account_new",
    "account_known",
    "system",
    "person",
    "person_first",
}  # limits in money: they hold over any such span


@dataclass(frozen=True, slots=True)
class Window:
    """One window: what is counted, for how many seconds, up to which limit."""

    key: str
    seconds: int
    limit: int
    scope: str

    @property
    def rows(self) -> range:
        """Return the values of the column ``seconds`` in its rows: nearly the length of each."""
        if self.scope not in SLIDING:
            return range(self.seconds, self.seconds + 1)
        last = self.part * (PARTS + 1)
        return range(last - PARTS, last + 1)

    @property
    def part(self) -> int:
        """Return the seconds that one row of a limit in money covers."""
        return -(-self.seconds // PARTS)

    def row(self, now: str) -> tuple[str, str]:
        """Return the SQL of the row in which a use is counted: its ``seconds``, and when it expires."""
        if self.scope not in SLIDING:
            return f"{self.seconds}", f"{now} + {self.seconds}"
        number = f"{now} / {self.part}"
        return f"{self.rows[-1]} - {number} %% {PARTS + 1}", f"({number} + {PARTS + 1}) * {self.part}"


@dataclass(frozen=True, slots=True)
class Usage:
    """The state of a window after counting a use; ``wait`` is the seconds until it ends."""

    window: Window
    used: int
    wait: int

    @property
    def is_over_limit(self) -> bool:
        """Tell whether this use was one too many."""
        return self.used > self.window.limit


def windows(scope: str, name: object) -> list[Window]:
    """Return the windows in ``settings.LIMITS`` of a scope, for one name: a person, an address."""
    return [Window(f"{scope} {name}", seconds, limit, scope) for limit, seconds in settings.LIMITS[scope]]


def count(wanted: Iterable[Window], uses: int = 1) -> list[Usage]:
    """Count one use, or several, in each window and return their states: one statement, exact, in one order.

    Uses over the limit are counted as well; if a refusal is to count nothing, the caller's transaction undoes them.
    """
    windows = sorted(wanted, key=ORDER)
    here = database()
    now, table = Epoch.sql(here.vendor), _table(here)
    rows = [(window.key, *window.row(now), uses) for window in windows]
    statement = COUNT.format(table=table, now=now, values=_values(rows), earlier=_earlier(windows, now, table))
    known = {(window.key, seconds): window for window in windows for seconds in window.rows}
    cursor = kept_cursor(here)
    cursor.execute(statement, [row[0] for row in rows])
    found = cursor.fetchall()
    return [Usage(known[key, seconds], int(used), int(wait)) for key, seconds, used, wait in found]


def take_back(wanted: Iterable[Window], since: datetime | None = None) -> None:
    """Take a use back from each window, as often as it is named; only from those that had begun at ``since``, if given.

    It keeps the order of ``count``, which an UPDATE would not (F20).
    """
    counted = Counter(wanted)
    if not counted:
        return
    here = database()
    now = Epoch.sql(here.vendor)
    # The moment is a parameter: with a number in its text each statement would be another one, and planned anew.
    moment, moments = ("CAST(%s AS bigint)", [int(since.timestamp())]) if since else (now, [])
    rows = [(window.key, window.row(now)[0], moment, counted[window]) for window in sorted(counted, key=ORDER)]
    values: list[Any] = [value for row in rows for value in (row[0], *moments)]
    kept_cursor(here).execute(TAKE_BACK.format(table=_table(here), values=_values(rows)), values)


def seconds_until_free(wanted: Iterable[Window]) -> int:
    """Return how many seconds are left until each of these windows has a use left; 0 when all have."""
    return waits_of(wanted).first() or 0


def step_of(wanted: Iterable[Window]) -> int:
    """Return how often a captcha's work is doubled, counted from one; 0 below the limit (B-03)."""
    return (load_of(wanted).first() or 0).bit_length()


def all_used(scope: str, name: OuterRef | Value) -> Subquery:
    """Return the sum of all windows of a scope, for a column of a statement that has the name in it."""
    key = Concat(Value(f"{scope} "), Cast(name, CharField()))
    running = RateLimit.objects.filter(key=key, until__gt=Epoch()).order_by().values("key")
    return Subquery(running.annotate(all=Sum("used")).values("all"))


def is_running(window: Window) -> bool:
    """Tell whether a window has begun and has not expired."""
    return RateLimit.objects.filter(key=window.key, seconds=window.seconds, until__gt=Epoch()).exists()


def used(window: Window) -> int:
    """Return the uses in a window that is running; 0 when it is not."""
    running = RateLimit.objects.filter(key=window.key, seconds__in=window.rows, until__gt=Epoch())
    return running.aggregate(all=Sum("used"))["all"] or 0


def used_of(wanted: Iterable[Window]) -> dict[Window, int]:
    """Return the uses in each of these windows that is running; none of them may be a limit in money."""
    known = {(window.key, window.seconds): window for window in wanted}
    some = Q()
    for key, seconds in known:
        some |= Q(key=key, seconds=seconds)
    running = RateLimit.objects.filter(some, until__gt=Epoch()).values_list("key", "seconds", "used")
    return {known[key, seconds]: count for key, seconds, count in running}


def _table(connection: Any) -> str:
    return str(connection.ops.quote_name(RateLimit._meta.db_table))


def _values(rows: Iterable[tuple[str, str, str, int]]) -> str:
    """Return the rows of an INSERT. The keys are parameters; the rest are numbers made in this module."""
    return ", ".join(f"(%s, {seconds}, {used}, {until})" for _key, seconds, until, used in rows)


def _earlier(wanted: Iterable[Window], now: str, table: str) -> str:
    """Return the SQL of the earlier uses of limits in money, besides the row just counted; "0" for all others."""
    spans = {window.rows for window in wanted if window.scope in SLIDING}
    cases = [
        f"WHEN {table}.seconds BETWEEN {rows[0]} AND {rows[-1]} THEN"
        + EARLIER.format(table=table, now=now, first=rows[0], last=rows[-1])
        for rows in spans
    ]
    return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"


def hidden(name: str) -> str:
    """Return a hash for a name that the table must not show: a login, a number, a mailbox (J-02)."""
    return salted_hmac("accounts.budgets", name, algorithm="sha256").hexdigest()[:32]


def network(ip: str | None) -> str:
    """Return the network that counts as one address: of IPv6 the /64, which belongs to one customer."""
    return networks(ip)[0][0]


def here() -> str:
    """Return the network address of this request, as it is counted (C-10)."""
    return network(request_context.current.get().ip)


@lru_cache(maxsize=1000)
def networks(ip: str | None) -> tuple[tuple[str, int], ...]:
    """Return an address and, of IPv6, the networks around it that one owner may have, each with a factor (B-14).

    Network operators assign a /64, a /56 or a /48; a /48 has 65,536 of the first.
    """
    address = ipaddress.ip_address(ip) if ip else None
    if not isinstance(address, ipaddress.IPv6Address):
        return ((str(address), 1),)
    if address.ipv4_mapped:
        return ((str(address.ipv4_mapped), 1),)
    sizes = ((64, 1), (56, 4), (48, 16))
    wider = [(ipaddress.ip_network((address, size), strict=False), more) for size, more in sizes]
    return tuple((str(net.network_address if net.prefixlen == 64 else net), more) for net, more in wider)


def windows_of_networks(scope: str, ip: str | None) -> list[Window]:
    """Return a scope's windows of an address, and those of the networks around it with larger limits (B-14)."""
    found = [(window, more) for name, more in networks(ip) for window in windows(scope, name)]
    return [Window(each.key, each.seconds, each.limit * more, each.scope) for each, more in found]


def forget(wanted: Q) -> int:
    """Delete windows; return how many of them were running.

    Their rows are locked in the order of ``count``, so that somebody who makes others count is no deadlock (F20).
    """
    running = RateLimit.objects.filter(wanted, until__gt=Epoch())
    in_order = running.order_by(Bytewise("key"), "seconds").select_for_update().values("pk")
    return RateLimit.objects.filter(pk__in=in_order).delete()[0]


def of_names(scopes: Iterable[str], names: Iterable[object]) -> Q:
    """Return the condition for all windows of these scopes with these names, or with names that begin with them."""
    found = Q(pk__in=[])
    for scope in scopes:
        for name in names:
            found |= Q(key=f"{scope} {name}") | Q(key__startswith=f"{scope} {name} ")
    return found


def slot(name: str) -> Slot:
    return Slot(name, CharField())


def waits_of(wanted: Iterable[Window], key: Callable[[str], Any] = str) -> QuerySet[RateLimit, int]:
    """Return the seconds until each used-up window ends, the longest first."""
    used_up = Q()
    for window in wanted:
        used_up |= Q(key=key(window.key), seconds=window.seconds, used__gte=window.limit)
    over = RateLimit.objects.filter(used_up, until__gt=Epoch()).order_by("-until")
    return over.values_list(F("until") - Epoch(), flat=True)


def is_running_of(wanted: Iterable[Window], key: Callable[[str], Any] = str) -> Exists:
    """Return, for a column of a statement, whether one of these windows has begun and has not expired."""
    some = Q()
    for window in wanted:
        some |= Q(key=key(window.key), seconds=window.seconds)
    return Exists(RateLimit.objects.filter(some, until__gt=Epoch()))


def load_of(wanted: Iterable[Window], key: Callable[[str], Any] = str) -> QuerySet[RateLimit, int]:
    """Return how many times the limit of each window is used up, the highest first."""
    some, times = Q(), []
    for window in wanted:
        this = Q(key=key(window.key), seconds=window.seconds)
        some |= this
        times.append(When(this, then=F("used") / Value(window.limit)))
    running = RateLimit.objects.filter(some, until__gt=Epoch())
    return (
        running.annotate(load=Case(*times, output_field=IntegerField()))
        .order_by("-load")
        .values_list("load", flat=True)
    )


def purge() -> int:
    """Delete expired windows, in batches, whose rows are locked in the order of ``count`` (F20). Return how many."""
    return delete_in_batches(RateLimit.objects.filter(until__lte=Epoch()), in_order=(Bytewise("key"), "seconds"))
