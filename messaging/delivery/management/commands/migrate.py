"""Django's ``migrate``, with time-outs of its own: nobody waits for it for long, and it waits as long as it takes."""

from typing import Any

from django.core.management.commands import migrate

from messaging.postgresql import patience


class Command(migrate.Command):
    """Bring the schema up to date beside a portal that is in use."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. What is applied before a lock was not to be had stays applied."""
        patience.be_patient(options["database"])
        patience.with_its_locks(lambda: super(Command, self).handle(*args, **options), self.stderr.write)
