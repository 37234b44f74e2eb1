"""Pages by key: the hundred-thousandth row costs as much as the first, and no page shifts while somebody reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet, Subquery
from django.http import QueryDict

M = TypeVar("M", bound=Model)
SIZE = 25
CHUNK = 1000
COUNTED = 1000
LARGEST_ID = 2**63 - 1


def id_of(text: str) -> int | None:
    """Return the id of a row that a text in an address or a form is; None for any other text."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 20  # int() refuses thousands of digits
    return int(text) if is_number and int(text) <= LARGEST_ID else None


def ids_of(posted: Sequence[str], most: int) -> list[int]:
    """Return the ids, ``most`` at most, in a field's values, each of which may have several, separated by commas."""
    typed = ",".join(posted).split(",")[:most]
    return [pk for text in typed if (pk := id_of(text)) is not None]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row after which, or before which, a page lies."""

    pk: int
    backwards: bool = False

    @classmethod
    def read(cls, query: QueryDict) -> "Cursor | None":
        """Read ``after`` or ``before`` of an address; an invalid value means the first page."""
        for name in ("after", "before"):
            if (pk := id_of(query.get(name, ""))) is not None:
                return cls(pk, backwards=name == "before")
        return None


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows, and the ids that lead to the pages before and after them."""

    rows: list[M]
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order by a column, and by id where that is equal. The column is never NULL."""

    key: str
    descending: bool = False

    def of(self, rows: QuerySet[M], *, backwards: bool = False) -> QuerySet[M]:
        """Return rows in this order, or in the opposite one."""
        sign = "-" if self.descending != backwards else ""
        return rows.order_by(f"{sign}{self.key}", f"{sign}pk")

    def beyond(self, rows: QuerySet[M], scope: QuerySet[M], pk: int, *, backwards: bool = False) -> QuerySet[M]:
        """Return the rows beyond one of ``scope``. The first condition is one that an index can start at.

        The statement itself reads the row's key: SQLite writes the same time in more than one way, so a time that was
        in Python could sort before or after itself.
        """
        way = "lt" if self.descending != backwards else "gt"
        value = Subquery(scope.filter(pk=pk).order_by().values(self.key)[:1])
        further = Q(**{f"{self.key}__{way}": value}) | Q(**{f"pk__{way}": pk})
        return rows.filter(further, **{f"{self.key}__{way}e": value})


def page_of(arms: Sequence[QuerySet[M]], scope: QuerySet[M], order: Order, cursor: Cursor | None) -> Page[M]:
    """Return a page of the rows in any of ``arms``, which are disjoint. A row outside of ``scope`` is no cursor."""
    if cursor and scope.filter(pk=cursor.pk).exists():
        return _beyond(arms, scope, order, cursor)
    rows = _first(arms, order, SIZE + 1)
    return Page(rows[:SIZE], after=rows[SIZE - 1].pk if len(rows) > SIZE else None)


def _beyond(arms: Sequence[QuerySet[M]], scope: QuerySet[M], order: Order, cursor: Cursor) -> Page[M]:
    back = cursor.backwards
    further = [order.beyond(arm, scope, cursor.pk, backwards=back) for arm in arms]
    rows = _first(further, order, SIZE + 1, backwards=back)
    more, rows = len(rows) > SIZE, rows[:SIZE]
    if back:
        rows.reverse()
    if not rows:
        return Page(rows)
    return Page(rows, before=rows[0].pk if more or not back else None, after=rows[-1].pk if more or back else None)


def _first(arms: Sequence[QuerySet[M]], order: Order, count: int, *, backwards: bool = False) -> list[M]:
    """Return the first rows of all arms together: one statement each."""
    found = [list(order.of(arm, backwards=backwards)[:count]) for arm in arms]
    if len(found) == 1:
        return found[0]
    reverse = order.descending != backwards
    return list(islice(merge(*found, key=lambda row: (getattr(row, order.key), row.pk), reverse=reverse), count))


def chunks_of(arms: Sequence[QuerySet[M]], scope: QuerySet[M], order: Order) -> Iterator[list[M]]:
    """Go through all rows, a short statement at a time, whatever their number."""
    rows = _first(arms, order, CHUNK)
    while rows:
        yield rows
        further = [order.beyond(arm, scope, rows[-1].pk) for arm in arms]
        rows = _first(further, order, CHUNK) if len(rows) == CHUNK else []


def count_of(rows: QuerySet[Any]) -> int:
    """Count rows up to one more than ``COUNTED``, in their order, whose index finds them."""
    return rows.values("pk")[: COUNTED + 1].count()
