"""J-01 on PostgreSQL: the audit log only grows, for the portal and for whoever stole its database password."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.services.conftest import MakePortal
from tests.services.portal import Portal

OPERATORS_SWITCH = "SET session_replication_role = replica"


@pytest.fixture
def connection(portal: Portal) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Return a connection of the kind the portal has, to an audit log with an event in it. Nothing is kept."""
    portal.member().post_password()
    with psycopg.connect(portal.database.url) as connection:
        connection.execute("DO $$ BEGIN CREATE ROLE portal_of_the_tests; EXCEPTION WHEN duplicate_object THEN END $$")
        connection.execute(b"ALTER TABLE accounts_auditevent OWNER TO portal_of_the_tests")
        connection.execute("SET ROLE portal_of_the_tests")
        yield connection
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET at = at",
        "DELETE FROM accounts_auditevent",
        "TRUNCATE accounts_auditevent",
        "TRUNCATE accounts_auditevent CASCADE",
    ],
)
def test_nothing_is_changed_and_nothing_removed(
    connection: "psycopg.Connection[tuple[object, ...]]", statement: str
) -> None:
    """J-01: not even by the owner of the table."""
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="the audit trail only grows"):
        connection.execute(statement.encode())


def test_the_portal_has_no_switch(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """J-01: only an administrator of the database server passes the triggers over."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(OPERATORS_SWITCH)


def test_an_operator_can_purge_by_hand(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """As docs/operations.md says."""
    connection.execute("RESET ROLE")
    connection.execute(OPERATORS_SWITCH)
    assert connection.execute(b"DELETE FROM accounts_auditevent").rowcount > 0


def test_the_rule_can_be_taken_back_and_put_up_again(make_portal: MakePortal) -> None:
    """As a migration is, by an operator who has to go back."""
    going_back = make_portal("going-back")
    for arguments in (["accounts", "0001"], []):
        done = going_back.manage("migrate", *arguments)
        assert done.returncode == 0, done.stderr
    count = "SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
    assert going_back.database.rows(count, "accounts_auditevent") == [(2,)]
