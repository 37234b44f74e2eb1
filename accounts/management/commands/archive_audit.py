"""Old months of the audit log, as files."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import archive, archive_files, months
from messaging.postgresql.maintenance import use_maintenance_timeouts

LEAST = 13  # months: the portal itself reads nothing older than a year


class Command(BaseCommand):
    """Archive what is old."""

    help = "Takes old months out of the audit log and writes them as CSV with checksums. PostgreSQL, by months, only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where the files are, each run the same")
        parser.add_argument("--keep", type=int, default=24, help="whole months that stay in the database (24)")

    def handle(self, *args: Any, folder: Path, keep: int, **options: Any) -> None:
        if keep < LEAST:
            raise CommandError(f"--keep must be at least {LEAST}: the portal itself reads what is younger.")
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder.")
        if not months.is_partitioned():
            raise CommandError(
                "The audit log is not kept by months: run partition_audit first, which needs PostgreSQL."
            )
        use_maintenance_timeouts()
        try:
            with archive_files.alone(folder):
                done = archive.archive(folder, keep, self.stderr.write)
        except archive_files.ArchiveBroken as broken:
            raise CommandError(f"{broken} Nothing was taken out.") from None
        for manifest in done:
            self.stdout.write(f"{manifest.file}: {manifest.rows} rows of {manifest.month}, manifest {manifest.digest}")
        self.stdout.write(f"{len(done)} months archived.")
