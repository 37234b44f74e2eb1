"""What a thief of the database would hold: every row of every table, and what sessions hold once decoded."""

from collections.abc import Callable, Collection
from html.parser import HTMLParser
from typing import Any

from django.db import connection

from accounts.models import Session

Row = dict[str, Any]


def dump(*, without: Collection[str] = ()) -> dict[str, list[Row]]:
    """Return every row of every table, as a copy of the database would show them."""
    tables = [table for table in connection.introspection.table_names() if table not in without]
    held = _with_rows(tables)
    return {table: rows_of(table) if table in held else [] for table in tables}


def _with_rows(tables: list[str]) -> set[str]:
    """Return the tables that hold anything: most hold nothing, and one look costs less than reading each."""
    quoted = connection.ops.quote_name
    looks = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quoted(table)})" for table in tables]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return {table for (table,) in cursor.fetchall()}


def rows_of(table: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 (our own tables)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def values() -> dict[str, str]:
    """Return every value that is kept, by its place; sessions as what they say, too."""
    found = {
        f"{table}[{number}].{name}": str(value)
        for table, rows in dump().items()
        for number, row in enumerate(rows)
        for name, value in row.items()
    }
    sessions = {f"session {number}": str(held.get_decoded()) for number, held in enumerate(Session.objects.all())}
    return found | sessions


def places_of(secret: str) -> list[str]:
    """Return where the database holds a secret."""
    return [place for place, value in values().items() if secret in value]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(response: Any, matching: Callable[[str, dict[str, str | None]], bool]) -> list[dict[str, str | None]]:
    """Return the attributes of the tags of a page that match."""
    parser = _Tags()
    parser.feed(response.content.decode())
    return [attrs for tag, attrs in parser.found if matching(tag, attrs)]


# The view pg_stat_xact_user_tables says the same; it joins the indexes and counts what nobody asks for.
TOUCHED = """
    SELECT relname, pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
        + pg_stat_get_xact_tuples_deleted(oid)
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""


def rows_touched() -> dict[str, int]:
    """Return how many rows were inserted, updated or deleted so far, to be compared within one transaction.

    By table; SQLite counts them together, which stands under an empty name.
    """
    if connection.vendor == "sqlite":
        return {"": int(connection.connection.total_changes)}
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED)
        return dict(cursor.fetchall())


def dump_again(before: dict[str, list[Row]], touched: dict[str, int], now: dict[str, int]) -> dict[str, list[Row]]:
    """Return a dump like an earlier one, reading only the tables that were touched since, where they are known."""
    different = {table for table, rows in now.items() if rows != touched.get(table)}
    if "" in different:
        return dump()
    return {**before, **{table: rows_of(table) for table in different}}
