"""Turn the audit log's table into one with a partition for each month, while the portal is in use (O-18).

The long steps, a check of every row and a unique index, block nobody. The last step is a transaction of some
milliseconds that renames the table and makes it the first partition of a new one. If the command is broken off before
that, the log works as before, and the next run begins again.
"""

import logging
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction

from accounts.audit import months
from accounts.audit.months import TABLE, Month, rows
from messaging.database import sqlstate
from messaging.periodic.scheduler import Last, periodic_task
from messaging.postgresql.maintenance import Progress, retry_for_locks

logger = logging.getLogger(__name__)

BOUND = "audit_until"  # the check that every row is older than the first month to come
KEY = "audit_key"
# The check would refuse the month's first events, so there has to be time enough to finish before it begins.
LEAST_TIME = timedelta(days=7)

INSUFFICIENT_PRIVILEGE = "42501"


class CannotBePartitioned(Exception):
    """Another table refers to the audit log's rows by their id alone."""


def partition(progress: Progress) -> None:
    """Convert the table; begin again if an earlier run was broken off."""
    if rows("SELECT 1 FROM pg_constraint WHERE confrelid = %s::regclass", TABLE):
        raise CannotBePartitioned
    first = _first_month()
    retry_for_locks(lambda: _bind(first), progress)
    try:
        rows(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {BOUND}")
        _index()
        retry_for_locks(lambda: _swap(first), progress)
    finally:
        retry_for_locks(release, progress)


def _first_month() -> Month:
    """Return the first month with a partition of its own."""
    coming = months.this_month().plus(1)
    in_time = rows("SELECT clock_timestamp() + %s < %s", LEAST_TIME, coming.begin)[0][0]
    return coming if in_time else coming.plus(1)


@transaction.atomic
def _bind(first: Month) -> None:
    """Refuse rows of the coming months, so that PostgreSQL need not look for any under a lock."""
    rows(f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {BOUND}")
    rows(f"ALTER TABLE {TABLE} ADD CONSTRAINT {BOUND} CHECK (at < '{first.begin:%Y-%m-%d} 00:00+00') NOT VALID")


def release() -> None:
    """Remove the check; it is no longer needed."""
    for (table,) in rows("SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s", BOUND):
        rows(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {BOUND}")


def _index() -> None:
    """Build the index of the new key concurrently: it waits for others, and nobody waits for it."""
    rows("SET lock_timeout = 0")
    rows(f"DROP INDEX CONCURRENTLY IF EXISTS {KEY}")
    rows(f"CREATE UNIQUE INDEX CONCURRENTLY {KEY} ON {TABLE} (id, at)")
    rows("SET lock_timeout = '1s'")


@transaction.atomic
def _swap(first: Month) -> None:
    """Replace the log by a partitioned table with the same definitions, and attach the log to it."""
    rows(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
    kept = _definitions()
    grants = rows(_GRANTS, TABLE)
    next_id = _next_id()
    old = _step_aside(f"_before_{first.year:04}_{first.month:02}")
    rows(f"CREATE TABLE {TABLE} (LIKE {old} INCLUDING DEFAULTS) PARTITION BY RANGE (at)")
    _number(next_id)
    _grant(grants, old)
    for definition in kept:
        rows(definition)
    rows(f"ALTER TABLE {TABLE} ADD PRIMARY KEY (id, at)")
    end = f"'{first.begin:%Y-%m-%d} 00:00+00'"
    rows(f"ALTER TABLE {TABLE} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ({end})")
    months.make_others()
    months.make_ahead()


def _step_aside(suffix: str) -> str:
    """Free the log's names for the new table, and give its rows the key of a partition. Return its new name."""
    rows(f"ALTER TABLE {TABLE} ALTER id DROP IDENTITY, DROP CONSTRAINT {TABLE}_pkey")
    rows(f"DROP TRIGGER audit_only_grows ON {TABLE}")
    for (index,) in rows(_INDEXES, TABLE, KEY):
        rows(f"ALTER INDEX {index} RENAME TO {index}{suffix}")
    rows(f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}{suffix}_pkey PRIMARY KEY USING INDEX {KEY}")
    rows(f"ALTER TABLE {TABLE} RENAME TO {TABLE}{suffix}")
    return TABLE + suffix


_INDEXES = """
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = %s::regclass AND relname <> %s"""
_GRANTS = """
    SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, privilege_type
    FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = %s::regclass AND grantee <> relowner"""


def _definitions() -> list[str]:
    """Return the statements that make the log's indexes, foreign keys and triggers as they are now."""
    indexes = rows(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass AND NOT indisunique", TABLE
    )
    triggers = rows(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", TABLE
    )
    keys = rows(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'",
        TABLE,
    )
    foreign = [f"ALTER TABLE {TABLE} ADD CONSTRAINT {name} {definition}" for name, definition in keys]
    return [*(row[0] for row in indexes), *foreign, *(row[0] for row in triggers)]


def _next_id() -> int:
    sequence = rows("SELECT pg_get_serial_sequence(%s, 'id')", TABLE)[0][0]
    return int(rows(f"SELECT last_value + is_called::int FROM {sequence}")[0][0])  # noqa: S608


def _number(next_id: int) -> None:
    """Continue the ids where the log was. PostgreSQL 15 has no identity columns in partitioned tables."""
    rows(f"CREATE SEQUENCE {TABLE}_id_seq START {next_id} OWNED BY {TABLE}.id")
    rows(f"ALTER TABLE {TABLE} ALTER id SET DEFAULT nextval('{TABLE}_id_seq')")


def _grant(grants: list[Any], old: str) -> None:
    """Give the portal's role and the owner the rights that they had."""
    ((owner,),) = rows("SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = %s::regclass", old)
    rows(f"ALTER TABLE {TABLE} OWNER TO {owner}")
    for role, privilege in grants:
        rows(f"GRANT {privilege} ON {TABLE} TO {role}")
        if privilege == "INSERT":
            rows(f"GRANT USAGE ON SEQUENCE {TABLE}_id_seq TO {role}")


@periodic_task("audit months", seconds=3600)
def keep_ahead(last: Last) -> None:
    """Make the coming months' partitions; if the portal's role may not, log who has to."""
    if connection.vendor != "postgresql":
        return
    try:
        if months.is_partitioned():
            months.make_ahead()
        elif rows(_ENDS_SOON, BOUND):
            release()
    except DatabaseError as error:
        if sqlstate(error) != INSUFFICIENT_PRIVILEGE:
            raise
        logger.error("the audit log's next months are missing: run manage.py partition_audit as the tables' owner")  # noqa: TRY400


# A check that a broken-off conversion has left must not refuse the next month's events.
_ENDS_SOON = r"""
    SELECT 1 FROM pg_constraint WHERE conname = %s
    AND substring(pg_get_constraintdef(oid) from '\d{4}-\d\d-\d\d')::date < clock_timestamp() + interval '2 days'"""
