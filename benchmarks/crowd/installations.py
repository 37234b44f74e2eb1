"""The two ways to run the portal, with their people: as the image does on PostgreSQL, and as ``make run`` does."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import requests

from benchmarks.crowd.people import Crowd
from benchmarks.processes import children, cpu_seconds, memory
from benchmarks.soak.installation import fill
from tests.services.parts import Broker, Postgres
from tests.services.portal import Portal
from tests.services.programs import BASE_DIR, Program, clean_environment, free_port, listens, module, wait_for

WORKER_THREADS = 64  # as in the compose file
TOKEN_SECONDS = 30.0  # after which a token that has not arrived is an error
# One account and one network for everybody: the SMS of their day are not measured here.
SETTINGS = {"DJANGO_SETTINGS_MODULE": "benchmarks.crowd.settings", "LIMIT_SYSTEM": "1000000/86400"}
MB = 1.024**2  # times MiB


@dataclass
class Installation:
    """A running installation: its crowd, and its web processes."""

    crowd: Crowd
    web: list[int]

    def memory(self) -> tuple[float, float]:
        """Return the most that a web process has, resident and proportional, in MB."""
        sizes = [memory(pid)[1:] for pid in self.web]
        return max(size[0] for size in sizes) * MB, max(size[1] for size in sizes) * MB


def of_portal(portal: Portal, read_token: Callable[[str], str], postgres: Postgres) -> Installation:
    """Start web and worker of a portal as the image does; return it with the parts that are counted."""
    web, worker = portal.start_web(0), portal.start_worker(WORKER_THREADS)
    programs = {"web": web, "worker": worker, "PostgreSQL": postgres.program, "Redis": portal.broker.program}
    parts = {name: one.process.pid for name, one in programs.items() if one and one.process}
    return Installation(Crowd(portal.base, portal.members, read_token, clock(parts)), children(parts["web"]))


def clock(parts: dict[str, int]) -> Callable[[], dict[str, float]]:
    """Return a function that returns the processor time of each part so far."""
    return lambda: {name: cpu_seconds(pid) for name, pid in parts.items()}


@contextmanager
def production(people: int) -> Iterator[Installation]:
    """Run the portal as the image does, with PostgreSQL, Redis and a worker, all at their defaults."""
    with tempfile.TemporaryDirectory(prefix="messaging-crowd-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as a user of its own
        postgres, port = Postgres(folder / "postgres"), free_port()
        stack.callback(postgres.stop)
        gateway = Program(*module("benchmarks.peers.gateway", str(port)), log=folder / "gateway.log")
        stack.callback(gateway.kill)
        gateway.start(lambda: listens(port))
        database, url = postgres.create("crowd"), f"http://127.0.0.1:{port}"
        fill(database.url, folder / "var", people)
        portal = Portal(
            folder / "portal",
            database=database,
            broker=Broker(folder / "broker"),
            own_broker=True,
            twilio=SimpleNamespace(url=url),  # type: ignore[arg-type]
            mail=SimpleNamespace(port=1),  # type: ignore[arg-type]
            VAR_DIR=str(folder / "var"),
            **SETTINGS,
        )
        stack.callback(portal.stop)
        yield of_portal(portal, at_gateway(url), postgres)


def at_gateway(url: str) -> Callable[[str], str]:
    """Return a function that reads the last text for a number at the gateway of ``benchmarks.peers``."""
    sessions = threading.local()

    def read(number: str) -> str:
        session: requests.Session = sessions.__dict__.setdefault("kept", requests.Session())
        return wait_for(lambda: session.get(f"{url}/last/{number}", timeout=10).text, TOKEN_SECONDS, meaning="a token")

    return read


@contextmanager
def embedded(people: int) -> Iterator[Installation]:
    """Run the portal as ``make run`` does, on SQLite."""
    with tempfile.TemporaryDirectory(prefix="messaging-crowd-") as name:
        folder, port = Path(name), free_port()
        env = clean_environment(**SETTINGS, EMBEDDED="1", VAR_DIR=str(folder / "var"), PORT=str(port))
        seed = [sys.executable, "-m", "tests.services.seed"]
        subprocess.run(seed, check=True, cwd=BASE_DIR, env={**env, "SEED_ENROLLED": str(people)})
        program = Program(*module("messaging.embedded"), log=folder / "run.log", env=env)
        try:
            program.start(lambda: "Ctrl-C stops it." in program.written(), seconds=90)
            assert program.process
            parts = {part_of(pid): pid for pid in children(program.process.pid)[::-1]}
            tokens = in_outbox(folder / "var" / "outbox")
            crowd = Crowd(f"http://localhost:{port}", itertools.count(), tokens, clock(parts))
            yield Installation(crowd, children(parts["web"]))
        finally:
            program.stop()


def part_of(pid: int) -> str:
    command = memory(pid)[0]
    return next((name for word, name in (("gunicorn", "web"), ("celery", "worker")) if word in command), "Valkey")


def in_outbox(folder: Path) -> Callable[[str], str]:
    """Return a function that reads the text for a number in the embedded default's outbox; each file is read once."""
    texts: dict[str, str] = {}
    seen: set[str] = set()
    lock = threading.Lock()

    def look(number: str) -> str | None:
        with lock:
            for entry in os.scandir(folder) if folder.exists() else ():
                if entry.name not in seen and entry.name.endswith(".json"):
                    seen.add(entry.name)
                    message = json.loads(Path(entry).read_text())
                    texts[message["to"]] = message["text"]
            return texts.pop(number, None)

    return lambda number: wait_for(lambda: look(number), TOKEN_SECONDS, meaning="a token")
