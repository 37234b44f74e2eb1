"""What the ORM does not have: the database's clock, UPDATE … RETURNING, and statements built once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import wraps
from types import MappingProxyType
from typing import Any, Generic, ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, models
from django.db.models import sql
from django.db.models.functions import Now
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)
P = ParamSpec("P")
R = TypeVar("R")


class Clock(Now):
    """The database's clock at the moment of evaluation, also behind a lock wait (security.md F39, F43)."""

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="CLOCK_TIMESTAMP()", **context)


class Epoch(models.Func):
    """The database's clock as whole seconds since 1970, for windows of a fixed length."""

    output_field = models.BigIntegerField()
    templates = {
        "sqlite": "CAST(STRFTIME('%%s', 'NOW') AS INTEGER)",
        "postgresql": "FLOOR(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()))::bigint",
    }

    @classmethod
    def sql(cls, vendor: str) -> str:
        """Return the expression, as a parameterised statement takes it."""
        return cls.templates[vendor]

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        return self.sql(connection.vendor), []


# What people leave out when they search.
_ACCENTED, _PLAIN = "áàâãéêíóôõúçñü", "aaaaeeioooucnu"


def fold(text: str) -> str:
    """Return a text as ``Folded`` keeps it: lower case, without accents."""
    return text.lower().translate(str.maketrans(_ACCENTED, _PLAIN))


class Folded(models.Func):
    """A text in lower case and without accents, so that "joao" finds João. Immutable: fit for generated columns."""

    function = "LOWER"
    arity = 1
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template=f"TRANSLATE(LOWER(%(expressions)s), '{_ACCENTED}', '{_PLAIN}')"
        )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Its LOWER leaves accented capitals alone, and its parser bears some twenty calls inside one another.
        template = "LOWER(%(expressions)s)"
        for sign, plain in zip(_ACCENTED + "ÁÉÍÓÚ", _PLAIN + "aeiou", strict=True):
            template = f"REPLACE({template}, '{sign}', '{plain}')"
        return self.as_sql(compiler, connection, template=template)


def clock_plus(seconds: float) -> models.Expression:
    """Return the database's clock moved by ``seconds`` (negative: into the past)."""
    shift = models.Value(timedelta(seconds=seconds), output_field=models.DurationField())
    return models.ExpressionWrapper(Clock() + shift, output_field=models.DateTimeField())


class Bytewise(models.Func):
    """A text in the order of its bytes, whatever the database's language: one index finds beginnings and sorts."""

    arity = 1
    output_field = models.CharField()
    template = "%(expressions)s"  # SQLite knows no other order

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template='(%(expressions)s COLLATE "C")')


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
    """Return a slot for each of these columns of a model, by the name of its attribute."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return {name: Slot(name, fields[name]) for name in names}


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
            self.related = get_related_populators(  # type: ignore[call-arg]  # the stubs are of a later Django
                compiler.klass_info, compiler.select, connection.alias
            )
            self.annotations = compiler.annotation_col_map or {}
            own = compiler.klass_info["select_fields"]
            self._read(compiler, [column for column, _sql, _alias in compiler.select], slice(own[0], own[-1] + 1))

    def _return_rows(self, compiler: Any) -> None:
        """Let a statement that writes return its rows, whole."""
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

    def run(self, **values: Any) -> list[M]:
        """Run the statement with these values in its slots; return its rows."""
        params = [param.filled(values) if isinstance(param, Slot) else param for param in self.params]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            rows: Sequence[Any] = cursor.fetchall()  # to the end: SQLite holds its lock until the last row is read
        if self.converters:
            rows = list(self.convert(rows, self.converters))
        return [self._object(row) for row in rows]

    def _object(self, row: Sequence[Any]) -> M:
        """Return the object of a row, as Django's ``ModelIterable`` makes it."""
        made = self.model.from_db(connection.alias, self.names, row[self.own])
        for related in self.related:
            related.populate(row, made)
        for name, position in self.annotations.items():
            setattr(made, name, row[position])
        return made


class Insert(Statement[M]):
    """The SQL of an INSERT of one row, which it returns. What is not told has the model's default."""

    def __init__(self, model: type[M], **values: Any) -> None:
        """Build the statement; ``values`` are slots, expressions or constants, by the names of fields."""
        self.model = model
        fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        query = sql.InsertQuery(model)
        query.insert_values(fields, [model(**values)])
        compiler = query.get_compiler(connection.alias)
        ((self.sql, self.params),) = compiler.as_sql()
        self._return_rows(compiler)


class Compiled(Generic[M]):
    """A statement that is built once for each kind of database and run again and again with other values.

    For the few statements that every token needs: to build them costs the ORM more than to run
    them costs the database. Settings are read when it is built, at the first run.
    """

    def __init__(self, build: Callable[[], Statement[M]]) -> None:
        self.build = build
        self.by_vendor: dict[str, Statement[M]] = {}

    def run(self, **values: Any) -> list[M]:
        """Run the statement with these values in its slots; return its rows."""
        statement = self.by_vendor.get(connection.vendor)
        if statement is None:
            statement = self.by_vendor[connection.vendor] = self.build()
        return statement.run(**values)

    def row(self, **values: Any) -> M | None:
        """Run the statement, which finds or changes at most one row; return it, or None."""
        rows = self.run(**values)
        return rows[0] if rows else None

    def new(self, **values: Any) -> M:
        """Run the statement, an INSERT; return the new row."""
        (row,) = self.run(**values)
        return row


def update_returning(queryset: models.QuerySet[M], **values: Any) -> M | None:
    """Run one ``UPDATE … WHERE … RETURNING`` and return the changed row, or None when no row matched.

    The database decides and answers in the same statement, so two requests can never both be told yes.
    The queryset must match at most one row.
    """
    changed = Statement(queryset, **values).run()
    return changed[0] if changed else None


CONFLICTS = {"40001", "40P01"}  # serialization failure, deadlock
READ_ONLY = "25006"


def sqlstate(error: BaseException | None) -> str:
    """Return PostgreSQL's code of a database error, or nothing."""
    return str(getattr(getattr(error, "__cause__", None), "sqlstate", None) or "")


def is_conflict(error: BaseException | None) -> bool:
    """Tell whether the database gave up a transaction in favour of another one: nothing of it is left."""
    return isinstance(error, OperationalError) and sqlstate(error) in CONFLICTS


def is_outage(error: BaseException | None) -> bool:
    """Tell whether the database does not answer or takes nothing (F19, F21, F24), as opposed to a mistake of ours."""
    is_read_only = isinstance(error, DatabaseError) and sqlstate(error) == READ_ONLY
    return isinstance(error, OperationalError | InterfaceError) or is_read_only


def tried_twice(flow: Callable[P, R]) -> Callable[P, R]:
    """Run a flow, which is one transaction, once more when it lost against another one (F20)."""

    @wraps(flow)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return flow(*args, **kwargs)
        except OperationalError as error:
            if not is_conflict(error):
                raise
        return flow(*args, **kwargs)

    return run


def delete_in_batches(old: models.QuerySet[Any], size: int = 1000) -> int:
    """Delete what matches, a batch a transaction, so that nobody waits long. Return how many rows of its kind."""
    gone = 0
    while batch := list(old.values_list("pk", flat=True)[:size]):
        gone += len(batch)
        old.model._default_manager.filter(pk__in=batch).delete()
    return gone
