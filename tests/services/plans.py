"""Print how PostgreSQL found what an administrator's pages ask for.   python -m tests.services.plans INDEX …

Runs in the portal's own environment, whose database it fills. For each INDEX it also looks how that would be
without it. The answer: for the name of an index, or "" for all of them there, the plans of each page.
"""

import json
import os
import sys
from typing import Any

from tests.services import large

# Of the account that is looked at, and of all others: what most rows are not may be worth an index.
PEOPLE, EVENTS = 50_000, 100_000
OTHERS, THEIR_EVENTS = 50_000, 200_000
READS = ("SELECT", "(SELECT")


def statements(first: int) -> dict[str, list[tuple[str, Any]]]:
    """Return the statements that each page of an account's first administrator reads by."""
    found = {}
    for label, path in large.pages():
        visit = large.visit(first, path)
        with large.statements() as seen:
            visit()
        found[label] = [(statement, params) for statement, params in seen if statement.startswith(READS)]
    return found


def look(asked: dict[str, list[tuple[str, Any]]], without: str) -> dict[str, list[Any]]:
    """Return the plans of the statements of each page, where one index is missing."""
    from django.db import connection, transaction  # noqa: PLC0415

    with transaction.atomic(), connection.cursor() as cursor:
        if without:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(without)}")
        plans: dict[str, list[Any]] = {}
        for label, seen in asked.items():
            for statement, params in seen:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", params)
                plans.setdefault(label, []).append(cursor.fetchone()[0][0]["Plan"])
        transaction.set_rollback(True)
    return plans


def main() -> None:
    import django  # noqa: PLC0415 (in this process only)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    django.setup()

    url = os.environ["DATABASE_URL"]
    large.fill(url, "s", people=OTHERS, events=THEIR_EVENTS)
    first = large.fill(url, "l", people=PEOPLE, events=EVENTS)
    large.settle(url)
    asked = statements(first)
    json.dump({index: look(asked, index) for index in ["", *sys.argv[1:]]}, sys.stdout)


if __name__ == "__main__":
    main()
