"""Check whether the archived audit log is complete and unchanged."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import archive, archive_files


class Command(BaseCommand):
    """Read every file and compare it with the chain of manifests, and the chain with the log."""

    help = "Reads every file of the archived audit log; exit code 1 when one was changed, exchanged or taken out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--last", default="", help="SHA-256 of the last manifest, as somebody else has kept it")
        parser.add_argument("--without-database", action="store_true", help="compare the files with one another only")

    def handle(self, *args: Any, folder: Path, last: str, without_database: bool, **options: Any) -> None:
        try:
            chain = archive_files.manifests(folder)
            for manifest in chain:
                archive_files.check_file(folder, manifest)
            if not without_database:
                archive.compare_with_log(chain)
        except archive_files.ArchiveBroken as broken:
            raise CommandError(str(broken)) from None
        digest = chain[-1].digest if chain else archive_files.FIRST
        if last and last != digest:
            raise CommandError(f"The last manifest is {digest}, not {last}: files were taken from the end or added.")
        self.stdout.write(f"{len(chain)} files, {sum(one.rows for one in chain)} rows: whole. Last manifest: {digest}")
