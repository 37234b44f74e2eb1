"""Two things the ORM does not have and every rule here rests on: the database's clock and UPDATE … RETURNING."""

from datetime import timedelta
from typing import Any, TypeVar

from django.db import connections, models
from django.db.models import sql
from django.db.models.functions import Now

M = TypeVar("M", bound=models.Model)


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


def update_returning(queryset: models.QuerySet[M], **values: Any) -> M | None:
    """Run one ``UPDATE … WHERE … RETURNING`` and return the changed row, or None when no row matched.

    The database decides and answers in the same statement, so two requests can never both be told yes.
    The queryset must match at most one row.
    """
    model = queryset.model
    query = queryset.query.chain(sql.UpdateQuery)
    query.add_update_values(values)  # type: ignore[attr-defined]
    statement, params = query.get_compiler(queryset.db).as_sql()
    connection = connections[queryset.db]
    fields = model._meta.concrete_fields
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    rows = model._default_manager.using(queryset.db).raw(f"{statement} RETURNING {columns}", params)
    changed = list(rows)  # to the end: SQLite holds its lock until the last row is read
    return changed[0] if changed else None


def delete_in_batches(old: models.QuerySet[Any], size: int = 1000) -> int:
    """Delete what matches, a batch a transaction, so that nobody waits long. Return how many rows of its kind."""
    gone = 0
    while batch := list(old.values_list("pk", flat=True)[:size]):
        gone += len(batch)
        old.model._default_manager.filter(pk__in=batch).delete()
    return gone
