"""UPDATE … RETURNING, and statements that are built once and run with other values."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import connection, models
from django.db.models import sql

from messaging.database.compatibility import related_populators

M = TypeVar("M", bound=models.Model)


class Slot(models.Expression):
    """A place in a statement for a value that is told at each run. It goes where the ORM takes an expression."""

    def __init__(self, name: str, output_field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def filled(self, values: dict[str, Any]) -> Any:
        """Return this run's value as the database takes it."""
        return self.output_field.get_db_prep_value(values[self.name], connection)


def slots(model: type[models.Model], *names: str) -> dict[str, Slot]:
    """Return a slot for each of these fields of a model, by its name; of a relation, the name of its column."""
    return {name: Slot(name, model._meta.get_field(name)) for name in names}  # type: ignore[arg-type]


class Statement(Generic[M]):
    """The SQL of a queryset, or of an UPDATE of it, with its parameters, and how a row of it becomes an object."""

    related: Sequence[Any] = ()
    annotations: Mapping[str, int] = MappingProxyType({})

    def __init__(self, queryset: models.QuerySet[M], **changes: Any) -> None:
        """Build the statement: a SELECT without ``changes``, else an UPDATE … RETURNING the changed rows.

        A SELECT brings what ``select_related`` and ``annotate`` ask for, an UPDATE the row's own columns.
        """
        self.model = queryset.model
        query = queryset.query
        if changes:
            query = query.chain(sql.UpdateQuery)
            query.add_update_values(changes)  # type: ignore[attr-defined]
        compiler = query.get_compiler(queryset.db)
        self.sql, self.params = compiler.as_sql()
        if changes:
            self._return_rows(compiler)
        else:
            self.related = related_populators(compiler)
            self.annotations = compiler.annotation_col_map or {}
            own = compiler.klass_info["select_fields"]
            self._read(compiler, [column for column, _sql, _alias in compiler.select], slice(own[0], own[-1] + 1))

    def _return_rows(self, compiler: Any) -> None:
        """Let a statement that writes return its rows, whole."""
        self.silent_sql = self.sql
        columns = [field.get_col(self.model._meta.db_table) for field in self.model._meta.concrete_fields]
        names = ", ".join(connection.ops.quote_name(str(column.target.column)) for column in columns)
        self.sql = f"{self.sql} RETURNING {names}"
        self._read(compiler, columns, slice(len(columns)))

    def _read(self, compiler: Any, columns: list[Any], own: slice) -> None:
        """Note how a row is read, and which of its columns are the model's own."""
        self.own = own
        self.names = [column.target.attname for column in columns[own]]
        self.converters = compiler.get_converters(columns)
        self.convert = compiler.apply_converters

    def changed(self, **values: Any) -> int:
        """Run the statement, which writes, with these values in its slots; return how many rows it wrote."""
        with connection.cursor() as cursor:
            cursor.execute(self.silent_sql, self._filled(values))
            return int(cursor.rowcount)

    def run(self, **values: Any) -> list[M]:
        """Run the statement with these values in its slots; return its rows."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self._filled(values))
            rows: Sequence[Any] = cursor.fetchall()  # to the end: SQLite holds its lock until the last row is read
        if self.converters:
            rows = list(self.convert(rows, self.converters))
        return [self._object(row) for row in rows]

    def _filled(self, values: dict[str, Any]) -> list[Any]:
        return [param.filled(values) if isinstance(param, Slot) else param for param in self.params]

    def _object(self, row: Sequence[Any]) -> M:
        """Return the object of a row, as Django's ``ModelIterable`` makes it."""
        made = self.model.from_db(connection.alias, self.names, row[self.own])
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
        ((self.sql, self.params),) = compiler.as_sql()
        self._return_rows(compiler)


class Compiled(Generic[M]):
    """A statement that is built once and run again and again with other values.

    The ORM needs longer to build some statements than the database needs to run them. Each one that is
    compiled has its figure beside it; ``python -m benchmarks.statements`` makes the figures (those here on two
    busy cores; a machine to itself is several times faster in both).

    ``settings`` are the names of the settings that ``build`` reads. They are read at each run: when one of them
    has another value than before, the statement is built anew.
    """

    def __init__(self, build: Callable[[], Statement[M]], *settings: str) -> None:
        self.build = build
        self.settings = settings
        self.built: tuple[list[Any], Statement[M]] | None = None

    def run(self, **values: Any) -> list[M]:
        """Run the statement with these values in its slots; return its rows."""
        return self._statement().run(**values)

    def changed(self, **values: Any) -> int:
        """Run the statement, which writes, with these values in its slots; return how many rows it wrote."""
        return self._statement().changed(**values)

    def new(self, **values: Any) -> M:
        """Run the statement, an INSERT, with these values in its slots; return the new row."""
        (made,) = self.run(**values)
        return made

    def _statement(self) -> Statement[M]:
        """Return the statement, built for the settings of now."""
        made_for = [connection.vendor, *(getattr(settings, name) for name in self.settings)]
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

    The database decides and answers in the same statement, so two requests can never both be told yes.
    The queryset must match at most one row.
    """
    changed = Statement(queryset, **values).run()
    return changed[0] if changed else None
