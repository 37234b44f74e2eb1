"""Expressions that the ORM does not have: the database's clock, folded text, the order of bytes."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models.functions import Now


class Clock(Now):
    """The database's clock at the moment of evaluation, also behind a lock wait (F39, F43)."""

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


class Listed(models.Func):
    """Numbers of many rows as one text, with commas between them: for a subquery without GROUP BY. NULL for none."""

    function = "GROUP_CONCAT"
    arity = 1
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="STRING_AGG((%(expressions)s)::text, ',')")


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
