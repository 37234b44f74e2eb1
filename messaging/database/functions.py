"""Expressions that the ORM does not have: the database's clock, folded text, byte order."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models.functions import Now


class Clock(Now):
    """The database's clock at the moment of evaluation, also after waiting for a lock (F39, F43)."""

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="CLOCK_TIMESTAMP()", **context)


class Epoch(models.Func):
    """The database's clock as whole seconds since 1970, for windows of a fixed length.

    The expression is the moment its statement began, as in ``ago``; what is written uses ``sql``, the clock itself.
    """

    output_field = models.BigIntegerField()
    templates = {
        "sqlite": "CAST(STRFTIME('%%s', 'NOW') AS INTEGER)",
        "postgresql": "FLOOR(EXTRACT(EPOCH FROM {clock}()))::bigint",
    }

    @classmethod
    def sql(cls, vendor: str) -> str:
        """Return the SQL expression for a statement that is written by hand."""
        return cls.templates[vendor].format(clock="CLOCK_TIMESTAMP")

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        return self.templates[connection.vendor].format(clock="STATEMENT_TIMESTAMP"), []


# The accented letters of Portuguese and Spanish, and what each is searched and sorted as.
_ACCENTED, _PLAIN = "áàâãéêíóôõúçñü", "aaaaeeioooucnu"


def fold(text: str) -> str:
    """Return a text as ``Folded`` stores it: lower case, without accents."""
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
        # SQLite's LOWER leaves accented capitals alone, and its parser takes some twenty nested calls.
        template = "LOWER(%(expressions)s)"
        for accented, plain in zip(_ACCENTED + "ÁÉÍÓÚ", _PLAIN + "aeiou", strict=True):
            template = f"REPLACE({template}, '{accented}', '{plain}')"
        return self.as_sql(compiler, connection, template=template)


class Among(models.Expression):
    """Tells whether a column is one of many values, which are given at each run as one list, in one parameter.

    An ``IN`` has a parameter for each value, so that PostgreSQL would plan it anew for each number of values.
    """

    output_field = models.BooleanField()

    def __init__(self, column: str, values: models.Expression) -> None:
        """Compare a column with a ``Slot`` whose value is a list."""
        super().__init__()
        self.column: Any = models.F(column)
        self.values = values

    def get_source_expressions(self) -> list[Any]:
        return [self.column]

    def set_source_expressions(self, exprs: Any) -> None:
        (self.column,) = exprs

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        column, params = compiler.compile(self.column)
        return f"{column} IN (SELECT value FROM json_each(%s))", [*params, self.values]  # noqa: S608 (no values in it)

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, params = compiler.compile(self.column)
        kind = self.column.output_field.rel_db_type(connection)
        return f"{column} = ANY(%s::{kind}[])", [*params, self.values]


class Listed(models.Func):
    """The numbers of many rows as one text, separated by commas, for a subquery without GROUP BY. NULL for none."""

    function = "GROUP_CONCAT"
    arity = 1
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="STRING_AGG((%(expressions)s)::text, ',')")


def clock_plus(seconds: float) -> models.Expression:
    """Return the database's clock plus ``seconds``, for the end of what begins now. For the past see ``ago``."""
    shift = models.Value(timedelta(seconds=seconds), output_field=models.DurationField())
    return models.ExpressionWrapper(Clock() + shift, output_field=models.DateTimeField())


def ago(seconds: float) -> models.Expression:
    """Return the moment ``seconds`` before the statement began, so that an index finds younger or older rows.

    PostgreSQL reads ``Clock`` again for each row, so it cannot use an index for a comparison with it.
    """
    shift = models.Value(timedelta(seconds=seconds), output_field=models.DurationField())
    return models.ExpressionWrapper(Now() - shift, output_field=models.DateTimeField())


class Bytewise(models.Func):
    """A text in byte order, whatever the database's language: one index finds prefixes and sorts."""

    arity = 1
    output_field = models.CharField()
    template = "%(expressions)s"  # SQLite has no other order

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template='(%(expressions)s COLLATE "C")')
