"""What the ORM does not have. Migrations name what stands here: ``messaging.database.Clock``."""

from messaging.database.batches import delete_in_batches, update_in_batches
from messaging.database.conflicts import is_conflict, is_outage, sqlstate, tried_twice
from messaging.database.functions import Bytewise, Clock, Epoch, Folded, Listed, clock_plus, fold
from messaging.database.statements import Compiled, Insert, Slot, Statement, slots, update_returning

__all__ = [
    "Bytewise",
    "Clock",
    "Compiled",
    "Epoch",
    "Folded",
    "Insert",
    "Listed",
    "Slot",
    "Statement",
    "clock_plus",
    "delete_in_batches",
    "fold",
    "is_conflict",
    "is_outage",
    "slots",
    "sqlstate",
    "tried_twice",
    "update_in_batches",
    "update_returning",
]
