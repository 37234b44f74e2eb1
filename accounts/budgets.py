"""How often something may be done: budgets in the database, on its clock (security.md, section 3).

A window begins with its first use and lasts as many seconds as its limit says; ``settings.LIMITS`` has them all.
Whatever is spent together is spent in one statement, whose rows come in one order (F20), so that counting is exact
however many come at once. Losing Redis loses none of it (C-08).

Passwords are counted only when they are wrong, by what was typed, so that nobody learns who exists; their budget is
looked at in the statement that finds the person, so a right password costs nothing more. A spent budget refuses
right and wrong passwords alike. It is separate from the ladder of the second step: outsiders cannot raise that (L-06).
Login and address of one person are two names but one budget by the hour and the day. Where it was spent under the
other name the answer is that of a wrong password: 429 would tell that the two names are one person's.
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.utils.crypto import salted_hmac

from accounts.models import Budget, User
from messaging.database import Epoch, Slot

SPEND = """
    INSERT INTO {table} (key, seconds, used, until) VALUES {values}
    ON CONFLICT (key, seconds) DO UPDATE SET
        used = CASE WHEN {table}.until <= excluded.until - {table}.seconds
            THEN excluded.used ELSE {table}.used + excluded.used END,
        until = CASE WHEN {table}.until <= excluded.until - {table}.seconds THEN excluded.until ELSE {table}.until END
    RETURNING key, seconds, used, until - {now}"""
TAKE_BACK = """
    INSERT INTO {table} (key, seconds, used, until) VALUES {values}
    ON CONFLICT (key, seconds) DO UPDATE SET used = {table}.used - 1
    WHERE {table}.used > 0 AND {table}.until - {table}.seconds <= %s"""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One window to spend from: what is counted, for how many seconds, up to which limit."""

    key: str
    seconds: int
    limit: int
    scope: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What a window has become by spending from it; ``wait`` is the seconds until it ends."""

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


def spend(wanted: Iterable[Window], uses: int = 1) -> list[Balance]:
    """Count one use, or several, in each window and return what became of them: one statement, exact, in one order.

    What is too much is counted as well: the caller's transaction undoes it where a refusal is to spend nothing.
    """
    rows = sorted(wanted)
    known = {(window.key, window.seconds): window for window in rows}
    found = _run(SPEND, rows, uses, [])
    return [Balance(known[key, seconds], used, int(wait)) for key, seconds, used, wait in found]


def take_back(wanted: Iterable[Window], since: datetime | None = None) -> None:
    """Take one use back from each window; from those only that had begun at ``since``, where it is given.

    In the order of ``spend``, which an UPDATE would not keep (F20).
    """
    rows = sorted(wanted)
    if rows:
        _run(TAKE_BACK, rows, 0, [int(since.timestamp()) if since else 2**40])


def seconds_spent(wanted: Iterable[Window]) -> int:
    """Return for how many seconds nothing is left in one of these windows; 0 when something is."""
    return _waits(wanted).first() or 0


def most_used(scope: str, name: OuterRef | Value) -> Subquery:
    """Return how much is used of a scope's windows, for a column of a statement that knows the name in it."""
    key = Concat(Value(f"{scope} "), Cast(name, CharField()))
    running = Budget.objects.filter(key=key, until__gt=Epoch()).order_by("-used")
    return Subquery(running.values("used")[:1])


def is_running(window: Window) -> bool:
    """Tell whether a window has begun and is not over."""
    return Budget.objects.filter(key=window.key, seconds=window.seconds, until__gt=Epoch()).exists()


def used(window: Window) -> int:
    """Return how often something was used in a window that is running; 0 when none is."""
    running = Budget.objects.filter(key=window.key, seconds=window.seconds, until__gt=Epoch())
    return running.values_list("used", flat=True).first() or 0


def extend(window: Window, seconds: int) -> None:
    """Let a window last for so many seconds from now."""
    Budget.objects.filter(key=window.key, seconds=window.seconds).update(until=Epoch() + seconds)


def _run(statement: str, rows: list[Window], used: int, more: list[str | int]) -> list[tuple[str, int, int, int]]:
    now = Epoch.sql(connection.vendor)
    values = ", ".join(f"(%s, %s, {used}, {now} + %s)" for _row in rows)
    params: list[str | int] = [part for row in rows for part in (row.key, row.seconds, row.seconds)]
    table = connection.ops.quote_name(Budget._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(statement.format(table=table, values=values, now=now), params + more)
        return list(cursor.fetchall()) if "RETURNING" in statement else []


def hidden(name: str) -> str:
    """Return what stands for a name that the table must not show: a login, a number, a mailbox (J-02)."""
    return salted_hmac("accounts.budgets", name, algorithm="sha256").hexdigest()[:32]


def network(ip: str | None) -> str:
    """Return what counts as one address: of IPv6 the /64 that everybody has to themselves."""
    address = ipaddress.ip_address(ip) if ip else None
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


# Passwords ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """The windows that a password is tried against, and their keys apart: a statement is built once for all keys."""

    of_name: tuple[Window, ...]
    of_person: tuple[Window, ...]

    @classmethod
    def of(cls, login: str, ip: str | None) -> tuple["Attempt", dict[str, str]]:
        """Return the attempt of a login from an address, with slots instead of keys, and what goes into the slots."""
        of_name, of_person = _of_password(login, ip), _of_either_name(login, ip)
        keys = {f"key{number}": window.key for number, window in enumerate(of_name + of_person)}
        slots = [replace(window, key=key) for key, window in zip(keys, of_name + of_person, strict=True)]
        return cls(tuple(slots[: len(of_name)]), tuple(slots[len(of_name) :])), keys

    def annotate(self, people: QuerySet[User]) -> QuerySet[User]:
        """Add the seconds for which no password may be tried from here.

        ``password_wait`` is that of the name that was typed, ``person_wait`` that of the person by whatever name.
        """
        waits = {"password_wait": self.of_name, "person_wait": self.of_person}
        return people.annotate(**{name: Subquery(_waits(wanted, _slot)[:1]) for name, wanted in waits.items()})


def password_wait(login: str, ip: str | None) -> int:
    """Return for how many seconds no password may be tried for a login from an address."""
    return seconds_spent(_of_password(login, ip))


def own_password_wait(person: User, ip: str | None) -> int:
    """Return for how many seconds somebody who is signed in may try no password, by whatever name it was tried."""
    return seconds_spent(_of_password(person.username, ip) + _of_either_name(person.username, ip))


def count_wrong_password(login: str, ip: str | None, person: User | None) -> None:
    """Count a wrong password, in one statement: for the name that was typed, and for both that a person has."""
    names = [person.username, person.email] if person else [login]
    spend(_of_password(login, ip) + [window for name in names for window in _of_either_name(name, ip)])


def _of_either_name(name: str, ip: str | None) -> list[Window]:
    """Return what a name shares with the person's other one: an hour and more. The short window is for slips."""
    key = f"#{hidden(_name(name))}"
    shared = [*windows("password_from_address", f"{key} {network(ip)}"), *windows("password", key)]
    return [window for window in shared if window.seconds >= settings.HOUR]


def _of_password(login: str, ip: str | None) -> list[Window]:
    """Return the windows of an attempt; logins are hidden, for people type passwords into the wrong field."""
    name, address = hidden(_name(login)), network(ip)
    return [
        *windows("password_from_address", f"{name} {address}"),
        *windows("password", name),
        *windows("address_passwords", address),
    ]


def _slot(name: str) -> Slot:
    return Slot(name, CharField())


def _name(login: str) -> str:
    return login.strip().lower()


def _waits(wanted: Iterable[Window], key: Callable[[str], Any] = str) -> QuerySet[Budget, int]:
    """Return the seconds until each spent window ends, the longest first."""
    spent = Q()
    for window in wanted:
        spent |= Q(key=key(window.key), seconds=window.seconds, used__gte=window.limit)
    over = Budget.objects.filter(spent, until__gt=Epoch()).order_by("-until")
    return over.values_list(F("until") - Epoch(), flat=True)
