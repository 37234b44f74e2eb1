"""The installation of a trial: the last release's portal behind nginx, with as many people as asked for."""

import argparse
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.trial.load import Load, Phase
from benchmarks.trial.report import line
from tests.services import large, releases
from tests.services.browser import Browser
from tests.services.parts import Broker, Postgres
from tests.services.portal import GUNICORN, Mail, Portal, Release, Twilio
from tests.services.programs import Program, wait_for
from tests.services.proxy import BEHIND, Front, proxied

ENROLLED = 6000  # people who sign in; the others only fill the tables
CALM = 8.0  # seconds of each phase at least
OTHERS = 1_000_000_000  # the id of the account of the others
# An account like the first one, whatever columns the release's own table has.
ACCOUNT = """
    INSERT INTO accounts_account
    SELECT (jsonb_populate_record(account, jsonb_build_object('id', %(account)s::bigint, 'name', 'Rede'))).*
    FROM accounts_account AS account ORDER BY id LIMIT 1"""
SIGN_INS = """
    INSERT INTO twofactor_pendingsignin (user_id, session_hash, auth_hash, created_at, expires_at, next_url,
        introduced, mailbox_proved, switches_policy_on, sends, sends_allowed)
    SELECT id, md5(id::text), '', now() - interval '1 day', now() - interval '1 day', '', true, false, false, 0, 0
    FROM accounts_user WHERE account_id = %(account)s"""


@dataclass
class Trial:
    """One installation, and the operations on it."""

    portal: Portal
    postgres: Postgres
    listener: socket.socket
    options: argparse.Namespace
    front: Front
    first: int  # the id of one of many people; 0 where there are few
    phases: list[Phase] = field(default_factory=list)
    load: Load | None = None

    @contextmanager
    def phase(self, name: str, promise: str) -> Iterator[Phase]:
        assert self.load
        phase = Phase(name, promise)
        self.load.phases.append(phase)
        self.phases.append(phase)
        print(f"{name} …", flush=True)
        yield phase
        time.sleep(max(0.0, CALM - (time.monotonic() - phase.began)))
        phase.seconds = time.monotonic() - phase.began
        print(line(phase), *phase.broken, flush=True)

    def member(self) -> Browser:
        """Return a member with a phone who has not signed in yet, at the proxy."""
        return self.front.visit(self.portal.member())

    def web(self, release: Release | None = None) -> Program:
        """Start gunicorn on a socket that outlives it, as systemd's socket units do."""
        before = ["--worker-class", "gthread", "--threads", "8", "--keep-alive", "5", "--no-control-socket"]
        how = before if release else ["--config", "python:messaging.gunicorn"]
        how += ["--workers", "2", "--bind", f"fd://{self.listener.fileno()}"]
        web = self.portal.program("web", GUNICORN, *how, "messaging.wsgi", release=release)
        web.pass_fds = (self.listener.fileno(),)
        web.start()
        wait_for(lambda: "Booting worker" in web.written(), 30, meaning="a new gunicorn")
        time.sleep(3)  # until its processes have loaded the portal
        return web

    def restart(self, web: Program, workers: list[Program]) -> Program:
        """Restart each worker, then web, as systemd does: the port waits while there is no gunicorn; return web."""
        for number, worker in enumerate(list(workers)):
            worker.ask_to_stop()
            worker.ended(40)
            workers[number] = self.portal.start_worker()
        web.ask_to_stop()
        web.ended(60)
        return self.web()


@contextmanager
def installation(options: argparse.Namespace) -> Iterator[tuple[Trial, Release]]:
    """Yield an installation with the last release's database; of its programs only the servers run."""
    with tempfile.TemporaryDirectory(prefix="messaging-trial-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as a user of its own
        postgres = Postgres(folder / "postgres")
        stack.callback(postgres.stop)
        portal = Portal(folder / "portal", database=postgres.create("trial"), **around(folder, stack))
        stack.callback(portal.stop)
        release = releases.unpack(folder)
        releases.run(release, {**portal.env, "SEED_ENROLLED": str(ENROLLED)}, "-m", "tests.services.seed")
        first = fill(portal.database.url, options.people)
        done = portal.manage("collectstatic", "--noinput")
        assert done.returncode == 0, done.stderr
        listener = socket.create_server(("127.0.0.1", portal.port), backlog=2048)
        stack.callback(listener.close)
        front = stack.enter_context(proxied(folder / "nginx", portal))
        for place in (release.env["VAR_DIR"], portal.env["VAR_DIR"]):  # as docs/operations.md says
            shutil.copytree(Path(place) / "static", front.kept / "static", dirs_exist_ok=True)
        yield Trial(portal, postgres, listener, options, front, first), release


def around(folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Start the servers around a portal, until the stack ends; return their addresses in the portal's form."""
    twilio, mail = Twilio(folder), Mail(folder)
    stack.callback(twilio.program.stop, 1)
    stack.callback(mail.program.stop, 1)
    broker = Broker(folder / "broker")
    return {
        "broker": broker,
        "own_broker": True,
        "twilio": twilio,
        "mail": mail,
        "VAR_DIR": str(folder / "var"),
        **BEHIND,
    }


def fill(url: str, people: int) -> int:
    """Write so many people into the last release's schema, with as many events, messages and sign-ins of each.

    Return the id of one of them; 0 when none are asked for.
    """
    if not people:
        return 0
    print(f"{people:,} people …", flush=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ACCOUNT.encode(), {"account": OTHERS})
    facts = {"account": OTHERS, "letter": "p", "people": people, "events": people, "messages": people}
    first = large.fill_account(url, large.PEOPLE, large.PHONES, SIGN_INS, **facts)
    large.settle(url)
    return first
