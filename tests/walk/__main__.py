"""Walk every address of the portal by every method as everybody, and say what surprises.   make walk"""

import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def portal() -> Iterator[None]:
    """Set the portal up on an empty database of its own, in memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django  # noqa: PLC0415 (nothing of Django's may be imported before its set-up)

    django.setup()
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import setup_test_environment  # noqa: PLC0415
    from django.utils import translation  # noqa: PLC0415

    setup_test_environment()
    logging.disable(logging.CRITICAL)  # refusals by the thousand
    connection.creation.create_test_db(verbosity=0)
    with translation.override("en"):
        yield


def walk() -> tuple[dict[str, Counter[str]], list[str]]:
    """Return how often everybody got which sort of answer, and all surprises."""
    from django.db import transaction  # noqa: PLC0415

    from tests.conftest import Browser  # noqa: PLC0415
    from tests.walk import people, routes, visits  # noqa: PLC0415

    counts: dict[str, Counter[str]] = {}
    found: list[str] = []
    for arrive in [*people.GATED, *people.SIGNED_IN]:
        with transaction.atomic():
            world, browser = people.make_world(), Browser()
            arrive(world, browser)
            addresses = routes.routes(world.samples)
            counts[people.ids(arrive)] = count = Counter({"addresses": len(addresses)})
            for headers in (visits.HTML, visits.JSON):
                for visit in visits.visits(browser, addresses, visits.METHODS, headers=headers):
                    count.update(["requests", visit.kind])
                    found += visits.surprises(visit, arrive, world)
            transaction.set_rollback(True)
    return counts, found


def table(counts: dict[str, Counter[str]]) -> Iterator[str]:
    """Return the lines of the table: who, by what came of it."""
    kinds = sorted(set().union(*counts.values()) - {"addresses", "requests"})
    columns = ["addresses", "requests", *kinds]
    yield f"{'who':26}" + "".join(f"{column:>10}" for column in columns)
    for who, count in counts.items():
        yield f"{who.replace('_', ' '):26}" + "".join(f"{count[column]:>10}" for column in columns)


def main() -> int:
    with portal():
        counts, found = walk()
    lines = [*table(counts), *found, f"{len(found)} surprises"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
