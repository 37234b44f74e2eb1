"""The audit log by months on PostgreSQL: a partition for each month, made ahead (O-18).

Django's migrations make one table, which is enough for most installations and the same on every database. ``manage.py
partition_audit`` makes that table one partition, of all months until then, beside one for each coming month. No row is
copied, changed or removed. The layers above see no difference: the table's name and columns stay the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, connection, transaction

from messaging.database import sqlstate

TABLE = "accounts_auditevent"
AHEAD = 3  # months whose partitions exist before they begin
OTHERS = f"{TABLE}_default"  # takes rows of months without a partition, so that no event is refused
CHECK_VIOLATION = "23514"


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A month of UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """Return the month of a moment."""
        moment = moment.astimezone(UTC)
        return cls(moment.year, moment.month)

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    def plus(self, months: int) -> "Month":
        """Return the month that is so many months later, or earlier."""
        years, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(years, month + 1)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of the audit log, and the month before which all its rows are."""

    table: str
    until: Month


def rows(statement: str, *values: Any) -> list[Any]:
    """Return the rows of a statement's result."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall()) if cursor.description else []


def is_partitioned() -> bool:
    """Tell whether the audit log is kept by months."""
    if connection.vendor != "postgresql":
        return False
    return bool(rows("SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'p'", TABLE))


def this_month() -> Month:
    """Return the current month by the database's clock."""
    return Month.of(rows("SELECT clock_timestamp()")[0][0])


def partitions() -> list[Partition]:
    """Return the partitions that have an end, the oldest first."""
    names = rows(
        "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = %s::regclass", TABLE
    )
    found = [_partition(name) for (name,) in names]
    return sorted((one for one in found if one), key=lambda one: one.until)


def _partition(name: str) -> Partition | None:
    match = re.fullmatch(rf"{TABLE}_(before_)?(\d{{4}})_(\d\d)", name)
    if not match:
        return None
    month = Month(int(match[2]), int(match[3]))
    return Partition(name, month if match[1] else month.plus(1))


def make_ahead() -> list[Month]:
    """Make the partitions of this month and the coming ones where they are missing; return those made."""
    here = this_month()
    there = partitions()
    first = there[0].until if there and "_before_" in there[0].table else here
    months = [month for month in (here.plus(number) for number in range(AHEAD + 1)) if month >= first]
    missing = [month for month in months if name_of(month) not in {one.table for one in there}]
    for month in missing:
        _make(month)
    return missing


def name_of(month: Month) -> str:
    """Return the name of a month's partition."""
    return f"{TABLE}_{month.year:04}_{month.month:02}"


def _make(month: Month) -> None:
    """Make a month's partition, and move the month's rows out of the default partition."""
    try:
        with transaction.atomic():
            _attach_new(month)
    except DatabaseError as error:
        if sqlstate(error) != CHECK_VIOLATION:
            raise
        sort_others()


def _attach_new(month: Month) -> None:
    table = name_of(month)
    rows(f"CREATE TABLE {table} (LIKE {TABLE})")
    guard(table)
    rows(f"ALTER TABLE {TABLE} ATTACH PARTITION {table} {_bounds(month)}")


def guard(table: str) -> None:
    """Add the trigger that refuses to empty a partition; the whole table's triggers guard its rows (J-01)."""
    rows(
        f"CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_only_grows()"
    )


def _bounds(month: Month) -> str:
    return f"FOR VALUES FROM ('{month.begin:%Y-%m-%d} 00:00+00') TO ('{month.plus(1).begin:%Y-%m-%d} 00:00+00')"


@transaction.atomic
def sort_others() -> list[Month]:
    """Make a partition for each month that has rows in the default one; return those months.

    The rows are copied into new tables and the default partition is made again, because rows cannot be deleted. All of
    it is one transaction, during which nobody else can read or write the audit log.
    """
    rows(f"ALTER TABLE {TABLE} DETACH PARTITION {OTHERS}")
    found = [Month.of(begin) for (begin,) in rows(_MONTHS_OF.format(OTHERS))]
    for month in found:
        _attach_new(month)
        chosen = f"SELECT * FROM {OTHERS} WHERE at >= %s AND at < %s"  # noqa: S608
        rows(f"INSERT INTO {name_of(month)} {chosen}", month.begin, month.plus(1).begin)
    rows(f"DROP TABLE {OTHERS}")
    make_others()
    return found


_MONTHS_OF = "SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM {}"


def make_others() -> None:
    """Make the default partition, which takes rows of months without one."""
    rows(f"CREATE TABLE {OTHERS} (LIKE {TABLE})")
    guard(OTHERS)
    rows(f"ALTER TABLE {TABLE} ATTACH PARTITION {OTHERS} DEFAULT")


def others_wait() -> bool:
    """Tell whether any row is in the default partition."""
    return bool(rows(f"SELECT 1 FROM {OTHERS} LIMIT 1"))  # noqa: S608


def months_of(table: str) -> Iterator[Month]:
    """Return the months of a table's rows, the oldest first."""
    ((oldest, newest),) = rows(f"SELECT min(at), max(at) FROM {table}")  # noqa: S608
    if oldest is None:
        return
    month, last = Month.of(oldest), Month.of(newest)
    while month <= last:
        if rows(f"SELECT 1 FROM {table} WHERE at >= %s AND at < %s LIMIT 1", month.begin, month.plus(1).begin):  # noqa: S608
            yield month
        month = month.plus(1)
