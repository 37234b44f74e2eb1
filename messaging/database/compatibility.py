"""The difference between the Django versions that the portal supports, 5.2 and 6.1: one private function."""

from collections.abc import Sequence
from typing import Any

import django
from django.db import connection
from django.db.models import query


def related_populators(compiler: Any) -> Sequence[Any]:
    """Return what fills the related objects of a row (``select_related``), as ``ModelIterable`` gets it."""
    private: Any = query
    # 6.1 also takes how a field that was not read is fetched later: one at a time, as 5.2 does.
    mode = (private.FETCH_ONE,) if django.VERSION >= (6, 1) else ()
    populators: Sequence[Any] = private.get_related_populators(
        compiler.klass_info, compiler.select, connection.alias, *mode
    )
    return populators
