"""A sign-in's cost for the database: statements, rows, bytes by table.  python -m benchmarks.sign_in_cost [--people N]

A whole installation on loopback, as for ``benchmarks.soak`` but without faults: people sign in one after the other,
half of them by SMS and half by e-mail, and load the first page. Statements are counted in PostgreSQL's own log, bytes
are those of tables with their indexes. Prints the figures of docs/scaling.md.
"""

import argparse
import re
import time
from collections import Counter
from collections.abc import Iterator

import psycopg

from benchmarks.soak.installation import installation
from tests.services import seed
from tests.services.browser import Browser, location
from tests.services.parts import PostgresDatabase
from tests.services.portal import Portal, digits

SIZES = "SELECT relname, pg_total_relation_size(relid), n_tup_ins, n_tup_upd FROM pg_stat_user_tables"
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*):\s+(\S.*)")
WORKING_DAYS = 250  # sign-ins of a person a year
PEOPLE = (1_000, 100_000, 10_000_000)


def sign_in(portal: Portal, browser: Browser, channel: str) -> None:
    location(browser.post_password())
    location(browser.post_channel(channel))
    if channel == "sms":
        token = portal.token(browser)
    else:
        token = digits(portal.mail.wait_for(browser.email)["data"].partition("\r\n\r\n")[2])
    assert location(browser.post_token(token)) == "/"
    assert browser.get("/").status_code == 200


def measured(portal: Portal) -> dict[str, tuple[int, ...]]:
    """Return bytes, inserts and updates of each table, once PostgreSQL has counted all of them."""
    portal.database.rows("SELECT pg_stat_force_next_flush()")
    time.sleep(2)
    with psycopg.connect(portal.database.url, autocommit=True) as connection:
        connection.execute("VACUUM")
    return {row[0]: row[1:] for row in portal.database.rows(SIZES)}


def statements(text: str) -> Iterator[str]:
    """Return the kind of each statement: its first word; health checks of connections are a kind of their own."""
    for found in STATEMENT.finditer(text):
        yield found[1].split()[0].upper() if found[1].strip() != "SELECT 1" else "SELECT 1"


def log_statements(portal: Portal, what: str) -> None:
    database = portal.database
    assert isinstance(database, PostgresDatabase)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET log_statement = '{what}'".encode())
        connection.execute("SELECT pg_reload_conf()")


def log_of(portal: Portal) -> str:
    database = portal.database
    assert isinstance(database, PostgresDatabase)
    assert database.server.program
    return database.server.program.written()


def counted(portal: Portal, people: list[Browser]) -> tuple[Counter[str], float]:
    """Return the statements of so many sign-ins, and the seconds they took."""
    log_statements(portal, "all")
    skip, begin = len(log_of(portal)), time.monotonic()
    for number, browser in enumerate(people):
        sign_in(portal, browser, ("sms", "email")[number % 2])
    seconds = time.monotonic() - begin
    return Counter(statements(log_of(portal)[skip:])), seconds


def idle(portal: Portal, seconds: float) -> Counter[str]:
    """Return the statements of as long a time in which nobody signs in."""
    skip = len(log_of(portal))
    time.sleep(min(seconds, 60))
    found = Counter(statements(log_of(portal)[skip:]))
    log_statements(portal, "none")
    return Counter({name: round(number * seconds / min(seconds, 60)) for name, number in found.items()})


def report(
    people: int, asked: Counter[str], before: dict[str, tuple[int, ...]], after: dict[str, tuple[int, ...]]
) -> None:
    kinds = ", ".join(f"{name} {number / people:.1f}" for name, number in asked.most_common())
    print(f"\n{sum(asked.values()) / people:.1f} statements a sign-in: {kinds}\n")
    print("| table | rows | updates | bytes |\n| --- | --- | --- | --- |")
    audit = 0.0
    for table in sorted(after, key=lambda name: before[name][0] - after[name][0]):
        size, inserts, updates = (new - old for new, old in zip(after[table], before[table], strict=True))
        if size or inserts:
            print(f"| `{table}` | {inserts / people:.1f} | {updates / people:.1f} | {size / people:,.0f} |")
        if table == "accounts_auditevent":
            audit = size / people
    print("\n| people | sign-ins a year | audit log a year |\n| --- | --- | --- |")
    for number in PEOPLE:
        print(f"| {number:,} | {number * WORKING_DAYS:,} | {number * WORKING_DAYS * audit / 1e9:,.1f} GB |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=400)
    count = min(parser.parse_args().people, 2000)
    seed.ENROLLED = count + 5
    with installation(count + 5) as portal:
        portal.start_worker()
        for warm in (portal.member() for _ in range(5)):
            sign_in(portal, warm, "sms")
        people = [portal.member() for _ in range(count)]
        before = measured(portal)
        asked, seconds = counted(portal, people)
        after = measured(portal)
        log_statements(portal, "all")
        asked.subtract(idle(portal, seconds))
    print(f"{count} sign-ins in {seconds:.0f} s, {portal.database.url.partition(':')[0]}")
    report(count, asked, before, after)


if __name__ == "__main__":
    main()
