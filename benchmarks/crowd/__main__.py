"""A crowd that signs in, and the load on each part of an installation. python -m benchmarks.crowd [PART …] [--people N]

Plays whole journeys (sign-in page, password, choice with its captcha, token, first page) from threads of this process
on loopback, in three parts:

    production   as the image runs: gunicorn at its defaults, one worker, PostgreSQL, Redis; the hasher that ships
    embedded     as ``make run`` does, on SQLite
    worker       one worker process at a gateway of 300 ms, with 64 and 256 tokens in flight

Prints each figure with its budget, and the processor time of each part for each sign-in. That of the client and of the
gateway is not counted, although both use the same machine. Bounded: some five minutes; ``--people`` makes it short.
"""

import argparse
from dataclasses import dataclass

from benchmarks import delivery
from benchmarks.crowd import installations
from benchmarks.crowd.people import Run

WARM = 100  # sign-ins before the first that counts: then every thread has its connection and its statements
STEADY, PER_SECOND = 400, 20
AT_ONCE, AT_ONCE_EMBEDDED = 50, 20
A_PROCESS, MOST = 1000, 4000  # sign-ins after which memory is read: of each process, and of all together
EMBEDDED = 300
SECONDS = 150.0  # the most for everybody at once
IN_FLIGHT = {64: 95, 256: 90}  # the budget, in per cent of the limit
TOKENS = 6000


@dataclass
class Row:
    """One figure, and the least or the most that it may be."""

    what: str
    found: float
    least: float | None = None
    most: float | None = None
    digits: int = 1

    def __str__(self) -> str:
        asked = f">= {self.least:g}" if self.most is None else f"<= {self.most:g}"
        missed = (self.least or 0) > self.found or (self.most is not None and self.found > self.most)
        return f"{self.what:<68} {asked:>8} {self.found:>8.{self.digits}f}{'  missed' if missed else ''}"


def of_production(one: installations.Installation, people: int) -> list[Row]:
    """Let people come 20 a second, then 50 at once until each process has had a thousand."""
    at_rest = one.memory()
    one.crowd.at_once(8, min(WARM, people), SECONDS)
    steady = one.crowd.steadily(PER_SECOND, min(STEADY, people))
    many = min(MOST, A_PROCESS * len(one.web)) - STEADY - WARM
    at_once = one.crowd.at_once(AT_ONCE, min(many, people), SECONDS)
    after, met = one.memory(), WARM + steady.signed_in + at_once.signed_in
    print_cpu({f"{PER_SECOND} sign-ins a second": steady, f"{AT_ONCE} people at once": at_once})
    processes = f"of {len(one.web)} web processes"
    return [
        Row("sign-ins a second a core", steady.signed_in / sum(steady.cpu.values()), least=25),
        Row(f"p99 of a click at {PER_SECOND} sign-ins a second, ms", steady.click(99), most=150, digits=0),
        Row(f"errors at {PER_SECOND} sign-ins a second", steady.errors.total(), most=0, digits=0),
        *of_many(AT_ONCE, at_once, least=28),
        Row(f"the largest {processes} at rest, RSS MB (PSS {at_rest[1]:.0f})", at_rest[0], most=80, digits=0),
        Row(f"... after {met} sign-ins, RSS MB (PSS {after[1]:.0f})", after[0], most=120, digits=0),
    ]


def of_embedded(one: installations.Installation, people: int) -> list[Row]:
    """Let 20 people at once sign in at the portal of ``make run``."""
    one.crowd.at_once(8, min(WARM, people), SECONDS)
    run = one.crowd.at_once(AT_ONCE_EMBEDDED, min(EMBEDDED, people), SECONDS)
    print_cpu({f"embedded, {AT_ONCE_EMBEDDED} people at once": run})
    return of_many(AT_ONCE_EMBEDDED, run, least=19, where="embedded, ")


def of_many(wide: int, run: Run, *, least: float, where: str = "") -> list[Row]:
    for error, count in run.errors.items():
        print(f"{count} x {error}")
    return [
        Row(f"{where}{wide} people at once: sign-ins a second", run.a_second, least=least),
        Row(f"... errors (p99 of a click {run.click(99):.0f} ms)", run.errors.total(), most=0, digits=0),
    ]


def of_worker(people: int) -> list[Row]:
    """Let one worker process send the messages that wait, with so many threads."""
    rows = []
    with delivery.bench() as bench:
        for threads, percent in IN_FLIGHT.items():
            with bench.portal(delivery.GATEWAY_SECONDS) as (portal, _slow):
                found = delivery.measure_worker(portal, threads, min(TOKENS, max(people, 2 * threads)))
            what = f"one worker, {threads} in flight, gateway {delivery.GATEWAY_SECONDS} s"
            rows += [
                Row(f"{what}: % of the limit ({found.a_second:.0f} tokens/s)", found.share * 100, least=percent),
                Row("... CPU a token, ms", found.milliseconds, most=1.5, digits=2),
            ]
    return rows


def print_cpu(runs: dict[str, Run]) -> None:
    """Print the processor time of each part for a sign-in."""
    for name, run in runs.items():
        parts = ", ".join(f"{part} {run.milliseconds(seconds):.1f}" for part, seconds in run.cpu.items())
        print(f"CPU of a sign-in, ms, {name}: {run.milliseconds(sum(run.cpu.values())):.1f} ({parts})")
        print(f"  beside it, not counted, the client {run.milliseconds(run.client):.1f}", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("parts", nargs="*", choices=["production", "embedded", "worker", []])
    asked.add_argument("--people", type=int, default=MOST, help="at most, in each run of a part")
    options = asked.parse_args()
    seeded = min(MOST, 3 * options.people)
    rows: list[Row] = []
    for part in options.parts or ["production", "embedded", "worker"]:
        if part == "worker":
            rows += of_worker(options.people)
        elif part == "embedded":
            with installations.embedded(min(seeded, EMBEDDED + WARM)) as one:
                rows += of_embedded(one, options.people)
        else:
            with installations.production(seeded) as one:
                rows += of_production(one, options.people)
    print(f"\n{'':<68} {'asked':>8} {'found':>8}", *rows, sep="\n")


if __name__ == "__main__":
    main()
