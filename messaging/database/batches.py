"""Changing many rows in short transactions."""

from collections.abc import Sequence
from typing import Any

from django.db import models, transaction


def delete_in_batches(old: models.QuerySet[Any], size: int = 1000, *, in_order: Sequence[Any] = ()) -> int:
    """Delete the matching rows, a batch a transaction, so that nobody waits long. Return how many rows of its kind.

    ``in_order`` is the order in which others lock rows of this kind, where they lock several. A row that no longer
    matches once it is locked stays.
    """
    gone = 0
    while batch := list(old.values_list("pk", flat=True)[:size]):
        with transaction.atomic():
            if in_order:
                locked = old.filter(pk__in=batch).order_by(*in_order).select_for_update()
                batch = list(locked.values_list("pk", flat=True))
            old.model._default_manager.filter(pk__in=batch).delete()
        gone += len(batch)
    return gone


def update_in_batches(old: models.QuerySet[Any], size: int = 1000, **values: Any) -> int:
    """Update the matching rows, one transaction a batch, in the order of their keys. Return how many rows.

    A batch does not read again what earlier ones have changed: that would be quadratic.
    """
    changed = 0
    keys = old.order_by("pk").values_list("pk", flat=True)
    batch = list(keys[:size])
    while batch:
        changed += old.model._default_manager.filter(pk__in=batch).update(**values)
        batch = list(keys.filter(pk__gt=batch[-1])[:size])
    return changed
