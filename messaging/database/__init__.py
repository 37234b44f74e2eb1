"""What the ORM does not have. Migrations use these names: ``messaging.database.Clock``."""

from messaging.database.batches import delete_in_batches, update_in_batches
from messaging.database.conflicts import is_conflict, is_outage, sqlstate, tried_twice
from messaging.database.functions import Among, Bytewise, Clock, Epoch, Folded, Listed, ago, clock_plus, fold
from messaging.database.statements import (
    Compiled,
    Insert,
    ListSlot,
    Slot,
    Statement,
    database,
    kept_cursor,
    slots,
    update_returning,
)

__all__ = [
    "Among",
    "Bytewise",
    "Clock",
    "Compiled",
    "Epoch",
    "Folded",
    "Insert",
    "ListSlot",
    "Listed",
    "Slot",
    "Statement",
    "ago",
    "clock_plus",
    "database",
    "delete_in_batches",
    "fold",
    "is_conflict",
    "is_outage",
    "kept_cursor",
    "slots",
    "sqlstate",
    "tried_twice",
    "update_in_batches",
    "update_returning",
]
