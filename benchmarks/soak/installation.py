"""All parts of a production installation, on loopback, with people."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.services.parts import Broker, Postgres
from tests.services.portal import Mail, Portal, Twilio, production
from tests.services.programs import BASE_DIR, clean_environment


def fill(database_url: str, var_dir: Path, people: int) -> None:
    nowhere = {"broker_url": "redis://127.0.0.1:1/0", "twilio_url": "http://127.0.0.1:1"}
    environment = production(database_url=database_url, mail_port=1, port=1, **nowhere)
    env = clean_environment(**environment, VAR_DIR=str(var_dir), SEED_ENROLLED=str(people))
    subprocess.run([sys.executable, "-m", "tests.services.seed"], cwd=BASE_DIR, env=env, check=True)


@contextmanager
def installation(people: int) -> Iterator[Portal]:
    """Start all parts of a production installation, on loopback, and stop them again."""
    with tempfile.TemporaryDirectory(prefix="messaging-soak-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as a user of its own
        postgres = Postgres(folder / "postgres")
        stack.callback(postgres.stop)
        twilio, mail = Twilio(folder), Mail(folder)
        stack.callback(twilio.program.stop, 1)
        stack.callback(mail.program.stop, 1)
        broker = Broker(folder / "broker")
        stack.callback(broker.program.kill)
        database = postgres.create("soak")
        fill(database.url, folder / "var", people)
        parts: dict[str, Any] = {"database": database, "broker": broker, "twilio": twilio, "mail": mail}
        portal = Portal(folder / "portal", own_broker=True, **parts, VAR_DIR=str(folder / "var"))
        stack.callback(portal.stop)
        portal.start_web(workers=2)
        portal.start_poller()
        yield portal
