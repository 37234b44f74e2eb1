"""Each statement of a sign-in, grouped by its duty: ``python -m benchmarks.sign_in_statements``.

Executions, milliseconds of execution and of planning, and bytes of WAL without page images, of one sign-in in the web
process and in the worker, as PostgreSQL counts them. Foreign keys are checked at the commit, by statements of
PostgreSQL's own; the WAL of a commit itself belongs to no statement. The worker's part has one statement of the
benchmark's, which finds the message. PostgreSQL counts no time for starting a statement, for
its message and for its transaction: they are the difference to the processor time of ``benchmarks.crowd`` and
``benchmarks.peers``. Counts and bytes are the same on a busy machine, milliseconds are not.

``--setting NAME=VALUE`` sets a variable of the portal's environment, ``--brief`` leaves the statements out.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from benchmarks.counts import count
from tests.services import counted_sign_ins

COMMITS = "commits"
# By the table that a statement writes or reads first.
DUTIES = {
    "foreign keys": ("ONLY",),
    "limits": ("accounts_budget",),
    "audit": ("accounts_auditevent",),
    "session": ("accounts_session", "django_session"),
    "pending sign-in": ("twofactor_pendingsignin",),
    "message": ("delivery_",),
    "token": ("twofactor_challenge",),
    "known browser": ("accounts_knowndevice",),
    "person": ("accounts_user", "accounts_account"),
    "transactions": ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", COMMITS),
}
EACH = """
    SELECT query, sum(calls)::int, sum(total_exec_time)::float, sum(total_plan_time)::float, sum(wal_bytes)::int
    FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = current_database() AND toplevel AND query !~ 'pg_stat_statements|pg_current_wal'
    GROUP BY 1"""
OWN_TABLE = re.compile(r'(?:FROM|INTO|UPDATE) (?:(ONLY)|(?:"?public"?\.)?"?(\w+))')
INSIDE = re.compile(r"\([^()]*\)")


class Cost(NamedTuple):
    """What statements cost: executions, milliseconds of execution and of planning, bytes of WAL."""

    executions: float = 0
    executing: float = 0
    planning: float = 0
    wal: float = 0

    def __str__(self) -> str:
        return f"{self.executions:8.1f} {self.executing:8.3f} {self.planning:8.3f} {self.wal:8,.0f}"


def total(costs: Iterable[Cost]) -> Cost:
    """Return the sum of some costs."""
    return Cost(*map(sum, zip(Cost(), *costs, strict=True)))


def duty(statement: str) -> str:
    """Return what a statement is for."""
    outside = statement
    while (shorter := INSIDE.sub("", outside)) != outside:  # without its subqueries
        outside = shorter
    found = OWN_TABLE.search(" ".join(outside.split()))
    subject = found[1] or found[2] if found else statement
    return next(name for name, beginnings in DUTIES.items() if subject.startswith(beginnings))


@contextmanager
def each_statement(_ledger: object, into: dict[str, Any], database: Any) -> Iterator[None]:
    """Add up the costs of each statement that runs meanwhile, under keys that ``costs_in`` reads."""
    database.execute("SELECT pg_stat_statements_reset()")
    (begun,) = database.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    yield
    rows = database.execute(EACH).fetchall()
    (wal,) = database.execute("SELECT (pg_current_wal_insert_lsn() - %s)::int", [begun]).fetchone()
    rows.append((COMMITS, 0, 0.0, 0.0, wal - sum(row[-1] for row in rows)))
    for statement, *figures in rows:
        for place, figure in enumerate(figures):
            key = json.dumps([statement, place])
            into[key] = into.get(key, 0) + figure


def costs_in(found: dict[str, float]) -> dict[str, Cost]:
    """Return the cost of each statement."""
    figures: dict[str, dict[int, float]] = defaultdict(dict)
    for key, figure in found.items():
        statement, place = json.loads(key)
        figures[statement][place] = figure
    return {statement: Cost(*(of_one[place] for place in range(4))) for statement, of_one in figures.items()}


def print_part(name: str, costs: dict[str, Cost], *, brief: bool) -> None:
    """Print the duties of a part, the dearest first, each with its statements."""
    print(f"\n{name:<24} {'runs':>8} {'exec ms':>8} {'plan ms':>8} {'WAL':>8}")
    duties: dict[str, list[tuple[Cost, str]]] = defaultdict(list)
    for statement, cost in costs.items():
        duties[duty(statement)].append((cost, statement))
    sums = {one: total(cost for cost, _statement in found) for one, found in duties.items()}
    for one in sorted(sums, key=lambda one: -sums[one].executing):
        print(f"{one:<24} {sums[one]}")
        for cost, statement in () if brief else sorted(duties[one], key=lambda row: -row[0].executing):
            print(f"{'':<24} {cost}  {shortened(statement)}")
    print(f"{'all':<24} {total(sums.values())}", flush=True)


def shortened(statement: str) -> str:
    """Return the beginning of a statement without quotes and without a long list of columns."""
    text = re.sub(r'"(\w+)"', r"\1", " ".join(statement.split()))
    text = re.sub(r"\b(accounts|twofactor|delivery)_\w+\.", "", text)
    return re.sub(r"^SELECT .{60,} FROM (?!\w+ U\d)", "SELECT … FROM ", text)[:110]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("counted", nargs="*", help=argparse.SUPPRESS)  # FIRST COUNT GATEWAY, in the portal's process
    asked.add_argument("--setting", action="append", default=[])
    asked.add_argument("--brief", action="store_true")
    options = asked.parse_args()
    if options.counted:
        first, number, gateway = options.counted
        sys.stdout.write(json.dumps(counted_sign_ins.count(int(first), int(number), gateway, each_statement)))
        return
    found = count(*options.setting, by="benchmarks.sign_in_statements")
    for part in ("sign-in", "worker"):
        print_part(part, costs_in(found[part]), brief=options.brief)


if __name__ == "__main__":
    main()
