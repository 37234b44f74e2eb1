"""The kinds of database errors: a conflict, which is tried again; an outage; or a mistake of ours."""

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError

P = ParamSpec("P")
R = TypeVar("R")

PAUSE = 0.05  # seconds for the winner to finish: an immediate second try could block it and lose again
CONFLICTS = {"40001", "40P01"}  # serialization failure, deadlock
READ_ONLY = "25006"


def sqlstate(error: BaseException | None) -> str:
    """Return PostgreSQL's code of a database error, or an empty text."""
    return str(getattr(getattr(error, "__cause__", None), "sqlstate", None) or "")


def is_conflict(error: BaseException | None) -> bool:
    """Tell whether the database rolled a transaction back in favour of another one."""
    return isinstance(error, OperationalError) and sqlstate(error) in CONFLICTS


def is_outage(error: BaseException | None) -> bool:
    """Tell whether the database does not answer or is read-only (F19, F21, F24), as opposed to a mistake of ours."""
    is_read_only = isinstance(error, DatabaseError) and sqlstate(error) == READ_ONLY
    return isinstance(error, OperationalError | InterfaceError) or is_read_only


def tried_twice(flow: Callable[P, R]) -> Callable[P, R]:
    """Run a flow, which is one transaction, once more if it lost against another one (F20)."""

    @wraps(flow)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return flow(*args, **kwargs)
        except OperationalError as error:
            if not is_conflict(error):
                raise
        time.sleep(PAUSE)
        return flow(*args, **kwargs)

    return run
