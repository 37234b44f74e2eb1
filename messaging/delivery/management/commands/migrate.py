"""Django's ``migrate`` with time-outs of its own: nobody waits for it for long, and a statement may run long."""

from typing import Any

from django.core.management.commands import migrate

from messaging.postgresql import maintenance


class Command(migrate.Command):
    """Bring the schema up to date beside a portal that is in use."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. Migrations that were applied before a lock could not be had stay applied."""
        maintenance.use_maintenance_timeouts(options["database"])
        maintenance.retry_for_locks(lambda: super(Command, self).handle(*args, **options), self.stderr.write)
