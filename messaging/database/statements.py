"""UPDATE … RETURNING, and statements that are built once and run with other values."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models import sql

from messaging.database.compatibility import related_populators

M = TypeVar("M", bound=models.Model)

# Numbers are not among them: Django tells PostgreSQL their type, so that a statement has one plan.
UNCHANGED = (models.CharField, models.EmailField, models.TextField)


def database() -> Any:
    """Return this thread's connection, to be asked for once a statement.

    To find an attribute of ``django.db.connection`` takes eight calls, which were 752 in a sign-in.
    """
    return connections[DEFAULT_DB_ALIAS]


def kept_cursor(connection: Any) -> Any:
    """Return a connection's cursor for statements whose rows are all read at once, made once for each connection.

    Making and closing a cursor for each of 22 statements took 840 of a sign-in's 22,500 calls (of Python and C). It
    checks an idle connection first, as Django does. Where queries are logged, Django's own cursor notes each of them.
    """
    if connection.queries_logged:
        return connection.cursor()
    connection.close_if_health_check_failed()
    kept = connection.__dict__.get("kept_cursor")
    if kept is None or kept.connection is not connection.connection:
        kept = connection.kept_cursor = connection.cursor()
    return kept


class Slot(models.Expression):
    """A placeholder in a statement for a value that is given at each run; the ORM takes it as an expression."""

    def __init__(self, name: str, output_field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name
        self.takes_text = type(output_field) in UNCHANGED

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def filled(self, values: dict[str, Any], connection: Any) -> Any:
        """Return this run's value in the database's form."""
        value = values[self.name]
        if self.takes_text and value.__class__ is str:  # nearly always; asking the field takes five times the calls
            return value
        return self.output_field.get_db_prep_value(value, connection)


def slots(model: type[models.Model], *names: str) -> dict[str, Slot]:
    """Return a slot for each of these fields of a model, by its name; for a relation, by the name of its column."""
    return {name: Slot(name, model._meta.get_field(name)) for name in names}  # type: ignore[arg-type]


class ListSlot(Slot):
    """A placeholder for a list of values, for ``Among``."""

    def filled(self, values: dict[str, Any], connection: Any) -> Any:
        """Return this run's list in the database's form."""
        listed = [self.output_field.get_db_prep_value(value, connection) for value in values[self.name]]
        return listed if connection.vendor == "postgresql" else json.dumps(listed)


class Statement(Generic[M]):
    """The SQL of a queryset, or of an UPDATE of it, with its parameters, and how a row becomes an object."""

    related: Sequence[Any] = ()
    annotations: Mapping[str, int] = MappingProxyType({})

    def __init__(self, queryset: models.QuerySet[M], **changes: Any) -> None:
        """Build the statement: a SELECT without ``changes``, else an UPDATE … RETURNING the changed rows.

        A SELECT includes ``select_related`` and ``annotate``, an UPDATE returns the row's own columns.
        """
        self.model = queryset.model
        query = queryset.query
        if changes:
            query = query.chain(sql.UpdateQuery)
            query.add_update_values(changes)  # type: ignore[attr-defined]
        compiler = query.get_compiler(queryset.db)
        self._keep(*compiler.as_sql())
        if changes:
            self._return_rows(compiler)
        else:
            self.related = related_populators(compiler)
            self.annotations = compiler.annotation_col_map or {}
            own = compiler.klass_info["select_fields"]
            self._read(compiler, [column for column, _sql, _alias in compiler.select], slice(own[0], own[-1] + 1))

    def _keep(self, statement: str, params: Sequence[Any]) -> None:
        """Store the SQL, its parameters and the positions of the slots among them."""
        self.sql, self.params = statement, list(params)
        self.slots = [(place, param) for place, param in enumerate(params) if isinstance(param, Slot)]

    def _return_rows(self, compiler: Any) -> None:
        """Let a statement that writes return its rows with all columns."""
        self.silent_sql = self.sql
        columns = [field.get_col(self.model._meta.db_table) for field in self.model._meta.concrete_fields]
        names = ", ".join(connection.ops.quote_name(str(column.target.column)) for column in columns)
        self.sql = f"{self.sql} RETURNING {names}"
        self._read(compiler, columns, slice(len(columns)))

    def _read(self, compiler: Any, columns: list[Any], own: slice) -> None:
        """Store how a row is read, and which of its columns are the model's own."""
        self.own = own
        self.names = [column.target.attname for column in columns[own]]
        self.converters = compiler.get_converters(columns)
        self.convert = compiler.apply_converters

    def changed(self, connection: Any, values: dict[str, Any]) -> int:
        """Run the statement, which writes, with these values in its slots; return how many rows it wrote."""
        cursor = kept_cursor(connection)
        cursor.execute(self.silent_sql, self._filled(values, connection))
        return int(cursor.rowcount)

    def each(self, connection: Any, many: Iterable[dict[str, Any]]) -> None:
        """Run the statement, which writes, once with each of these values; PostgreSQL gets all of them at once."""
        with connection.cursor() as cursor:
            cursor.executemany(self.silent_sql, [self._filled(values, connection) for values in many])

    def run(self, connection: Any, values: dict[str, Any]) -> list[M]:
        """Run the statement with these values in its slots; return its rows."""
        cursor = kept_cursor(connection)
        cursor.execute(self.sql, self._filled(values, connection))
        rows: Sequence[Any] = cursor.fetchall()  # all of them: SQLite holds its lock until the last row is read
        if self.converters:
            rows = list(self.convert(rows, self.converters))
        return [self._object(row, connection.alias) for row in rows]

    def _filled(self, values: dict[str, Any], connection: Any) -> list[Any]:
        filled = self.params.copy()
        for place, slot in self.slots:
            filled[place] = slot.filled(values, connection)
        return filled

    def _object(self, row: Sequence[Any], alias: str) -> M:
        """Return the object of a row, as Django's ``ModelIterable`` makes it."""
        made = self.model.from_db(alias, self.names, row[self.own])
        for related in self.related:
            related.populate(row, made)
        for name, position in self.annotations.items():
            setattr(made, name, row[position])
        return made


class Insert(Statement[M]):
    """The SQL of an INSERT of one row, which it returns."""

    def __init__(self, model: type[M], **values: Any) -> None:
        """Build the statement; ``values`` are slots, expressions or constants. All other fields have their defaults."""
        self.model = model
        fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        query = sql.InsertQuery(model)
        query.insert_values(fields, [model(**values)])
        compiler = query.get_compiler(connection.alias)
        (built,) = compiler.as_sql()
        self._keep(*built)
        self._return_rows(compiler)


class Compiled(Generic[M]):
    """A statement that is built once and run many times with other values.

    The ORM takes longer to build some statements than the database takes to run them. Each compiled statement has its
    figures in a comment; ``python -m benchmarks.statements`` measures them (those in the code on two busy cores; an
    idle machine is several times faster in both).

    ``settings`` are the names of the settings that ``build`` reads. They are compared at each run: when one of them
    has changed, the statement is built again.
    """

    def __init__(self, build: Callable[[], Statement[M]], *settings: str) -> None:
        self.build = build
        self.settings = settings
        self.built: tuple[list[Any], Statement[M]] | None = None

    def run(self, **values: Any) -> list[M]:
        """Run the statement with these values in its slots; return its rows."""
        here = database()
        return self._statement(here.vendor).run(here, values)

    def changed(self, **values: Any) -> int:
        """Run the statement, which writes, with these values in its slots; return how many rows it wrote."""
        here = database()
        return self._statement(here.vendor).changed(here, values)

    def each(self, many: Iterable[dict[str, Any]]) -> None:
        """Run the statement, which writes, once with each of these values, in one round trip."""
        here = database()
        self._statement(here.vendor).each(here, many)

    def new(self, **values: Any) -> M:
        """Run the statement, an INSERT, with these values in its slots; return the new row."""
        (made,) = self.run(**values)
        return made

    def _statement(self, vendor: str) -> Statement[M]:
        """Return the statement, built for this kind of database and the current settings."""
        made_for = [vendor, *(getattr(settings, name) for name in self.settings)]
        built = self.built
        if built is None or built[0] != made_for:
            built = self.built = made_for, self.build()
        return built[1]

    def row(self, **values: Any) -> M | None:
        """Run the statement, which finds or changes at most one row; return it, or None."""
        rows = self.run(**values)
        return rows[0] if rows else None


def update_returning(queryset: models.QuerySet[M], **values: Any) -> M | None:
    """Run one ``UPDATE … WHERE … RETURNING`` and return the changed row, or None when no row matched.

    The database decides and answers in the same statement, so two requests can never both succeed. The queryset must
    match at most one row.
    """
    changed = Statement(queryset, **values).run(database(), {})
    return changed[0] if changed else None
