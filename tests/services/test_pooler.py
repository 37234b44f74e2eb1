"""A whole portal behind PgBouncer in transaction mode: each transaction may run on another connection."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services.browser import location
from tests.services.conftest import MakePortal
from tests.services.parts import Postgres, PostgresDatabase, _unprivileged
from tests.services.portal import Portal, manage
from tests.services.programs import Program, free_port, listens, wait_for

TIMEOUTS = {"statement_timeout": "5s", "lock_timeout": "2s"}


class Pooler(Program):
    """PgBouncer, and where it listens."""

    port = 0


class Pooled(PostgresDatabase):
    """A database that the portal reaches through the pooler, and tests past it."""

    def __init__(self, direct: PostgresDatabase, port: int) -> None:
        super().__init__(direct.server, direct.url.rpartition("/")[2])
        self.direct = direct
        self.url = f"postgres://postgres@127.0.0.1:{port}/{direct.url.rpartition('/')[2]}"

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.direct.rows(statement, *values)

    def alter(self, what: str) -> None:
        """Change what the server sets for each new connection to this database."""
        name = self.url.rpartition("/")[2]
        with psycopg.connect(self.direct.url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} {what}".encode())


@pytest.fixture(scope="module")
def pooler(seeded: Postgres, folder: Path) -> Iterator[Pooler]:
    binary = shutil.which("pgbouncer")
    if not binary:
        pytest.skip("PgBouncer is not installed (Debian package: pgbouncer)")
    here = folder / "pgbouncer"
    here.mkdir(mode=0o755)
    (here / "users.txt").write_text('"postgres" ""\n')
    port = free_port()
    (here / "pgbouncer.ini").write_text(
        f"""
[databases]
* = host=127.0.0.1 port={seeded.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {here}/users.txt
pool_mode = transaction
default_pool_size = 4
query_wait_timeout = 5
"""
    )
    program = Pooler(binary, here / "pgbouncer.ini", log=folder / "pgbouncer.log", user=_unprivileged())
    program.port = port
    program.start(lambda: listens(port))
    yield program
    program.stop()


@pytest.fixture(scope="module")
def pooled(pooler: Pooler, seeded: Postgres, make_portal: MakePortal) -> Portal:
    database = Pooled(seeded.create("pooled", like="seed"), pooler.port)
    for timeout, seconds in TIMEOUTS.items():
        database.alter(f"SET {timeout} = '{seconds}'")
    portal = make_portal("pooled-portal", database=database, DATABASE_POOLER="on")
    portal.start_web(workers=2)
    portal.start_worker()
    return portal


def test_many_sign_in_at_once_over_few_connections(pooled: Portal) -> None:
    """O-03: sixteen web threads and ten of the worker share four connections."""
    browsers = [pooled.member() for _ in range(8)]

    def sign_in(number: int) -> str:
        browser = browsers[number].ask_for_sms()
        return location(browser.post_token(pooled.token(browser)))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(sign_in, range(8))) == {"/"}
    for browser in browsers:
        assert browser.get("/").status_code == 200


def test_periodic_tasks_run(pooled: Portal) -> None:
    """A cursor that outlives its transaction is not there any more on the next connection."""
    statement = "SELECT count(*) FROM delivery_chore WHERE done_at IS NOT NULL"
    wait_for(lambda: pooled.database.rows(statement)[0][0] > 3, meaning="periodic tasks")
    assert "does not exist" not in pooled.logs()


def test_doctor_reads_the_timeouts_in_force(pooled: Portal) -> None:
    """O-03."""
    assert "not set, so one slow statement" not in pooled.manage("doctor").stdout
    assert isinstance(pooled.database, Pooled)
    pooled.database.alter("RESET statement_timeout")
    # The pooler's open connections have it still, a new one has not.
    said = manage({**pooled.env, "DATABASE_URL": pooled.database.direct.url}, "doctor").stdout
    assert "BROKEN  Database: statement_timeout not set, so one slow statement can hold everybody." in said


def test_doctor_says_when_the_pooler_forgets_prepared_statements(pooled: Portal) -> None:
    """O-23: PgBouncer learned them with 1.21, and only with ``max_prepared_statements``; ours here has not set it."""
    forgets = "BROKEN  Database: it forgets prepared statements"
    assert forgets not in pooled.manage("doctor").stdout
    assert forgets in manage({**pooled.env, "DATABASE_PREPARED": "on"}, "doctor").stdout
    assert isinstance(pooled.database, Pooled)
    direct = {"DATABASE_URL": pooled.database.direct.url, "DATABASE_POOLER": "off"}
    assert forgets not in manage({**pooled.env, **direct}, "doctor").stdout
