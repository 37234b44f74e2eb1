"""Write old months of the audit log into files and remove them (O-19). PostgreSQL, by months only: see ``months``.

The steps are in this order, so that a run that is broken off loses nothing and the next one goes on: the partition is
closed to further rows; its file and manifest are written and read back; then, in one transaction, the partition is
detached and dropped, and an event says which file has it, with the manifest's checksum.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from accounts.audit import archive_files, months
from accounts.audit.actions import Action
from accounts.audit.archive_files import Manifest
from accounts.audit.months import TABLE, Month, Partition, rows
from accounts.audit.record import record_event
from accounts.models import AuditEvent
from messaging.postgresql.maintenance import Progress, retry_for_locks


def archive(folder: Path, keep: int, progress: Progress) -> list[Manifest]:
    """Archive each partition whose rows are all older than ``keep`` whole months; return the files written or found."""
    chain = archive_files.manifests(folder)
    compare_with_log(chain)
    if months.others_wait():
        retry_for_locks(months.sort_others, progress)
    end = months.this_month().plus(-keep)
    done: list[Manifest] = []
    for partition in [one for one in months.partitions() if one.until <= end]:
        retry_for_locks(partial(_close, partition), progress)
        files = [_written(folder, partition, month, chain) for month in months.months_of(partition.table)]
        retry_for_locks(partial(_take_out, partition, files), progress)
        done += files
    return done


def compare_with_log(chain: list[Manifest]) -> None:
    """Compare the newest file that the audit log names with the folder's. Raises ArchiveBroken."""
    known = AuditEvent.objects.filter(account__isnull=True, action=Action.AUDIT_ARCHIVED)
    newest = known.order_by("-at", "-pk").first()
    if newest is None:
        return
    number, digest = int(newest.data["number"]), newest.data["sha256"]
    if len(chain) < number or chain[number - 1].digest != digest:
        raise archive_files.ArchiveBroken(
            f"The audit log says that file {number} has the manifest {digest}; this folder has another one, or none."
        )


def _close(partition: Partition) -> None:
    """Close a partition to further rows, so that its file is complete."""
    table = partition.table
    if rows("SELECT 1 FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = 'audit_is_closed'", table):
        return
    rows(
        f"CREATE TRIGGER audit_is_closed BEFORE INSERT ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION accounts_audit_only_grows()"
    )


def _written(folder: Path, partition: Partition, month: Month, chain: list[Manifest]) -> Manifest:
    """Return the manifest of a month: an earlier run's if it has written the same rows, else a new one."""
    earlier = [one for one in chain if one.month == str(month)]
    if earlier:
        digest = archive_files.sha256_of(_csv(partition.table, month))
        for manifest in earlier:
            if manifest.rows_sha256 == digest:
                archive_files.check_file(folder, manifest)
                return manifest
    count = f"SELECT count(*) FROM {partition.table} WHERE at >= %s AND at < %s"  # noqa: S608
    ((number,),) = rows(count, month.begin, month.plus(1).begin)
    manifest = archive_files.write(folder, str(month), _csv(partition.table, month), number, chain)
    chain.append(manifest)
    return manifest


def _csv(table: str, month: Month) -> Iterator[bytes]:
    """Return a month of a table as CSV with a header, the oldest first, in UTC: the same rows make the same bytes."""
    begin, end = (f"'{one.begin:%Y-%m-%d} 00:00+00'" for one in (month, month.plus(1)))
    chosen = f"SELECT * FROM {table} WHERE at >= {begin} AND at < {end} ORDER BY at, id"  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'")
        with cursor.cursor.copy(f"COPY ({chosen}) TO STDOUT (FORMAT csv, HEADER)") as copy:
            for piece in copy:
                yield bytes(piece)


@transaction.atomic
def _take_out(partition: Partition, files: list[Manifest]) -> None:
    """Detach and drop a partition, and record which file has its rows."""
    rows(f"ALTER TABLE {TABLE} DETACH PARTITION {partition.table}")
    rows(f"DROP TABLE {partition.table}")
    for manifest in files:
        facts: dict[str, Any] = {"month": manifest.month, "rows": manifest.rows}
        record_event(Action.AUDIT_ARCHIVED, number=manifest.number, sha256=manifest.digest, **facts)
