"""Measure how long migrations delay others, on a PostgreSQL with a million people, messages and audit events.

python -m benchmarks.migrations [--people 1000000]

One connection reads people and one writes a person, again and again, while each kind of operation that the rules allow
is carried out as ``manage.py migrate`` does it. "waits" is the longest wait of either.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader

from benchmarks.lists import prepare
from messaging.postgresql.operations import AddIndexConcurrently, backfill
from tests.services import large
from tests.services.parts import Postgres

READ = "SELECT id FROM accounts_user WHERE id = %s"
WRITE = "UPDATE accounts_user SET language = language WHERE id = %s"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=1_000_000)
    people = options.parse_args().people
    with tempfile.TemporaryDirectory(prefix="messaging-migrations-") as name:
        Path(name).chmod(0o711)
        server = Postgres(Path(name) / "postgres")
        try:
            measure(server.create("migrations").url, name, people)
        finally:
            server.stop()


def measure(url: str, folder: str, people: int) -> None:
    prepare(url, folder)
    first = large.fill(url, "m", people=people, events=people)
    connection.use_maintenance_timeouts()  # type: ignore[attr-defined]
    print(f"{people:,} people\n\n| operation | seconds | longest wait |\n| --- | --- | --- |")
    for name, app, operation in operations():
        waits: list[float] = []
        begin = time.monotonic()
        with asking(url, READ, first, waits), asking(url, WRITE, first, waits):
            carry_out(app, operation)
            seconds = time.monotonic() - begin
        print(f"| {name} | {seconds:.1f} | {max(waits):.2f} s |", flush=True)


def operations() -> Iterator[tuple[str, str, Any]]:
    """Return one of each kind, on the table of people."""
    yield (
        "a column with `db_default`",
        "accounts",
        migrations.AddField("user", "nickname", models.TextField(db_default="")),
    )
    yield "a column that is null", "accounts", migrations.AddField("user", "seen_at", models.DateTimeField(null=True))
    index = models.Index(fields=["first_name", "id"], name="measured")
    yield "`AddIndexConcurrently`", "accounts", AddIndexConcurrently("user", index)
    filled = backfill("accounts", "User", models.Q(first_name="Ana"), first_name="Eva")
    yield "`backfill` of a tenth of the rows", "accounts", filled
    yield "`RemoveIndex`", "accounts", migrations.RemoveIndex("user", "measured")
    yield "the column taken away", "accounts", migrations.RemoveField("user", "nickname")


STATE: list[Any] = []


def carry_out(app: str, operation: Any) -> None:
    """Carry out an operation on its own, as the newest migration would."""
    before = STATE.pop() if STATE else MigrationLoader(connection).project_state()
    after = before.clone()
    operation.state_forwards(app, after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards(app, editor, before, after)
    STATE.append(after)


@contextmanager
def asking(url: str, statement: str, first: int, waits: list[float]) -> Iterator[None]:
    """Run a statement again and again, and record how long each time took."""
    asked, stop = threading.Event(), threading.Event()

    def ask() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.wait(0.005):
                begin = time.monotonic()
                connection.execute(statement.encode(), (first,))
                waits.append(time.monotonic() - begin)
                asked.set()

    thread = threading.Thread(target=ask)
    thread.start()
    asked.wait()
    try:
        yield
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "messaging.settings"
    main()
