"""Operations of migrations that block neither reads nor writes of a large table for long."""

from typing import Any

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from messaging.postgresql.base import LOCK_TIMEOUT


class AddIndexConcurrently(migrations.AddIndex):
    """Build an index while the table is in use; in a migration with ``atomic = False``.

    A build that was broken off leaves an invalid index: it is dropped and built again. The build waits for transactions
    under way, and nobody waits for the build, so the migrations' own lock time-out does not apply to it.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        statement = self.index.create_sql(model, schema_editor)
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.add_index(model, self.index)
            return
        table = model._meta.db_table
        schema_editor.execute("SET lock_timeout = 0")
        if partitions := partitions_of(schema_editor, table):
            self.build_in_parts(schema_editor, str(statement), table, partitions)
        else:
            self.build(schema_editor, str(statement), self.index.name)
        schema_editor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")

    @staticmethod
    def build(schema_editor: Any, statement: str, name: str) -> None:
        """Build one index again."""
        before, _space, after = statement.partition(" INDEX ")
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}")
        schema_editor.execute(f"{before} INDEX CONCURRENTLY {after}", params=None)

    def build_in_parts(self, schema_editor: Any, statement: str, table: str, partitions: list[str]) -> None:
        """Build each partition's index and attach it to the whole table's, which cannot be built concurrently."""
        whole, quote = self.index.name, schema_editor.quote_name
        place = f"{quote(whole)} ON {quote(table)}"
        schema_editor.execute(f"DROP INDEX IF EXISTS {quote(whole)}")
        schema_editor.execute(statement.replace(place, f"{quote(whole)} ON ONLY {quote(table)}"), params=None)
        for partition in partitions:
            part = whole + partition.removeprefix(table)
            self.build(schema_editor, statement.replace(place, f"{quote(part)} ON {quote(partition)}"), part)
            schema_editor.execute(f"ALTER INDEX {quote(whole)} ATTACH PARTITION {quote(part)}")

    def describe(self) -> str:
        return f"{super().describe()}, while the table is written to"


class DropIndexConcurrently(Operation):
    """Drop an index that Django made with a column, while the table is in use; with ``atomic = False``.

    A change of the field would also drop the foreign key, and scan every row to add it again.
    """

    reduces_to_sql = False

    def __init__(self, name: str, table: str, column: str, *, like: bool = False) -> None:
        """Name the index and its column; ``like`` is Django's second index of a text, which only PostgreSQL has."""
        self.name, self.table, self.column, self.like = name, table, column, like

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Do nothing: no model has the index."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        concurrently = " CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
        schema_editor.execute(f"DROP INDEX{concurrently} IF EXISTS {schema_editor.quote_name(self.name)}")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        quote = schema_editor.quote_name
        columns = f"{quote(self.column)}{' varchar_pattern_ops' if self.like else ''}"
        statement = f"CREATE INDEX {quote(self.name)} ON {quote(self.table)} ({columns})"
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute("SET lock_timeout = 0")
            AddIndexConcurrently.build(schema_editor, statement, self.name)
            schema_editor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        elif not self.like:
            schema_editor.execute(statement)

    def describe(self) -> str:
        return f"Drop index {self.name}, while the table is written to"


class AddFieldAtOnce(migrations.AddField):
    """Add a column in a transaction of its own; in a migration with ``atomic = False``.

    A transaction that changes several tables locks each of them until its end: a sign-in that has written one of them
    and checks a foreign key in another makes that a deadlock. A column that a broken-off migration left stays.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        connection = schema_editor.connection
        with connection.cursor() as cursor:
            there = connection.introspection.get_table_description(cursor, model._meta.db_table)
        if model._meta.get_field(self.name).column not in {column.name for column in there}:
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class CreateModelAtOnce(migrations.CreateModel):
    """Create a table that the same migration fills; in a migration with ``atomic = False``.

    Its foreign keys and indexes come before the rows: a key that is added later locks the tables it points to against
    every write, until all rows are checked. A table that a broken-off migration left is created again.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        table = schema_editor.quote_name(model._meta.db_table)
        schema_editor.execute(f"DROP TABLE IF EXISTS {table}")
        schema_editor.create_model(model)
        while schema_editor.deferred_sql:
            schema_editor.execute(schema_editor.deferred_sql.pop(0), None)


def partitions_of(schema_editor: Any, table: str) -> list[str]:
    """Return the partitions of a table; none if it is not partitioned."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(%s)", [table])
        return [name for (name,) in cursor.fetchall()]


def backfill(app: str, model: str, rows: models.Q, size: int = 500, **values: Any) -> migrations.RunPython:
    """Give matching rows other values, so many a transaction, by id; in a migration with ``atomic = False``.

    ``rows`` must not match rows that have the values already: a migration that was broken off goes on where it was.
    """

    def fill(historical: Any, schema_editor: Any) -> None:
        alias = schema_editor.connection.alias
        waiting = historical.get_model(app, model)._default_manager.using(alias).filter(rows)
        last: Any = 0
        while batch := list(waiting.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:size]):
            waiting.filter(pk__in=batch).update(**values)
            last = batch[-1]

    return migrations.RunPython(fill, migrations.RunPython.noop)
