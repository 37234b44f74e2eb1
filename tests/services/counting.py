"""A PostgreSQL that counts, and a portal on it whose sign-ins are counted (``counted_sign_ins``)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services import counted_sign_ins
from tests.services.parts import Postgres, PostgresDatabase
from tests.services.portal import Portal
from tests.services.programs import BASE_DIR

# Whole pages in the WAL depend on the last checkpoint, and autovacuum writes when it likes: neither is counted.
COUNTING = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_planning": "on",
    "pg_stat_statements.track": "all",
    "full_page_writes": "off",
    "autovacuum": "off",
}


def counting_server(folder: Path) -> Postgres:
    server = Postgres(folder, **COUNTING)
    if not server.program:
        server.stop()
        pytest.skip("PostgreSQL's own programs are not installed: its counters cannot be switched on")
    return server


def counting_database(server: Postgres, name: str) -> PostgresDatabase:
    database = server.database(name)
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("ANALYZE")  # as autovacuum has done on a portal that runs
    return database


def counts(
    portal: Portal, people: int = 4, *, by: str = counted_sign_ins.__name__, **environment: str
) -> dict[str, dict[str, Any]]:
    """Return what one sign-in of a portal costs, and the pages behind it, as the module ``by`` counts it."""
    first = int(portal.member().login[1:])
    for _ in range(people + counted_sign_ins.WARM - 1):
        portal.member()
    arguments = [str(first), str(people), portal.twilio.url]
    done = subprocess.run(
        [sys.executable, "-m", by, *arguments],
        cwd=BASE_DIR,
        env={**portal.env, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found
