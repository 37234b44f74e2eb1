"""The portal as production runs it: gunicorn, a Celery worker, the poller; each a process of its own."""

import itertools
import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing

from tests.services import fake_sinch, fake_twilio, seed
from tests.services.browser import Browser
from tests.services.parts import Broker, Database
from tests.services.programs import BASE_DIR, PATIENCE, Program, clean_environment, free_port, listens, module, wait_for
from tests.services.seed import NEWCOMERS, number_of


class Gateway:
    """A fake gateway, seen from the test."""

    def __init__(self, folder: Path, program: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.program = Program(*module(program, str(port)), log=folder / f"{program}.log")
        self.program.start(lambda: listens(port))

    def will_answer(self, to: str, *answers: str) -> None:
        """Set the answers to the next messages for a number; the last one stays."""
        requests.post(f"{self.url}/control/answers", json={"to": to, "answers": answers}, timeout=PATIENCE / 3)

    def release(self) -> None:
        """Let go whatever is on hold."""
        requests.post(f"{self.url}/control/release", timeout=PATIENCE / 3)

    def received(self, to: str) -> list[dict[str, Any]]:
        """Return the requests for a number, oldest first."""
        found: list[dict[str, Any]] = requests.get(
            f"{self.url}/control/received", {"to": to}, timeout=PATIENCE / 3
        ).json()
        return found

    def wait_for(self, to: str, count: int = 1, seconds: float = PATIENCE / 3) -> list[dict[str, Any]]:
        """Wait until so many requests for a number have come."""

        def enough() -> list[dict[str, Any]] | None:
            found = self.received(to)
            return found if len(found) >= count else None

        return wait_for(enough, seconds, meaning=f"SMS {count} to {to}")

    def token(self, to: str, count: int = 1, seconds: float = PATIENCE / 3) -> str:
        """Return the token of the n-th message to a number."""
        return digits(self.wait_for(to, count, seconds)[count - 1]["Body"])


class Twilio(Gateway):
    """The fake Twilio."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, fake_twilio.__name__)

    def report(self, request: dict[str, Any], status: str, code: str = "") -> int:
        """Report what became of a request, signed as Twilio signs; return the HTTP status it was answered with."""
        fields = {"MessageSid": request["sid"], "MessageStatus": status, "To": request["To"]}
        return fake_twilio.report(request["StatusCallback"], {**fields, **({"ErrorCode": code} if code else {})})


class Sinch(Gateway):
    """The fake Sinch. Numbers have no plus there; here they do."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, fake_sinch.__name__)


class Mail:
    """The mail server, seen from the test."""

    def __init__(self, folder: Path, name: str = "mail") -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.port = free_port()
        command = module("tests.services.smtp_recorder", str(self.port), self.folder)
        self.program = Program(*command, log=folder / f"{name}.log")
        self.start()

    def start(self) -> None:
        self.program.start(lambda: listens(self.port))

    def will_answer(self, to: str, *answers: str) -> None:
        """Set the answers to the next messages for an address; the last one stays, an empty one takes them."""
        draft = self.folder / "answers.new"  # the server may read meanwhile
        draft.write_text(json.dumps({to: answers}))
        draft.replace(self.folder / "answers.json")

    def received(self, to: str) -> list[dict[str, Any]]:
        entries = [json.loads(path.read_text()) for path in sorted(self.folder.glob("[0-9]*.json"))]
        return [entry for entry in entries if to in entry["to"]]

    def wait_for(self, to: str, seconds: float = PATIENCE / 3) -> dict[str, Any]:
        return wait_for(lambda: self.received(to), seconds, meaning=f"e-mail to {to}")[-1]


def digits(text: str) -> str:
    """Return the token in a text."""
    found = re.search(r"(?<!\d)\d{6}(?!\d)", text)
    assert found, f"no token in {text!r}"
    return found[0]


def production(*, database_url: str, broker_url: str, twilio_url: str, mail_port: int, port: int) -> dict[str, str]:
    """Return the whole environment of a production on this machine, over plain HTTP."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "TOKEN_KEY": secrets.token_urlsafe(50),
        "FACTOR_KEYS": secrets.token_urlsafe(50),
        "PUBLIC_URL": f"http://localhost:{port}",
        "ALLOWED_HOSTS": "localhost",
        "DATABASE_URL": database_url,
        "REDIS_URL": broker_url,
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
        "SMS_GATEWAYS": "twilio",
        "TWILIO_ACCOUNT_SID": fake_twilio.SID,
        "TWILIO_AUTH_TOKEN": fake_twilio.AUTH_TOKEN,
        "TWILIO_MESSAGING_SERVICE_SID": fake_twilio.SERVICE,
        "TWILIO_API_URL": twilio_url,
        "METRICS_TOKEN": METRICS_TOKEN,
    }


GUNICORN = Path(sys.executable).with_name("gunicorn")  # by its own name: it starts itself anew at USR2
METRICS_TOKEN = "metrics-token-of-the-tests"


# As behind a pooler, the database says how long a statement and a lock may take. Here it says nothing, so a request
# that waits for a test on a busy machine is not ended after the 2 s of a lock that ship.
PATIENT = {"DATABASE_POOLER": "on", "DATABASE_PREPARED": "on"}


def with_sinch(url: str) -> dict[str, str]:
    """Return what a production with a second gateway sets besides."""
    return {
        "SMS_GATEWAYS": "twilio,sinch",
        "SINCH_SERVICE_PLAN_ID": fake_sinch.PLAN,
        "SINCH_API_TOKEN": fake_sinch.API_TOKEN,
        "SINCH_FROM": fake_sinch.SENDER,
        "SINCH_API_URL": url,
    }


@dataclass(frozen=True)
class Release:
    """The code of another release, the Python that has its packages, and what is in its environment besides."""

    code: Path
    python: Path
    env: dict[str, str]

    def command(self, words: Sequence[str | Path]) -> list[str | Path]:
        """Return a command of ours as this release's own: its program stands beside its Python."""
        return [self.python.with_name(Path(words[0]).name), *words[1:]]


class Portal:
    """One installation: its own database, broker and keys."""

    # Of all portals together, so that no number ever gets the messages of two.
    members, newcomers = itertools.count(), itertools.count()

    def __init__(
        self,
        folder: Path,
        *,
        database: Database,
        broker: Broker,
        own_broker: bool,
        twilio: Twilio,
        mail: Mail,
        **more: str,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.database, self.broker, self.twilio, self.mail = folder, database, broker, twilio, mail
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        self.secrets: set[str] = {fake_twilio.AUTH_TOKEN}
        environment = production(
            database_url=database.url,
            broker_url=broker.url,
            twilio_url=twilio.url,
            mail_port=mail.port,
            port=self.port,
        )
        self.env = clean_environment(**{**environment, **more})
        self.secrets |= {self.env["SECRET_KEY"], self.env["TOKEN_KEY"], self.env["FACTOR_KEYS"]}
        self.programs: list[Program] = []
        self.own_broker = own_broker
        self.intruded: set[str] = set()

    def program(self, name: str, *command: str | Path, release: "Release | None" = None) -> Program:
        """Add a program of this installation, or of another release beside it; it is not started yet."""
        env, cwd = (self.env, BASE_DIR) if release is None else (self.env | release.env, release.code)
        words = command if release is None else release.command(command)
        program = Program(*words, log=self.folder / f"{name}-{len(self.programs)}.log", env=env, cwd=cwd)
        self.programs.append(program)
        return program

    def start_web(self, workers: int = 1, *more: str, release: "Release | None" = None) -> Program:
        """Start gunicorn with so many processes; 0 leaves their number to the portal, as the image does."""
        options = ["--config", "python:messaging.gunicorn"]
        if release:  # of before there was one
            options = ["--worker-class", "gthread", "--threads", "8", "--no-control-socket"]
        if workers:
            options += ["--workers", str(workers)]
        options += ["--bind", f"127.0.0.1:{self.port}", *more]
        web = self.program("web", GUNICORN, *options, "messaging.wsgi", release=release)
        web.start(self._answers)
        return web

    def _answers(self) -> bool:
        return listens(self.port) and requests.get(f"{self.base}/healthz", timeout=PATIENCE).ok

    def start_worker(self, concurrency: int = 10, *, ready: bool = True, release: "Release | None" = None) -> Program:
        options = ["--pool", "threads", "--concurrency", str(concurrency), "--queues", "tokens,links,notices"]
        options += ["--loglevel", "WARNING", "--without-mingle", "--without-gossip"]

        command = module("celery", "--quiet", "--app", "messaging", "worker", *options)
        worker = self.program("worker", *command, release=release)
        others = self.broker.consumers() if ready else set()
        worker.start((lambda: self.broker.consumers() - others) if ready else None)
        return worker

    @contextmanager
    def worker(self) -> Iterator[Program]:
        """Start a worker for a while."""
        worker = self.start_worker()
        yield worker
        worker.kill()

    def start_poller(self, *options: str) -> Program:
        poller = self.program("poller", sys.executable, "manage.py", "deliver_pending", *options)
        poller.start()
        return poller

    def manage(self, *arguments: str, seconds: float = 2 * PATIENCE) -> "subprocess.CompletedProcess[str]":
        return manage(self.env, *arguments, seconds=seconds)

    def member(self) -> Browser:
        """Return a member with a phone, whom no other test has met."""
        index = next(self.members)
        assert index < seed.ENROLLED, "seed more members"
        return self._browser(f"u{index:03d}", number_of(index))

    def newcomer(self) -> Browser:
        """Return a member without a phone, whom no other test has met."""
        index = next(self.newcomers)
        assert index < NEWCOMERS, "seed more newcomers"
        return self._browser(f"n{index:03d}", f"+5521987{index:06d}")

    def administrator(self) -> Browser:
        """Return the account's administrator, who has no phone."""
        return self._browser("a000", f"+5531987{next(self.newcomers):06d}")

    def _browser(self, login: str, number: str) -> Browser:
        self.secrets.add(number[1:])
        return Browser(self.base, login, number, self.secrets)

    def token(self, browser: Browser, count: int = 1, seconds: float = PATIENCE / 3) -> str:
        """Return the token of a browser's n-th SMS."""
        token = self.twilio.token(browser.number, count, seconds)
        self.secrets.add(token)
        return token

    def messages_to(self, destination: str) -> list[tuple[str, int, str]]:
        """Return state, tries and error of the messages to a number or an address, oldest first."""
        statement = "SELECT state, tries, error FROM delivery_message WHERE destination = %s ORDER BY id"
        return [(row[0], row[1], row[2]) for row in self.database.rows(statement, destination)]

    def wait_for_state(self, destination: str, state: str, tries: int, error: str | None = None) -> None:
        """Wait until the one message to a number or an address has come so far."""

        def reached() -> bool:
            ((now, tried, reason),) = self.messages_to(destination)
            return (now, tried) == (state, tries) and error in {None, reason}

        wait_for(reached, meaning=f"{state} after {tries}: {self.messages_to(destination)}")

    def challenges_of(self, browser: Browser) -> list[tuple[int, bool, bool]]:
        """Return attempts, verified and superseded of a person's challenges, oldest first."""
        statement = """
            SELECT attempts, verified_at IS NOT NULL, superseded_at IS NOT NULL FROM twofactor_challenge
            WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s) ORDER BY id"""
        rows = self.database.rows(statement, browser.login)
        return [(row[0], bool(row[1]), bool(row[2])) for row in rows]

    def phones_of(self, browser: Browser) -> list[str]:
        statement = """
            SELECT number FROM twofactor_phonedevice
            WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s)"""
        return [row[0] for row in self.database.rows(statement, browser.login)]

    def wait_for_a_sender(self) -> None:
        """Wait until a worker's sweep or a poller has looked for messages once."""
        wait_for(lambda: self.database.rows("SELECT name FROM delivery_heartbeat"), meaning="a sender's first look")

    def close_circuits(self) -> None:
        """Use every gateway again at once, as if its probe had gone through."""
        self.database.rows("DELETE FROM delivery_opencircuit RETURNING name")
        self.database.rows("DELETE FROM delivery_gatewayfailure RETURNING name")

    def unblock_ranges(self) -> None:
        """Send to every range of numbers again, as if the twelve hours were over."""
        self.database.rows("DELETE FROM delivery_blockedprefix RETURNING prefix")

    def open_circuits(self) -> dict[str, str]:
        """Return which gateways are not used, and why."""
        return dict(self.database.rows("SELECT name, fault FROM delivery_opencircuit"))

    def end_leases(self) -> None:
        """Let every lease and every wait for another try be over, as if its seconds had passed."""
        statement = "UPDATE delivery_message SET leased_until = created_at WHERE state = 'sending' RETURNING id"
        self.database.rows(statement)

    def intruders(self) -> set[str]:
        """Return the ids of people who hold a session that is in without ever having proved a factor (Q-05)."""
        rows = self.database.rows("SELECT session_data FROM accounts_session")
        signed_in = {person for row in rows if (person := self._person_of(row[0]))}
        proved = self.database.rows("""
            SELECT user_id FROM twofactor_challenge WHERE verified_at IS NOT NULL
            UNION SELECT user_id FROM twofactor_pendingsignin WHERE completed_at IS NOT NULL""")
        return signed_in - {str(row[0]) for row in proved}

    def _person_of(self, session_data: str) -> str:
        salt = "django.contrib.sessions.SessionStore"
        key = self.env["SECRET_KEY"]
        fallbacks: list[str | bytes] = [*self.env.get("SECRET_KEY_FALLBACKS", "").split(",")]
        content = signing.loads(session_data, key=key, salt=salt, serializer=JSONSerializer, fallback_keys=fallbacks)
        return str(content.get("_auth_user_id", ""))

    def metric(self, name: str) -> float:
        """Return the value of one of Prometheus' metrics, named with its labels."""
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        text = requests.get(f"{self.base}/metrics", headers=headers, timeout=PATIENCE / 3).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert found, f"no {name} in {text}"
        return float(found[1])

    def logs(self) -> str:
        return "\n".join(program.written() for program in self.programs)

    def stop(self) -> None:
        """End everything at once: how programs end by themselves is tested where it matters."""
        if any(program.process for program in self.programs):
            self.intruded |= self.intruders()
        for program in self.programs:
            program.kill()
        if self.own_broker:
            self.broker.program.kill()


def manage(env: dict[str, str], *arguments: str, seconds: float = 2 * PATIENCE) -> "subprocess.CompletedProcess[str]":
    """Run a management command to its end."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, check=False, cwd=BASE_DIR, env=env, capture_output=True, text=True, timeout=seconds)


def now() -> float:
    """Return the clock that the fakes write down too."""
    return time.time()


def host(url: str) -> str:
    """Return host and port of an address."""
    return urlsplit(url).netloc
