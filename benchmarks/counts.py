"""What a sign-in costs in counts, which no other load on the machine changes: ``python -m benchmarks.counts``.

Python calls of the web process, statements as PostgreSQL counts them, its planning and its WAL without page images.
Times of PostgreSQL are beside them and mean less.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.services.conftest import fill
from tests.services.counting import counting_database, counting_server, counts
from tests.services.parts import Broker
from tests.services.portal import Mail, Portal, Twilio


def main(*settings: str) -> None:
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
        found = counts(portal, 10, **environment)
    names = list(found["sign-in"])
    print(f"{'':<10}" + "".join(f"{name:>14}" for name in names))
    for part, facts in found.items():
        print(f"{part:<10}" + "".join(f"{facts[name]:>14,.2f}" for name in names))


if __name__ == "__main__":
    main(*sys.argv[1:])
