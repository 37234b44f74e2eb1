"""The portal's own connections to PostgreSQL (messaging/postgresql): are they alive, what is prepared on them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import Error
from django.db.utils import ConnectionHandler

from messaging import service_urls
from messaging.postgresql.cursor import numbered
from messaging.postgresql.liveness import QUIET_SECONDS, is_silent
from tests.services.parts import Postgres, PostgresDatabase
from tests.services.programs import wait_for

PREPARED = {"server_side_binding": True, "prepare_threshold": 2}


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> PostgresDatabase:
    return postgres.create("connections")


@pytest.fixture
def connection(database: PostgresDatabase, django_db_blocker: Any) -> Iterator[Any]:
    """Return a connection as the portal opens it."""
    described = service_urls.database("DATABASE_URL", database.url)
    described |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    described["OPTIONS"] |= PREPARED
    with django_db_blocker.unblock():
        opened = ConnectionHandler({"default": described})["default"]
        yield opened
        opened.close()


def ask(connection: Any, statement: str, *values: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


def test_a_statement_is_planned_once_a_connection(connection: Any) -> None:
    """O-23."""
    for number in range(4):
        assert ask(connection, "SELECT %s::int + 1", number) == [(number + 1,)]
    prepared = ask(connection, "SELECT statement FROM pg_prepared_statements")
    assert prepared == [("SELECT $1::int + 1",)]


def test_a_percent_sign_and_the_order_of_values_arrive_as_they_are(connection: Any) -> None:
    """O-23."""
    assert ask(connection, "SELECT %s || '%%' || %s, 7 %% 4, '$1 %%s'", "a%s", "$2") == [("a%s%$2", 3, "$1 %s")]
    assert ask(connection, "SELECT '100 %'") == [("100 %",)]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE pairs (name text, number int)")
        cursor.executemany("INSERT INTO pairs VALUES (%s, %s)", [("a", 1), ("b", 2)])
    assert ask(connection, "SELECT name FROM pairs WHERE number = %s OR name = %s ORDER BY 1", 2, "a") == [
        ("a",),
        ("b",),
    ]


def test_a_long_statement_is_translated_once(connection: Any) -> None:
    """O-22: psycopg translates one of more than 4,096 characters at each run."""
    long = "SELECT " + " + ".join(["%s::int"] * 1000)
    ask(connection, "SELECT 1")  # connecting runs statements of Django's own
    before = numbered.cache_info().misses
    for number in range(3):
        assert ask(connection, long, *[number] * 1000) == [(1000 * number,)]
    assert numbered.cache_info().misses == before + 1


def test_a_column_of_another_type_costs_a_prepared_statement_one_run_only(connection: Any) -> None:
    """O-23: PostgreSQL refuses such a statement for as long as the connection lives, so that connection has to end."""
    ask(connection, "CREATE TABLE things (name varchar(10))")
    for _ in range(4):
        ask(connection, "SELECT name FROM things")
    other = connection.copy()
    ask(other, "ALTER TABLE things ALTER name TYPE text")
    other.close()
    with pytest.raises(Error, match="cached plan must not change result type"):
        ask(connection, "SELECT name FROM things")
    connection.close_if_unusable_or_obsolete()  # as Django does after each request
    assert ask(connection, "SELECT name FROM things") == []


# Is it alive? -----------------------------------------------------------------------------------


@pytest.fixture
def known(connection: Any) -> tuple[Any, int]:
    """Return a connection that was found alive a moment ago, and its process."""
    ((pid,),) = ask(connection, "SELECT pg_backend_pid()")
    assert connection.is_usable()
    ask(connection, "SELECT 2")
    return connection, pid


def asked_last(database: PostgresDatabase, pid: int) -> str:
    ((statement,),) = database.rows("SELECT query FROM pg_stat_activity WHERE pid = %s", pid)
    return str(statement)


def test_a_connection_in_use_is_not_asked_whether_it_stands(known: tuple[Any, int], database: PostgresDatabase) -> None:
    connection, pid = known
    assert connection.is_usable()
    assert asked_last(database, pid) == "SELECT 2"


def test_a_connection_that_was_quiet_is_asked(known: tuple[Any, int], database: PostgresDatabase) -> None:
    """F16: whoever vanished without a word leaves a socket on which nothing comes."""
    connection, pid = known
    connection.looked_at -= QUIET_SECONDS
    assert connection.is_usable()
    assert asked_last(database, pid) == "SELECT 1"


def test_a_connection_that_was_in_trouble_is_asked(known: tuple[Any, int], database: PostgresDatabase) -> None:
    connection, pid = known
    connection.errors_occurred = True
    connection.close_if_unusable_or_obsolete()
    assert connection.connection
    assert asked_last(database, pid) == "SELECT 1"


def test_a_connection_that_the_server_ended_is_known_at_once(
    known: tuple[Any, int], database: PostgresDatabase
) -> None:
    """F16: also within the seconds in which nobody asks."""
    connection, pid = known
    database.rows("SELECT pg_terminate_backend(%s)", pid)
    wait_for(lambda: not database.rows("SELECT FROM pg_stat_activity WHERE pid = %s", pid), meaning="its end")
    assert not connection.is_usable()


def test_a_notice_ends_no_connection(known: tuple[Any, int], database: PostgresDatabase) -> None:
    """A readable socket is not yet a closed one: who listens is told something between two requests."""
    connection, pid = known
    ask(connection, "LISTEN news")
    database.rows("SELECT pg_notify('news', '')")
    wait_for(lambda: not is_silent(connection.connection), meaning="the notice")
    assert connection.is_usable()
    assert asked_last(database, pid) == "SELECT 1"
