"""The parts, started once and shared; the portals, one for each module that breaks things."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import seed
from tests.services.parts import Broker, Database, Postgres, SqliteDatabase
from tests.services.portal import Mail, Portal, Sinch, Twilio, production
from tests.services.programs import BASE_DIR, clean_environment


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("services")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Return a folder for everything. PostgreSQL's own user walks into it, so it is none of pytest's.

    Any other run of pytest makes the folder above its own ones private again.
    """
    with tempfile.TemporaryDirectory(prefix="messaging-services-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder / "postgres")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def broker(folder: Path) -> Iterator[Broker]:
    broker = Broker(folder / "broker")
    yield broker
    broker.program.stop()


@pytest.fixture(scope="session")
def twilio(folder: Path) -> Iterator[Twilio]:
    twilio = Twilio(folder)
    yield twilio
    twilio.program.stop()


@pytest.fixture(scope="session")
def sinch(folder: Path) -> Iterator[Sinch]:
    sinch = Sinch(folder)
    yield sinch
    sinch.program.stop()


@pytest.fixture(scope="session")
def mail(folder: Path) -> Iterator[Mail]:
    pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed: no mail server")
    mail = Mail(folder)
    yield mail
    mail.program.stop()


@pytest.fixture(scope="session")
def var_dir(folder: Path) -> Path:
    return folder / "var"


@pytest.fixture(scope="session")
def seeded(postgres: Postgres, var_dir: Path) -> Postgres:
    """Fill the database that the portals' own are copies of."""
    fill(postgres.create("seed").url, var_dir)
    return postgres


def fill(database_url: str, var_dir: Path) -> None:
    addresses = {"broker_url": "redis://127.0.0.1:1/0", "twilio_url": "http://127.0.0.1:1"}
    environment = production(database_url=database_url, mail_port=1, port=1, **addresses)
    env = clean_environment(**environment, VAR_DIR=str(var_dir))
    subprocess.run([sys.executable, "-m", seed.__name__], cwd=BASE_DIR, env=env, check=True)


MakePortal = Callable[..., Portal]


@pytest.fixture(scope="session")
def make_portal(
    folder: Path, var_dir: Path, seeded: Postgres, broker: Broker, twilio: Twilio, mail: Mail
) -> Iterator[MakePortal]:
    """Make installations with a database of their own; nothing of theirs is started yet."""
    made: list[Portal] = []

    def make(
        name: str,
        *,
        own_broker: bool = False,
        database: Database | None = None,
        own_mail: Mail | None = None,
        **more: str,
    ) -> Portal:
        portal = Portal(
            folder / name,
            database=database or seeded.create(name, like="seed"),
            broker=Broker(folder / f"{name}-broker") if own_broker else broker,
            own_broker=own_broker,
            twilio=twilio,
            mail=own_mail or mail,
            VAR_DIR=str(var_dir),
            **more,
        )
        made.append(portal)
        return portal

    yield make
    for portal in made:
        portal.stop()
    # Q-05 and J-02: after everything that the tests did.
    assert {portal.folder.name: portal.intruded for portal in made if portal.intruded} == {}
    assert {portal.folder.name: leaked for portal in made if (leaked := shown(portal))} == {}


@pytest.fixture(scope="session")
def portal(make_portal: MakePortal) -> Portal:
    """Return the installation of those who break nothing: web, worker, broker, PostgreSQL."""
    portal = make_portal("portal")
    portal.start_web(workers=2)
    portal.start_worker()
    return portal


@pytest.fixture(scope="session")
def sqlite_portal(make_portal: MakePortal, folder: Path, var_dir: Path) -> Portal:
    """Return an installation on a SQLite file; the poller sends."""
    database = SqliteDatabase(folder / "portal.sqlite3")
    fill(database.url, var_dir)
    portal = make_portal("sqlite", database=database)
    portal.start_web(workers=2)
    portal.start_poller("--interval", "0.1")
    return portal


def holds(text: str, secret: str) -> bool:
    """Tell whether a text shows a secret as a word of its own: six digits may be part of a time or an id."""
    return re.search(rf"(?<![\w.\-]){re.escape(secret)}(?![\w\-])", text) is not None


# Gunicorn tells the numbers of its processes, and one of six digits may be somebody's token.
NUMBER_OF_A_PROCESS = re.compile(r"pid: ?\d+|(?<=Listening at: http://127\.0\.0\.1:\d{5} )\(\d+\)")


def shown(portal: Portal) -> set[str]:
    """Return which secrets stand in a portal's logs."""
    logs = NUMBER_OF_A_PROCESS.sub("", portal.logs())
    return {secret for secret in portal.secrets if holds(logs, secret)}
