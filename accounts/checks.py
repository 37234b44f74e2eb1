"""System checks of the database, run by ``manage.py check --database default``, ``migrate`` and the doctor."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import AuditEvent

MIGRATION = "0002_audit_only_grows"
TRIGGERS = {
    "postgresql": {"audit_only_grows", "audit_is_not_emptied"},
    "sqlite": {"audit_is_not_changed", "audit_is_not_removed", "audit_is_not_replaced"},
}
# A trigger that is disabled, or enabled for replicas only, counts as missing.
IN_FORCE = {
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled IN ('O', 'A')",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
}


@register(Tags.database)
def check_audit_log(*, databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Refuse a database in which an event of the audit log could be changed or removed (J-01)."""
    missing = {alias: _missing_triggers(connections[alias]) for alias in databases or ()}
    return [
        Error(
            f"The audit log of the database {alias} is not protected: {', '.join(sorted(names))} missing or disabled.",
            hint='docs/operations.md, "What is deleted, and when", says how to restore a trigger.',
            id="accounts.E001",
        )
        for alias, names in missing.items()
        if names
    ]


def _missing_triggers(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the missing triggers; none before the migration that makes them, or ``migrate`` could not start."""
    if ("accounts", MIGRATION) not in MigrationRecorder(connection).applied_migrations():
        return set()
    with connection.cursor() as cursor:
        cursor.execute(IN_FORCE[connection.vendor], [AuditEvent._meta.db_table])
        return TRIGGERS[connection.vendor] - {name for (name,) in cursor.fetchall()}
