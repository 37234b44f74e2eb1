"""O-01: ``migrate`` beside a portal in use takes as long as it takes; nobody waits for it for more than a second."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.services.conftest import MakePortal
from tests.services.portal import Portal, manage
from tests.services.programs import BASE_DIR, PATIENCE, wait_for
from tests.services.promptness import in_time

INDEX_WAITS = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE '%%index%%'"""
OF_A_PERSON = "UPDATE accounts_user SET language = language WHERE username = 'u001'"
OF_THE_ACCOUNT = "UPDATE accounts_account SET name = name"
LONGEST = 1.5  # seconds that anybody waits: the lock time-out of a second, on a busy machine

# What a migration of a release to come does, run by the command's own connection.
STEP = """
import django; django.setup()
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from messaging.postgresql.operations import AddIndexConcurrently, backfill
connection.use_maintenance_timeouts()
def apply(operation, app, atomic=False):
    before = MigrationLoader(connection).project_state()
    after = before.clone()
    operation.state_forwards(app, after)
    with connection.schema_editor(atomic=atomic) as editor:
        operation.database_forwards(app, editor, before, after)
"""
BUILD = "apply(AddIndexConcurrently('user', models.Index(fields=['email', 'id'], name='built_beside_it')), 'accounts')"
FILL = "apply(backfill('accounts', 'User', models.Q(first_name='Ana'), size=7, first_name='Eva'), 'accounts')"


@pytest.fixture(scope="module")
def quiet(make_portal: MakePortal) -> Portal:
    """Return an installation of which nothing runs."""
    return make_portal("migrated")


def run(portal: Portal, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script as ``migrate`` runs a migration."""
    env = {**portal.env, "DJANGO_SETTINGS_MODULE": "messaging.settings"}
    command = [sys.executable, "-c", STEP + script]
    return subprocess.run(command, cwd=BASE_DIR, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE)


@contextmanager
def somebody_writes(portal: Portal, pauses: list[float], statement: str = OF_A_PERSON) -> Iterator[None]:
    """Change a row again and again, and note how long each time took."""
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(portal.database.url, autocommit=True) as connection:
            while not stop.wait(0.02):
                begin = time.monotonic()
                connection.execute(statement.encode())
                pauses.append(time.monotonic() - begin)

    writer = threading.Thread(target=write)
    writer.start()
    yield
    stop.set()
    writer.join()


@contextmanager
def somebody_is_slow(portal: Portal, seconds: float) -> Iterator[None]:
    """Hold a transaction open that has written a person: an index is waited for by whoever writes behind it.

    It ends so many seconds after the index began to wait for it, however long the program took to start.
    """
    with psycopg.connect(portal.database.url) as connection:
        connection.execute("UPDATE accounts_user SET language = language WHERE username = 'u002'")

        def end() -> None:
            wait_for(lambda: portal.database.rows(INDEX_WAITS), meaning="an index that waits")
            time.sleep(seconds)
            connection.commit()

        ending = threading.Thread(target=end)
        ending.start()
        yield
        ending.join()


def test_a_statement_of_a_migration_may_take_longer_than_any_of_the_portals(quiet: Portal) -> None:
    """The portal's own end after 5 s, and its connections after 8 s without an answer."""
    done = run(quiet, "connection.cursor().execute('SELECT pg_sleep(8.5)'); print('slept')")
    assert done.stdout == "slept\n", done.stderr


def test_an_index_is_built_while_the_table_is_written_to(quiet: Portal) -> None:
    """O-01: also anew, when a build was broken off; a plain one would hold up every write behind the transaction."""
    for _time in range(2):
        in_time(LONGEST, lambda: longest_pause_beside_a_build(quiet))
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'built_beside_it'::regclass"
    assert quiet.database.rows(valid) == [(True,)]


def longest_pause_beside_a_build(quiet: Portal) -> float:
    pauses: list[float] = []
    with somebody_writes(quiet, pauses), somebody_is_slow(quiet, 3):
        assert run(quiet, BUILD).stderr == ""
    return max(pauses)


def test_rows_are_filled_a_few_at_a_time(quiet: Portal) -> None:
    names = "SELECT count(*) FROM accounts_user WHERE first_name = %s"
    quiet.database.rows("UPDATE accounts_user SET first_name = 'Ana' RETURNING id")
    everybody = quiet.database.rows(names, "Ana")[0][0]
    assert run(quiet, FILL).stderr == ""
    assert quiet.database.rows(names, "Eva") == [(everybody,)]


def test_a_table_that_a_migration_fills_has_its_keys_before_its_rows(quiet: Portal) -> None:
    """O-01: a foreign key added behind a million rows would lock who they point to; broken off, it begins anew."""
    script = """
from messaging.postgresql.operations import CreateModelAtOnce
from django.conf import settings
fields = [("id", models.BigAutoField(primary_key=True)), ("word", models.TextField(db_index=True))]
fields.append(("user", models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)))
create = CreateModelAtOnce("Filled", fields)
before = MigrationLoader(connection).project_state()
after = before.clone()
create.state_forwards("accounts", after)
for _time in range(2):
    with connection.schema_editor(atomic=False) as editor:
        create.database_forwards("accounts", editor, before, after)
        keys = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'accounts_filled'::regclass AND contype = 'f'"
        with connection.cursor() as cursor:
            cursor.execute(keys)
            print(cursor.fetchone()[0], len(editor.deferred_sql))
            cursor.execute("INSERT INTO accounts_filled (word, user_id) SELECT 'a', min(id) FROM accounts_user")
"""
    done = run(quiet, script)
    assert done.stdout == "1 0\n1 0\n", done.stderr
    assert quiet.database.rows("SELECT count(*) FROM accounts_filled") == [(1,)]


def test_a_lock_that_is_taken_is_waited_for_without_holding_up_others(quiet: Portal) -> None:
    """O-01: ALTER TABLE behind a slow transaction lets everybody else go first every second, and comes to its end."""
    in_time(LONGEST, lambda: longest_pause_beside_a_lock(quiet))


def longest_pause_beside_a_lock(quiet: Portal) -> float:
    back = quiet.manage("migrate", "accounts", "0012")
    assert back.returncode == 0, back.stderr
    pauses: list[float] = []
    command = [sys.executable, "manage.py", "migrate", "accounts", "--verbosity", "0"]
    with somebody_writes(quiet, pauses, OF_THE_ACCOUNT), psycopg.connect(quiet.database.url) as slow:
        slow.execute("SELECT 1 FROM accounts_account")
        with subprocess.Popen(command, cwd=BASE_DIR, env=quiet.env, stderr=subprocess.PIPE, text=True) as forward:
            assert forward.stderr
            assert forward.stderr.readline().startswith("A lock is taken; trying again in 2 s")
            slow.commit()
            forward.wait(PATIENCE)
    assert forward.returncode == 0
    return max(pauses)


def test_migrations_go_past_a_pooler(quiet: Portal) -> None:
    done = manage({**quiet.env, "DATABASE_POOLER": "on"}, "migrate")
    assert done.returncode != 0
    assert "Migrations go past a pooler" in done.stderr


def test_what_broke_off_half_way_is_run_again(quiet: Portal) -> None:
    """O-01: a migration of several tables takes the lock of each by itself, so its first columns may be there."""
    assert quiet.manage("migrate", "twofactor", "0013").returncode == 0
    column = "ALTER TABLE twofactor_emailchange ADD COLUMN passkey_challenge varchar(43) DEFAULT '' NOT NULL"
    with psycopg.connect(quiet.database.url, autocommit=True) as connection:
        connection.execute(column.encode())
        connection.execute("CREATE TABLE twofactor_passkey (id bigint)")
    done = quiet.manage("migrate", "twofactor")
    assert done.returncode == 0, done.stderr
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'passkey_challenge'"
    assert quiet.database.rows(columns) == [(5,)]
    assert quiet.database.rows("SELECT count(public_key) FROM twofactor_passkey") == [(0,)]


UNIQUE = """
    SELECT indexrelid::regclass::text FROM pg_index
    WHERE indrelid = 'accounts_budget'::regclass AND indisunique AND NOT indisprimary"""


@pytest.mark.parametrize("step", ["before", "between", "after"])
def test_an_index_that_replaces_another_breaks_off_and_is_built_again(quiet: Portal, step: str) -> None:
    """O-01: counting needs a unique index of these columns at each moment, and finds one whatever was left."""
    assert quiet.manage("migrate", "accounts", "0035").returncode == 0
    statements = {
        "before": [],
        "between": ["CREATE UNIQUE INDEX budget_of_a_window_built ON accounts_budget (key, seconds)"],
        "after": [
            "ALTER TABLE accounts_budget DROP CONSTRAINT budget_of_a_window",
            "CREATE UNIQUE INDEX budget_of_a_window ON accounts_budget (key varchar_pattern_ops, seconds)",
        ],
    }
    with psycopg.connect(quiet.database.url, autocommit=True) as connection:
        for statement in statements[step]:
            connection.execute(statement.encode())
    done = quiet.manage("migrate", "accounts")
    assert done.returncode == 0, done.stderr
    assert quiet.database.rows(UNIQUE) == [("budget_of_a_window",)]
    assert quiet.manage("migrate", "accounts", "0035").returncode == 0
    assert quiet.database.rows(UNIQUE) == [("budget_of_a_window",)]
    assert quiet.manage("migrate", "accounts").returncode == 0
