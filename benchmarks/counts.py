"""The cost of a sign-in in counts, which other load on the machine does not change: ``python -m benchmarks.counts``.

Python calls of the web process, statements as PostgreSQL counts them, its planning and its WAL without page images. Its
times are printed beside them and mean less. Below them are the calls of Python and C by package.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.services.conftest import fill
from tests.services.counted_sign_ins import PACKAGE
from tests.services.counting import counting_database, counting_server, counts
from tests.services.parts import Broker
from tests.services.portal import Mail, Portal, Twilio

PEOPLE = 10


def count(*settings: str, **options: str) -> dict[str, dict[str, Any]]:
    """Return what a sign-in costs in a portal of its own; ``settings`` are NAME=VALUE, ``options`` those of counts."""
    environment = dict(setting.split("=", 1) for setting in settings)
    with tempfile.TemporaryDirectory(prefix="messaging-counts-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as a user of its own
        server = counting_server(folder / "postgres")
        stack.callback(server.stop)
        twilio, mail, broker = Twilio(folder), Mail(folder), Broker(folder / "broker")
        for program in (twilio.program, mail.program, broker.program):
            stack.callback(program.stop, 1)
        fill(server.create("counts").url, folder / "var")
        database = counting_database(server, "counts")
        portal = Portal(
            folder / "portal",
            database=database,
            broker=broker,
            own_broker=False,
            twilio=twilio,
            mail=mail,
            VAR_DIR=str(folder / "var"),
        )
        return counts(portal, PEOPLE, **options, **environment)


def main(*settings: str) -> None:
    found = count(*settings)
    names = [name for name in found["sign-in"] if not name.startswith(PACKAGE)]
    print(f"{'':<10}" + "".join(f"{name:>14}" for name in names))
    for part, facts in found.items():
        print(f"{part:<10}" + "".join(f"{facts[name]:>14,.2f}" for name in names))
    _print_packages({part: facts for part, facts in found.items() if facts["calls"]})


def _print_packages(found: dict[str, dict[str, Any]]) -> None:
    print(f"\n{'calls':<24}" + "".join(f"{part:>10}" for part in found))
    whole = found["sign-in"]
    most = sorted((name for name in whole if name.startswith(PACKAGE)), key=lambda name: -whole[name])
    for name in most:
        numbers = "".join(f"{facts.get(name, 0):>10,.0f}" for facts in found.values())
        print(f"{name.removeprefix(PACKAGE):<24}{numbers}")


if __name__ == "__main__":
    main(*sys.argv[1:])
