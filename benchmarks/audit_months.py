"""How long converting and archiving the audit log delay others.  python -m benchmarks.audit_months [--events 1000000]

It starts a PostgreSQL of its own. One connection keeps adding events while ``partition_audit`` converts a log with so
many, and while ``archive_audit`` writes and removes all of them. The events are 900 days old, and their partition gets
the bound that a conversion at that time would have given it.
"""

import argparse
import gzip
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.core.management import call_command

from benchmarks.lists import prepare
from tests.services.parts import Postgres, PostgresDatabase

LOG = "accounts_auditevent"
ADD = f"INSERT INTO {LOG} (action, user_agent, request_id, data) VALUES ('sign_in.verified', '', '', '{{}}')"
FILL = f"""
    INSERT INTO {LOG} (action, at, ip, user_agent, request_id, data)
    SELECT 'sign_in.verified', clock_timestamp() - %s::interval - n * %s::interval, '203.0.113.7',
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36',
        md5(n::text), '{{"channel": "sms"}}' FROM generate_series(1, %s) n"""


@contextmanager
def somebody_writes(url: str, waits: list[float]) -> Iterator[None]:
    """Add an event again and again, and record how long each took."""
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.wait(0.01):
                begin = time.monotonic()
                connection.execute(ADD.encode())
                waits.append(time.monotonic() - begin)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def measured(url: str, name: str, step: Callable[[], object]) -> None:
    waits: list[float] = []
    begin = time.monotonic()
    with somebody_writes(url, waits):
        step()
        seconds = time.monotonic() - begin
    print(f"| {name} | {seconds:.1f} | {max(waits):.2f} s |", flush=True)


def fill(url: str, count: int, age: str, step: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL.encode(), (age, step, count))


def measure(database: PostgresDatabase, folder: Path, events: int) -> None:
    url = database.url
    prepare(url, str(folder))
    fill(url, events, "900 days", "10 seconds")
    print(f"{events:,} events\n\n| command | seconds | longest wait |\n| --- | --- | --- |")
    measured(url, "`partition_audit`", lambda: call_command("partition_audit", verbosity=0))
    archive = folder / "archive"
    archive.mkdir()
    move_back(url)
    measured(url, "`archive_audit`", lambda: call_command("archive_audit", archive))
    files = sorted(archive.glob("*.gz"))
    csv = sum(len(gzip.decompress(path.read_bytes())) for path in files) / 1e6
    print(f"\n{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB of {csv:.1f} MB of CSV")
    call_command("verify_audit_archive", archive)


def move_back(url: str) -> None:
    """Pretend that the conversion was a month after the newest of the old rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'accounts_auditevent_before%' AND relkind = 'r'"
        )
        history = found.fetchall()[0][0]
        month = connection.execute("SELECT date_trunc('month', now() - interval '840 days')").fetchall()[0][0]
        name = f"{LOG}_before_{month:%Y_%m}"
        connection.execute(f"ALTER TABLE {LOG} DETACH PARTITION {history}".encode())
        connection.execute(f"DELETE FROM {history} WHERE at >= '{month:%Y-%m-%d} 00:00+00'".encode())
        connection.execute(f"ALTER TABLE {history} RENAME TO {name}".encode())
        bounds = f"FOR VALUES FROM (MINVALUE) TO ('{month:%Y-%m-%d} 00:00+00')"
        connection.execute(f"ALTER TABLE {LOG} ATTACH PARTITION {name} {bounds}".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory(prefix="messaging-months-") as name:
        Path(name).chmod(0o711)
        server = Postgres(Path(name) / "postgres")
        try:
            measure(server.create("months"), Path(name), events)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
