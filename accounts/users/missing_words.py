"""Give their search words to people whom the release before wrote, which knows of none: during a deploy both run."""

from django.db.models import Exists, Max, OuterRef

from accounts.models import SearchWord, User
from messaging.periodic.scheduler import Last, periodic_task

RANGE = 50_000  # people a run, so that the first ones ask for no more of a large table than any other statement
BATCH = 500


@periodic_task("search words", seconds=60)
def write_missing(last: Last) -> int:
    """Look at each person once, and again from where the last run ended; return the last one's id."""
    mark = last.high_water or 0
    newest: int = User.objects.aggregate(newest=Max("pk"))["newest"] or 0
    end = min(newest, mark + RANGE)
    has_none = ~Exists(SearchWord.objects.filter(user=OuterRef("pk")))
    people = User.objects.filter(has_none, pk__gt=mark, pk__lte=end, erased_at__isnull=True).order_by("pk")
    found = list(people[:BATCH])
    SearchWord.objects.renew(*found)
    return found[-1].pk if len(found) == BATCH else max(mark, end)
