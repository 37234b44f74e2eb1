"""Measure the pages of administrators: an account of 1,000 beside a large one, on a PostgreSQL of our own.

python -m benchmarks.lists [--people 100000] [--events 10000000] [--rounds 40]

The two are requested in turn, so that a busy machine slows both. "times" is the large account's 95th percentile divided
by the small one's; "median" is the median of the ratios of the pairs. The statements have to be the same for both.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.services import large
from tests.services.parts import Postgres
from tests.services.portal import production

SMALL = 1000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=40)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="messaging-lists-") as name:
        Path(name).chmod(0o711)
        server = Postgres(Path(name) / "postgres")
        try:
            measure(server.create("lists").url, name, chosen)
        finally:
            server.stop()


def measure(url: str, folder: str, chosen: argparse.Namespace) -> None:
    prepare(url, folder)
    began = time.monotonic()
    small = large.fill(url, "s", people=SMALL, events=SMALL)
    many = large.fill(url, "l", people=chosen.people, events=chosen.events)
    large.settle(url)
    print(f"{chosen.people} people, {chosen.events} events: filled in {time.monotonic() - began:.0f} s; p95 in ms\n")
    report(small, many, chosen.rounds)


def prepare(url: str, folder: str) -> None:
    """Make this process the portal, with an empty database."""
    nowhere = {"broker_url": "redis://127.0.0.1:1/0", "twilio_url": "http://127.0.0.1:1"}
    os.environ.update(production(database_url=url, mail_port=1, port=1, **nowhere), VAR_DIR=folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "messaging.settings"
    import django  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    call_command("migrate", verbosity=0)


def report(small: int, many: int, rounds: int) -> None:
    print(f"{'page':44} {SMALL:>8} {'large':>8}  times  median  statements")
    for label, path in large.pages():
        compare(label, large.visit(small, path), large.visit(many, path), rounds)
    compare("the switch, with its notices", large.switch(small), large.switch(many), rounds)


def compare(label: str, few: Callable[[], None], lots: Callable[[], None], rounds: int) -> None:
    statements = sorted({count(visit) for visit in (few, lots)})
    pairs = [(timed(few), timed(lots)) for _round in range(rounds)]
    ends = [statistics.quantiles(times, n=20)[-1] for times in zip(*pairs, strict=True)]
    middle = statistics.median(lot / little for little, lot in pairs)
    told = f"{ends[0]:8.1f} {ends[1]:8.1f}  {ends[1] / ends[0]:5.1f}  {middle:6.1f}"
    print(f"{label:44} {told}  {', '.join(map(str, statements))}")


def timed(visit: Callable[[], None]) -> float:
    """Return the milliseconds that a visit takes."""
    began = time.perf_counter()
    visit()
    return (time.perf_counter() - began) * 1000


def count(visit: Callable[[], None]) -> int:
    """Return the statements of a visit; it also warms up."""
    with large.statements() as seen:
        visit()
    return len(seen)


if __name__ == "__main__":
    main()
