"""Play the scenarios with the limits as shipped, and print the table of docs/security.md.

    python -m benchmarks.limits [PART OF A NAME …] [--price US$]

In one process, on SQLite in memory. Honest people use HTTP. What attackers do by the thousand calls the same flow as
the page, and their captchas count as solved. Time passes by moving the rows, as in the tests. The captcha asks for a
fraction of its real work; the printed figures are the real ones. The price of an SMS is assumed.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.walk.__main__ import portal

HEAD = (
    "scenario",
    "honest",
    "refused",
    "wait, known",
    "wait, new",
    "captchas, most work",
    "attackers",
    "SMS",
    "e-mails",
)


def cells(name: str, result: Any, price: float) -> tuple[str, ...]:
    """Return the row of a scenario."""
    honest = result.honest
    why = ", ".join(f"{count} × {what}" for what, count in honest.why.items())
    captchas = f"{honest.captchas}, {honest.most_work:,}" if honest.captchas else "0"
    did = "; ".join(text for text in (result.did, result.note) if text)
    return (
        name,
        f"{honest.people:,}",
        f"**{honest.refused}** ({why})" if honest.refused else "0",
        "–" if honest.known_wait is None else f"{honest.known_wait} s",
        "–" if honest.new_wait is None else f"{honest.new_wait} s",
        captchas,
        did,
        f"{result.sms:,}",
        f"{result.emails:,}",
        f"{result.sms * price:,.2f}",
    )


def line(parts: tuple[str, ...]) -> str:
    return f"| {' | '.join(parts)} |"


def options() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="*", help="only the scenarios whose names hold one of these")
    asked.add_argument("--price", type=float, default=0.05, help="of one SMS, in US$")
    return asked.parse_args()


def main() -> int:
    """Play and print; return 1 when an honest person was refused."""
    asked, refused, honest = options(), 0, Counter[str]()
    with portal(), tempfile.TemporaryDirectory() as folder:
        from django.conf import settings  # noqa: PLC0415 (after Django's set-up)
        from django.db import transaction  # noqa: PLC0415

        from benchmarks.limits.people import SCALE  # noqa: PLC0415
        from benchmarks.limits.scenarios import SCENARIOS  # noqa: PLC0415

        settings.OUTBOX_DIR = Path(folder)
        settings.ALTCHA_MAX_WORK //= SCALE  # as tests.settings has the work itself
        head = (*HEAD, f"US$ at {asked.price}")
        print(line(head), line(("---",) * len(head)), sep="\n", flush=True)
        for name, play in SCENARIOS.items():
            if not asked.names or any(part in name for part in asked.names):
                with transaction.atomic():
                    refused += row(name, play, asked.price, honest)
                    transaction.set_rollback(True)
    if honest["sign-ins"]:
        print(f"\n{price_of_honest_people(honest)}")
    return 1 if refused else 0


def price_of_honest_people(honest: Counter[str]) -> str:
    """Return how many SMS a finished sign-in takes where nobody attacks; the budget is 1.05."""
    sms, again, sign_ins = honest["SMS"], honest["asked again"], honest["sign-ins"]
    return (
        f"Where nobody attacks: {sms / sign_ins:.3f} SMS a finished sign-in ({sms:,} of {sign_ins:,}); "
        f"{(sms - again) / sign_ins:.3f} without the {again:,} that people asked for again"
    )


def row(name: str, play: Any, price: float, honest: Counter[str]) -> int:
    """Play a scenario, print its row and add what honest people cost; return how many of them were refused."""
    from benchmarks.limits import attackers, people, scenario  # noqa: PLC0415 (after Django's set-up)

    begun = time.monotonic()
    result = play()
    print(line(cells(name, result, price)), flush=True)
    if result.did == scenario.NOTHING:
        honest["SMS"] += attackers.messages()[0]
        honest["sign-ins"] += people.finished_sign_ins()
        honest["asked again"] += result.honest.asked_again
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return int(result.honest.refused)


if __name__ == "__main__":
    sys.exit(main())
