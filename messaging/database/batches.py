"""Work on many rows in short transactions."""

from typing import Any

from django.db import models


def delete_in_batches(old: models.QuerySet[Any], size: int = 1000) -> int:
    """Delete what matches, a batch a transaction, so that nobody waits long. Return how many rows of its kind."""
    gone = 0
    while batch := list(old.values_list("pk", flat=True)[:size]):
        gone += len(batch)
        old.model._default_manager.filter(pk__in=batch).delete()
    return gone


def update_in_batches(old: models.QuerySet[Any], size: int = 1000, **values: Any) -> int:
    """Update what matches, a batch a transaction, in the order of their keys. Return how many rows.

    No batch reads again what the ones before have changed: that would be quadratic.
    """
    changed = 0
    keys = old.order_by("pk").values_list("pk", flat=True)
    batch = list(keys[:size])
    while batch:
        changed += old.model._default_manager.filter(pk__in=batch).update(**values)
        batch = list(keys.filter(pk__gt=batch[-1])[:size])
    return changed
