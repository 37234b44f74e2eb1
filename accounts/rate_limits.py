"""How often something may be done: counted in the database, on its clock (C-08).

A window begins with its first use and lasts as many seconds as its limit says; ``settings.LIMITS`` has them all.
What is counted together is counted in one statement, whose rows come in one order (F20), so that counting is exact
however many come at once. Losing Redis loses none of it.

What costs money has no such beginning, at which twice the limit could leave: its limit holds over any such span (B-17).
It is counted in 25 rows, one for each twenty-fourth of the span and one for the part that is running.

How passwords are limited is told in ``accounts/passwords/limits.py``.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Case, CharField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Concat
from django.utils.crypto import salted_hmac

from accounts.models import RateLimit
from messaging.database import Epoch, Slot, delete_in_batches

COUNT = """
    INSERT INTO {table} (key, seconds, used, until) VALUES {values}
    ON CONFLICT (key, seconds) DO UPDATE SET
        used = CASE WHEN {table}.until <= excluded.until - {table}.seconds
            THEN excluded.used ELSE {table}.used + excluded.used END,
        until = CASE WHEN {table}.until <= excluded.until - {table}.seconds THEN excluded.until ELSE {table}.until END
    RETURNING key, seconds, used + {earlier}, until - {now}"""
# What the other rows of a limit in money hold. Only the running one changes, and that is the row just written.
EARLIER = """
    COALESCE((SELECT SUM(other.used) FROM {table} AS other WHERE other.key = {table}.key
        AND other.seconds BETWEEN {first} AND {last} AND other.seconds <> {table}.seconds
        AND other.until > {now}), 0)"""
# ``until`` of a row is here the moment up to which its uses were counted: no row that is over becomes alive by it.
TAKE_BACK = """
    INSERT INTO {table} (key, seconds, used, until) VALUES {values}
    ON CONFLICT (key, seconds) DO UPDATE SET
        used = CASE WHEN {table}.used > excluded.used THEN {table}.used - excluded.used ELSE 0 END
    WHERE {table}.used > 0 AND {table}.until - {table}.seconds <= excluded.until"""
PARTS = 24
SLIDING = {
    "account",
    "account_new",
    "account_known",
    "system",
    "person",
    "person_first",
}  # what costs money: they hold over any such span


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One window: what is counted, for how many seconds, up to which limit."""

    key: str
    seconds: int
    limit: int
    scope: str

    @property
    def rows(self) -> range:
        """Return what stands in the column ``seconds`` of its rows: how long each of them lasts, nearly."""
        if self.scope not in SLIDING:
            return range(self.seconds, self.seconds + 1)
        last = self.part * (PARTS + 1)
        return range(last - PARTS, last + 1)

    @property
    def part(self) -> int:
        """Return the seconds for which one row of a limit in money counts."""
        return -(-self.seconds // PARTS)

    def row(self, now: str) -> tuple[str, str]:
        """Return the SQL of the row that a use is counted in: its ``seconds``, and when it is over."""
        if self.scope not in SLIDING:
            return f"{self.seconds}", f"{now} + {self.seconds}"
        number = f"{now} / {self.part}"
        return f"{self.rows[-1]} - {number} %% {PARTS + 1}", f"({number} + {PARTS + 1}) * {self.part}"


@dataclass(frozen=True, slots=True)
class Balance:
    """What a window has become by counting a use; ``wait`` is the seconds until it ends."""

    window: Window
    used: int
    wait: int

    @property
    def is_overdrawn(self) -> bool:
        """Tell whether this use was one too many."""
        return self.used > self.window.limit


def windows(scope: str, name: object) -> list[Window]:
    """Return the windows that ``settings.LIMITS`` has for a scope, of one name in it: a person, an address."""
    return [Window(f"{scope} {name}", seconds, limit, scope) for limit, seconds in settings.LIMITS[scope]]


def count(wanted: Iterable[Window], uses: int = 1) -> list[Balance]:
    """Count one use, or several, in each window and return what became of them: one statement, exact, in one order.

    What is too much is counted as well: the caller's transaction undoes it where a refusal is to count nothing.
    """
    windows = sorted(wanted)
    now, table = _clock(), _table()
    rows = [(window.key, *window.row(now), uses) for window in windows]
    statement = COUNT.format(table=table, now=now, values=_values(rows), earlier=_earlier(windows))
    known = {(window.key, seconds): window for window in windows for seconds in window.rows}
    with connection.cursor() as cursor:
        cursor.execute(statement, [row[0] for row in rows])
        found = cursor.fetchall()
    return [Balance(known[key, seconds], int(used), int(wait)) for key, seconds, used, wait in found]


def take_back(wanted: Iterable[Window], since: datetime | None = None) -> None:
    """Take a use back from each window, as often as it is named; from those only that had begun at ``since``, if given.

    In the order of ``count``, which an UPDATE would not keep (F20).
    """
    counted = Counter(wanted)
    if not counted:
        return
    now = _clock()
    moment = str(int(since.timestamp())) if since else now
    rows = [(window.key, window.row(now)[0], moment, counted[window]) for window in sorted(counted)]
    with connection.cursor() as cursor:
        cursor.execute(TAKE_BACK.format(table=_table(), values=_values(rows)), [row[0] for row in rows])


def seconds_until_free(wanted: Iterable[Window]) -> int:
    """Return for how many seconds nothing is left in one of these windows; 0 when something is."""
    return waits_of(wanted).first() or 0


def step_of(wanted: Iterable[Window]) -> int:
    """Return how often a captcha's work is doubled for what was used, counted from one; 0 below the limit (B-03)."""
    return (load_of(wanted).first() or 0).bit_length()


def all_used(scope: str, name: OuterRef | Value) -> Subquery:
    """Return what all of a scope's windows hold, for a column of a statement that knows the name in it."""
    key = Concat(Value(f"{scope} "), Cast(name, CharField()))
    running = RateLimit.objects.filter(key=key, until__gt=Epoch()).order_by().values("key")
    return Subquery(running.annotate(all=Sum("used")).values("all"))


def is_running(window: Window) -> bool:
    """Tell whether a window has begun and is not over."""
    return RateLimit.objects.filter(key=window.key, seconds=window.seconds, until__gt=Epoch()).exists()


def used(window: Window) -> int:
    """Return how often something was used in a window that is running; 0 when none is."""
    running = RateLimit.objects.filter(key=window.key, seconds__in=window.rows, until__gt=Epoch())
    return running.aggregate(all=Sum("used"))["all"] or 0


def used_of(wanted: Iterable[Window]) -> dict[Window, int]:
    """Return how often something was used in each of these windows that is running; none of them is of money."""
    known = {(window.key, window.seconds): window for window in wanted}
    some = Q()
    for key, seconds in known:
        some |= Q(key=key, seconds=seconds)
    running = RateLimit.objects.filter(some, until__gt=Epoch()).values_list("key", "seconds", "used")
    return {known[key, seconds]: count for key, seconds, count in running}


def _clock() -> str:
    return Epoch.sql(connection.vendor)


def _table() -> str:
    return connection.ops.quote_name(RateLimit._meta.db_table)


def _values(rows: Iterable[tuple[str, str, str, int]]) -> str:
    """Return the rows of an INSERT, whose keys are parameters; all else is made here, of numbers."""
    return ", ".join(f"(%s, {seconds}, {used}, {until})" for _key, seconds, until, used in rows)


def _earlier(wanted: Iterable[Window]) -> str:
    """Return the SQL of what a limit in money holds beside the row that a use is counted in; "0" for all others."""
    spans = {window.rows for window in wanted if window.scope in SLIDING}
    cases = [
        f"WHEN {_table()}.seconds BETWEEN {rows[0]} AND {rows[-1]} THEN"
        + EARLIER.format(table=_table(), now=_clock(), first=rows[0], last=rows[-1])
        for rows in spans
    ]
    return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"


def hidden(name: str) -> str:
    """Return what stands for a name that the table must not show: a login, a number, a mailbox (J-02)."""
    return salted_hmac("accounts.budgets", name, algorithm="sha256").hexdigest()[:32]


def network(ip: str | None) -> str:
    """Return what counts as one address: of IPv6 the /64 that everybody has to themselves."""
    return networks(ip)[0][0]


def networks(ip: str | None) -> list[tuple[str, int]]:
    """Return an address and the networks that one owner may hold of IPv6, each with how much more it may (B-14).

    A network operator hands out a /64, a /56 or a /48; whoever has a /48 has 65,536 of the first.
    """
    address = ipaddress.ip_address(ip) if ip else None
    if not isinstance(address, ipaddress.IPv6Address):
        return [(str(address), 1)]
    if address.ipv4_mapped:
        return [(str(address.ipv4_mapped), 1)]
    sizes = ((64, 1), (56, 4), (48, 16))
    wider = [(ipaddress.ip_network((address, size), strict=False), more) for size, more in sizes]
    return [(str(net.network_address if net.prefixlen == 64 else net), more) for net, more in wider]


def windows_of_networks(scope: str, ip: str | None) -> list[Window]:
    """Return the windows of an address in a scope, and with larger limits of the networks around it (B-14)."""
    found = [(window, more) for name, more in networks(ip) for window in windows(scope, name)]
    return [replace(window, limit=window.limit * more) for window, more in found]


def forget(wanted: Q) -> int:
    """Forget windows; return how many of them were running."""
    running = RateLimit.objects.filter(wanted, until__gt=Epoch())
    return running.delete()[0]


def of_names(scopes: Iterable[str], names: Iterable[object]) -> Q:
    """Return the condition of all windows of these scopes that are of these names, or begin with them."""
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
    """Return, for a column of a statement, whether one of these windows has begun and is not over."""
    some = Q()
    for window in wanted:
        some |= Q(key=key(window.key), seconds=window.seconds)
    return Exists(RateLimit.objects.filter(some, until__gt=Epoch()))


def load_of(wanted: Iterable[Window], key: Callable[[str], Any] = str) -> QuerySet[RateLimit, int]:
    """Return how many times the limit of each window is used up, the most first."""
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
    """Forget windows that are over, in batches. Return how many."""
    return delete_in_batches(RateLimit.objects.filter(until__lte=Epoch()))
