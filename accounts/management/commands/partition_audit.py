"""The audit log by months."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts.audit import months, partitioning
from messaging.postgresql.maintenance import use_maintenance_timeouts


class Command(BaseCommand):
    """Keep the audit log by months from now on."""

    help = (
        "Keeps the audit log in a partition a month, and makes the months to come; safe beside a portal in use,"
        " and to run again. PostgreSQL only."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Partitions need PostgreSQL; this database is SQLite.")
        use_maintenance_timeouts()
        try:
            if not months.is_partitioned():
                partitioning.partition(self.stderr.write)
        except partitioning.CannotBePartitioned:
            raise CommandError("Another table points at rows of the audit log; nothing was changed.") from None
        made = months.make_ahead()
        if months.others_wait():
            made += months.sort_others()
        self.stdout.write(", ".join(f"{one.table} (before {one.until})" for one in months.partitions()))
        self.stdout.write(f"{len(made)} made now.")
