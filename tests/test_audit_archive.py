"""O-19: the files of the archived audit log prove that nothing was taken out of them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from accounts.audit import archive_files, partitioning
from accounts.audit.actions import Action
from accounts.audit.archive_files import ArchiveBroken
from accounts.audit.months import Month
from accounts.audit.record import record_event

MONTHS = ("2024-01", "2024-02", "2024-03")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an archive of three months."""
    for month in MONTHS:
        write(tmp_path, month)
    return tmp_path


def write(folder: Path, month: str) -> archive_files.Manifest:
    chain = archive_files.manifests(folder)
    return archive_files.write(folder, month, iter([b"id,at\n", f"1,{month}\n".encode()]), 1, chain)


def check(folder: Path) -> None:
    for manifest in archive_files.manifests(folder):
        archive_files.check_file(folder, manifest)


def names(folder: Path, number: int) -> tuple[Path, Path]:
    manifest = folder / f"audit-{number:05}-{MONTHS[number - 1]}.json"
    return manifest, manifest.with_suffix(".csv.gz")


def test_an_untouched_archive_is_complete(folder: Path) -> None:
    """O-19."""
    check(folder)
    assert [one.month for one in archive_files.manifests(folder)] == list(MONTHS)
    assert gzip.decompress(names(folder, 2)[1].read_bytes()) == b"id,at\n1,2024-02\n"


def exchange(folder: Path) -> None:
    one, other = names(folder, 1)[1], names(folder, 2)[1]
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def change_a_row(folder: Path) -> None:
    names(folder, 2)[1].write_bytes(gzip.compress(b"id,at\n2,2024-02\n"))


def change_a_row_and_its_manifest(folder: Path) -> None:
    """As somebody would who knows how, and does not write every later manifest anew."""
    for path in names(folder, 2):
        path.unlink()
    later = names(folder, 3)
    kept = [path.read_bytes() for path in later]
    for path in later:
        path.unlink()
    archive_files.write(folder, MONTHS[1], iter([b"id,at\n"]), 0, archive_files.manifests(folder))
    for path, content in zip(later, kept, strict=True):
        path.write_bytes(content)


def pack_a_file_anew(folder: Path) -> None:
    """The same rows in other bytes."""
    path = names(folder, 2)[1]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1, mtime=1))


def take_one_out(folder: Path) -> None:
    for path in names(folder, 2):
        path.unlink()


def take_the_first_out(folder: Path) -> None:
    for path in names(folder, 1):
        path.unlink()


def lose_a_file(folder: Path) -> None:
    names(folder, 3)[1].unlink()


def cut_a_file(folder: Path) -> None:
    path = names(folder, 3)[1]
    path.write_bytes(path.read_bytes()[:-9])


def edit_a_manifest(folder: Path) -> None:
    path = names(folder, 3)[0]
    path.write_text(path.read_text().replace('"rows": 1', '"rows": 0'))
    path.write_text(path.read_text() + "\n")


def exchange_the_sum_of_a_manifest(folder: Path) -> None:
    path = names(folder, 1)[0]
    path.write_text(path.read_text().replace('"rows": 1', '"rows": 7'))


def empty_a_manifest(folder: Path) -> None:
    names(folder, 2)[0].write_text("{}")


@pytest.mark.parametrize(
    "attack",
    [
        exchange,
        change_a_row,
        change_a_row_and_its_manifest,
        pack_a_file_anew,
        take_one_out,
        take_the_first_out,
        lose_a_file,
        cut_a_file,
        edit_a_manifest,
        exchange_the_sum_of_a_manifest,
        empty_a_manifest,
    ],
)
def test_a_changed_exchanged_or_removed_file_is_found(folder: Path, attack: Callable[[Path], None]) -> None:
    """O-19."""
    attack(folder)
    with pytest.raises(ArchiveBroken):
        check(folder)
    with pytest.raises(CommandError):
        call_command("verify_audit_archive", folder, without_database=True)


def test_a_kept_checksum_finds_a_missing_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """O-19: a chain alone does not show that its last links are gone."""
    last = archive_files.manifests(folder)[-1].digest
    call_command("verify_audit_archive", folder, last=last, without_database=True)
    assert capsys.readouterr().out == f"3 files, 3 rows: whole. Last manifest: {last}\n"
    for path in names(folder, 3):
        path.unlink()
    check(folder)
    with pytest.raises(CommandError, match="taken from the end"):
        call_command("verify_audit_archive", folder, last=last, without_database=True)


@pytest.mark.django_db
def test_the_end_of_the_chain_is_in_the_audit_log(folder: Path) -> None:
    """O-19: the audit log has the checksum of the newest manifest."""
    last = archive_files.manifests(folder)[-1]
    record_event(Action.AUDIT_ARCHIVED, month=last.month, rows=1, number=3, sha256=last.digest)
    call_command("verify_audit_archive", folder)
    for path in names(folder, 3):
        path.unlink()
    with pytest.raises(CommandError, match="The audit log says that file 3"):
        call_command("verify_audit_archive", folder)


def test_a_run_that_was_broken_off_leaves_nothing_that_counts(folder: Path) -> None:
    """A file without a manifest is none yet: it is written again."""
    (folder / "audit-00004-2024-04.csv.gz").write_bytes(b"half")
    (folder / "audit-00004-2024-04.csv.gz.part").write_bytes(b"half")
    check(folder)
    write(folder, "2024-04")
    check(folder)
    assert len(archive_files.manifests(folder)) == 4
    assert not list(folder.glob("*.part"))


def test_the_same_rows_make_the_same_file(tmp_path: Path) -> None:
    made = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        made.append(write(folder, "2024-01"))
    assert made[0] == made[1]
    assert json.loads(made[0].text)["before"] == "0" * 64


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with archive_files.alone(tmp_path):  # noqa: SIM117
        with pytest.raises(ArchiveBroken, match="Another run"), archive_files.alone(tmp_path):
            pass
    with archive_files.alone(tmp_path):
        pass


@pytest.mark.django_db
@pytest.mark.parametrize("command", [("partition_audit",), ("archive_audit", ".")])
def test_on_sqlite_one_sentence_says_what_is_needed(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    with pytest.raises(CommandError, match="PostgreSQL"):
        call_command(*command)
    partitioning.keep_ahead(None)  # type: ignore[arg-type]


def test_less_than_the_portal_reads_is_not_left() -> None:
    with pytest.raises(CommandError, match="at least 13"):
        call_command("archive_audit", ".", keep=12)


def test_months_come_one_after_the_other() -> None:
    assert [str(Month(2026, 11).plus(number)) for number in (-11, 0, 1, 2)] == [
        "2025-12",
        "2026-11",
        "2026-12",
        "2027-01",
    ]
