"""Add the search words of people whom the release before wrote without them: during a deploy both run.

Dropped one release later.
"""

from django.db.models import Exists, Max, OuterRef

from accounts.models import SearchWord, User
from messaging.periodic.scheduler import Last, periodic_task

RANGE = 50_000  # people a run, so that the first runs take no longer than any other statement on a large table
BATCH = 500


@periodic_task("search words", seconds=60)
def write_missing(last: Last) -> int:
    """Look at each person once, from where the last run ended; return the last one's id."""
    mark = last.high_water or 0
    newest: int = User.objects.aggregate(newest=Max("pk"))["newest"] or 0
    end = min(newest, mark + RANGE)
    has_none = ~Exists(SearchWord.objects.filter(user=OuterRef("pk")))
    people = User.objects.filter(has_none, pk__gt=mark, pk__lte=end, erased_at__isnull=True).order_by("pk")
    found = list(people[:BATCH])
    SearchWord.objects.renew(*found)
    return found[-1].pk if len(found) == BATCH else max(mark, end)
