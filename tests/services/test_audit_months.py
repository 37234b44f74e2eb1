"""O-18, O-19: the audit log by months on PostgreSQL, converted beside a portal in use, and its old months archived."""

import csv
import gzip
import itertools
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.services.browser import location
from tests.services.conftest import MakePortal
from tests.services.portal import Portal
from tests.services.programs import BASE_DIR, PATIENCE, wait_for
from tests.services.promptness import in_time
from tests.services.test_migrate import BUILD, LONGEST, run

LOG = "accounts_auditevent"
COUNT = f"SELECT count(*) FROM {LOG}"  # noqa: S608
INSERT = f"INSERT INTO {LOG} (action, user_agent, request_id, data) VALUES ('old.thing', '', '', '{{}}') RETURNING id"  # noqa: S608
AT = f"""
    INSERT INTO {LOG} (action, at, user_agent, request_id, data)
    SELECT 'old.thing', %s::timestamptz + n * interval '1 minute', 'Ünï "x", y', '', '{{"a": [1, 2]}}'
    FROM generate_series(1, %s) n RETURNING id"""  # noqa: S608
numbers = itertools.count()
REFUSAL = "the audit trail only grows"


@pytest.fixture
def by_months(make_portal: MakePortal) -> Portal:
    """Return an installation whose audit log is kept by months; nothing of it runs."""
    portal = make_portal(f"by-months-{next(numbers)}")
    portal.database.rows(AT, "2024-05-31 23:00+00", 200)
    convert(portal)
    return portal


def convert(portal: Portal) -> str:
    done = portal.manage("partition_audit")
    assert done.returncode == 0, done.stderr
    return done.stdout


def partitions(portal: Portal) -> list[str]:
    statement = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1"
    return [row[0] for row in portal.database.rows(statement, LOG)]


@contextmanager
def somebody_writes(portal: Portal, waits: list[float], ids: list[int]) -> Iterator[None]:
    """Add an event again and again, as a role that owns nothing, and note how long each took."""
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(portal.database.url, autocommit=True) as connection:
            connection.execute("SET ROLE portal_without_tables")
            while not stop.wait(0.01):
                begin = time.monotonic()
                ids.extend(row[0] for row in connection.execute(INSERT.encode()).fetchall())
                waits.append(time.monotonic() - begin)

    writer = threading.Thread(target=write)
    writer.start()
    yield
    stop.set()
    writer.join()


def make_role(portal: Portal) -> None:
    with psycopg.connect(portal.database.url, autocommit=True) as connection:
        connection.execute("DO $$ BEGIN CREATE ROLE portal_without_tables; EXCEPTION WHEN duplicate_object THEN END $$")
        connection.execute(f"GRANT SELECT, INSERT ON {LOG} TO portal_without_tables".encode())


def test_it_is_converted_beside_a_portal_in_use(make_portal: MakePortal) -> None:
    """O-18: nobody waits for long, no event is lost, and the portal's role keeps its rights."""
    in_time(LONGEST, lambda: longest_wait_beside_a_conversion(make_portal(f"converted-{next(numbers)}")))


def longest_wait_beside_a_conversion(portal: Portal) -> float:
    make_role(portal)
    portal.database.rows(AT, "2024-05-31 23:00+00", 50_000)
    waits: list[float] = []
    ids: list[int] = []
    with somebody_writes(portal, waits, ids):
        assert "accounts_auditevent_before_" in convert(portal)
        convert(portal)
        enough = len(ids) + 20
        wait_for(lambda: len(ids) >= enough, meaning="events after the conversion")
    assert portal.database.rows(COUNT) == [(50_000 + len(ids),)]
    assert len(set(ids)) == len(ids) == len(waits)
    assert ids == sorted(ids)
    assert len(partitions(portal)) >= 4
    assert portal.database.rows("SELECT 1 FROM pg_constraint WHERE conname = 'audit_until'") == []
    return max(waits)


def test_people_sign_in_and_an_administrator_reads_the_log(by_months: Portal) -> None:
    """O-18: the portal knows nothing of partitions."""
    by_months.start_web()
    by_months.start_worker()
    administrator = by_months.administrator().ask_for_first_sms()
    assert location(administrator.post_token(by_months.token(administrator))) == "/"
    page = administrator.get("/configuracoes/auditoria/")
    assert page.status_code == 200
    assert "signed in with a token by" in page.text
    done = by_months.database.rows("SELECT done_at FROM delivery_chore WHERE name = 'audit months'")
    assert len(done) <= 1


@pytest.mark.parametrize("statement", ["UPDATE {} SET at = at", "DELETE FROM {}", "TRUNCATE {}"])
def test_every_partition_only_grows(by_months: Portal, statement: str) -> None:
    """J-01: asked by its own name as well."""
    tables = [LOG, *partitions(by_months)]
    months = [name[-7:].replace("_", "-") for name in tables[1:] if re.search(r"event_\d", name)]
    for month in [*months, "2031-05"]:  # a row under each
        by_months.database.rows(AT, f"{month}-01 00:00+00", 1)
    with psycopg.connect(by_months.database.url, autocommit=True) as connection:
        for table in tables:
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=REFUSAL):
                connection.execute(statement.format(table).encode())


def test_months_without_a_partition_are_refused_nothing(by_months: Portal) -> None:
    """O-18: an event of a month that nobody made a partition for is kept, and sorted in by the next run."""
    before = by_months.database.rows(COUNT)[0][0]
    by_months.database.rows(AT, "2031-03-01 00:00+00", 3)
    assert f"{LOG}_2031_03" not in partitions(by_months)
    convert(by_months)
    assert f"{LOG}_2031_03" in partitions(by_months)
    assert by_months.database.rows(f"SELECT count(*) FROM {LOG}_2031_03") == [(3,)]  # noqa: S608
    assert by_months.database.rows(COUNT) == [(before + 3,)]


def test_the_coming_months_are_made_by_the_periodic_task(by_months: Portal) -> None:
    """O-18."""
    newest = [name for name in partitions(by_months) if name[-1].isdigit() and "before" not in name][-1]
    with psycopg.connect(by_months.database.url, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {LOG} DETACH PARTITION {newest}".encode())
        connection.execute(f"DROP TABLE {newest}".encode())
    done = by_months.manage("deliver_pending", "--once")
    assert done.returncode == 0, done.stderr
    assert newest in partitions(by_months)


def test_an_index_is_built_on_each_partition_while_the_log_is_written_to(by_months: Portal) -> None:
    """O-01, O-18: PostgreSQL itself builds no index of a partitioned table concurrently."""
    build = BUILD.replace("'user'", "'auditevent'").replace("['email', 'id']", "['request_id', 'id']")
    for _time in range(2):
        assert run(by_months, build).stderr == ""
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'built_beside_it'::regclass"
    assert by_months.database.rows(valid) == [(True,)]


# The archive ------------------------------------------------------------------------------------


@pytest.fixture
def old(by_months: Portal) -> Portal:
    """Return a log that was converted in March 2024 and has events of six months since, all of them old."""
    (history,) = [name for name in partitions(by_months) if "before" in name]
    moved = f"{LOG}_before_2024_07"
    with psycopg.connect(by_months.database.url, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {LOG} DETACH PARTITION {history}".encode())
        connection.execute(f"ALTER TABLE {history} RENAME TO {moved}".encode())
        bounds = "FOR VALUES FROM (MINVALUE) TO ('2024-07-01 00:00+00')"
        connection.execute(f"ALTER TABLE {LOG} ATTACH PARTITION {moved} {bounds}".encode())
    convert(by_months)
    by_months.database.rows(AT, "2024-08-09 00:00+00", 50)
    by_months.database.rows(AT, "2024-09-30 23:30+00", 60)
    by_months.database.rows(INSERT)
    return by_months


def archive(portal: Portal, folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return portal.manage("archive_audit", str(folder), *options)


def archived(folder: Path) -> list[dict[str, str]]:
    return [row for path in sorted(folder.glob("*.csv.gz")) for row in csv.DictReader(gzip.open(path, "rt"))]


def ids(portal: Portal) -> set[int]:
    return {row[0] for row in portal.database.rows(f"SELECT id FROM {LOG} WHERE action = 'old.thing'")}  # noqa: S608


def broken_off(portal: Portal, folder: Path, where: str) -> None:
    """Run the command and end the process, as a power cut would, where it would call a function."""
    module, _dot, name = where.rpartition(".")
    script = f"""
import os, django; django.setup()
from django.core.management import call_command
from accounts.audit import archive, archive_files
{module}.{name} = lambda *args, **options: os._exit(9)
call_command("archive_audit", {str(folder)!r})
"""
    env = {**portal.env, "DJANGO_SETTINGS_MODULE": "messaging.settings"}
    done = subprocess.run([sys.executable, "-c", script], cwd=BASE_DIR, env=env, check=False, timeout=PATIENCE)
    assert done.returncode == 9


def test_old_months_go_into_files_and_nothing_else_does(old: Portal, tmp_path: Path) -> None:
    """O-19: every event is either in the database or in the files, once; the log says what went."""
    before = ids(old)
    done = archive(old, tmp_path)
    assert done.returncode == 0, done.stderr
    rows = archived(tmp_path)
    in_files = [int(row["id"]) for row in rows]
    assert len(in_files) == len(set(in_files)) == 310
    assert set(in_files) | ids(old) == before
    assert set(in_files).isdisjoint(ids(old))
    assert rows[0]["at"] == "2024-05-31 23:01:00+00"
    assert (rows[0]["user_agent"], rows[0]["data"]) == ('Ünï "x", y', '{"a": [1, 2]}')
    months = [path.name[12:19] for path in sorted(tmp_path.glob("*.csv.gz"))]
    assert months == ["2024-05", "2024-06", "2024-08", "2024-09", "2024-10"]
    told = old.database.rows(f"SELECT data->>'month' FROM {LOG} WHERE action = 'audit.archived' ORDER BY id")  # noqa: S608
    assert [row[0] for row in told] == months
    assert "whole" in old.manage("verify_audit_archive", str(tmp_path)).stdout
    again = archive(old, tmp_path)
    assert again.stdout == "0 months archived.\n"


@pytest.mark.parametrize(
    "where",
    ["archive._written", "archive_files.check_file", "archive_files._put", "archive._take_out", "archive.record_event"],
)
def test_a_run_that_is_broken_off_loses_nothing_and_the_next_goes_on(old: Portal, tmp_path: Path, where: str) -> None:
    """O-19."""
    before = ids(old)
    broken_off(old, tmp_path, where)
    assert ids(old) == before
    done = archive(old, tmp_path)
    assert done.returncode == 0, done.stderr
    in_files = [int(row["id"]) for row in archived(tmp_path)]
    assert len(in_files) == len(set(in_files)) == 310
    assert set(in_files) | ids(old) == before
    assert old.manage("verify_audit_archive", str(tmp_path)).returncode == 0


def test_another_folder_or_a_changed_file_takes_nothing_out(old: Portal, tmp_path: Path) -> None:
    """O-19: the chain goes on where it was, or not at all."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert archive(old, first).returncode == 0
    old.database.rows(AT, "2024-01-01 00:00+00", 5)
    kept = ids(old)
    refused = archive(old, second)
    assert refused.returncode != 0
    assert "this folder has another one, or none. Nothing was taken out." in refused.stderr
    manifest = min(first.glob("*.json"))
    text = manifest.read_text()
    manifest.write_text(text.replace('"rows": ', '"rows": 1'))
    assert archive(old, first).returncode != 0
    assert ids(old) == kept
    manifest.write_text(text)
    done = archive(old, first)
    assert done.returncode == 0, done.stderr
    assert len(kept - ids(old)) == 5


def test_without_partitions_one_sentence_says_what_is_missing(make_portal: MakePortal, tmp_path: Path) -> None:
    done = archive(make_portal("not-by-months"), tmp_path)
    assert done.returncode != 0
    assert "run partition_audit first" in done.stderr


def test_a_month_that_is_being_archived_takes_no_further_event(old: Portal, tmp_path: Path) -> None:
    """O-19: else an event could come after the file was written. Every other month goes on."""
    broken_off(old, tmp_path, "archive._take_out")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=REFUSAL):
        old.database.rows(AT, "2024-05-02 00:00+00", 1)
    old.database.rows(AT, "2025-10-02 00:00+00", 1)
    old.database.rows(INSERT)


@pytest.mark.parametrize(("until", "stays"), [("30 hours", False), ("20 days", True)])
def test_a_conversion_that_was_broken_off_stops_no_later_event(
    make_portal: MakePortal, until: str, stays: bool
) -> None:
    """O-18: its check is taken away before it would refuse the next month's events, and not while it may be needed."""
    portal = make_portal(f"bound-{stays}")
    with psycopg.connect(portal.database.url, autocommit=True) as connection:
        ((day,),) = connection.execute("SELECT (clock_timestamp() + %s::interval)::date", (until,)).fetchall()
        check = f"ADD CONSTRAINT audit_until CHECK (at < '{day} 00:00+00') NOT VALID"
        connection.execute(f"ALTER TABLE {LOG} {check}".encode())
    done = portal.manage("deliver_pending", "--once")
    assert done.returncode == 0, done.stderr
    left = portal.database.rows("SELECT 1 FROM pg_constraint WHERE conname = 'audit_until'")
    assert bool(left) is stays
    assert "before" in convert(portal)
