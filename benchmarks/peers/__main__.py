"""Sign in with two factors by other people's code, by the bare framework and by ours.

python -m benchmarks.peers [NAME …] [--rounds N]

Installs the peers into a temporary virtual environment, starts PostgreSQL, Redis, a fake gateway and one project after
the other on loopback (gunicorn, two sync workers, the same cheap hasher for all), and prints medians and quartiles of
the ratios to the bare framework inside a round; the order rotates from round to round. Five minutes; with fewer rounds
it is a trial. For a sign-in it prints the processor time of web, worker, PostgreSQL and Redis apart, too.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from benchmarks.peers import browsers
from benchmarks.processes import cpu_seconds
from tests.services.parts import Broker, Postgres
from tests.services.portal import production
from tests.services.programs import BASE_DIR, Program, clean_environment, free_port, listens, module

PACKAGES = [
    "Django==5.2.19",
    "django-two-factor-auth[phonenumbers]==1.18.1",
    "django-allauth==65.21.1",
    "django-otp==1.7.5",
    "celery[redis]==5.7.0",
    "gunicorn~=27.0",
    "psycopg[binary]==3.3.9",
    "requests",
]
ROUNDS, SIGN_INS, SLOW_SIGN_INS, PAGES = 5, 30, 5, 150
# Before the first that counts. A prepared statement has its plan for good at its eighth run on a connection; with 12,
# some of the two processes' were still planned in those that count.
WARM = 30
GATEWAY_SECONDS = 0.3
# As it ships, but for the kind of its processes, which is everybody's here.
CONFIGURATION = ["--config", "python:messaging.gunicorn", "--worker-class", "sync", "--threads", "1"]
PEOPLE = 900
SERVER_CPU = "sign-in: server CPU, ms"
PARTS = ("web", "worker", "PostgreSQL", "Redis")
PROJECTS: dict[str, type[browsers.Browser]] = {
    "bare": browsers.Bare,
    "two_factor_auth": browsers.TwoFactorAuth,
    "allauth_code": browsers.Allauth,
    "otp_email": browsers.OtpEmail,
    "reference": browsers.Reference,
    "ours": browsers.Ours,
}


@dataclass
class Project:
    """A project with its database, and its measurements, one value a round."""

    name: str
    python: str
    environment: dict[str, str]
    gateway: str
    folder: Path
    servers: dict[str, Program]  # PostgreSQL and Redis, shared by all projects, of which one runs at a time
    met: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, value: float) -> None:
        self.figures.setdefault(what, []).append(value)

    def browser(self, base: str) -> browsers.Browser:
        self.met += 1
        return PROJECTS[self.name](base, self.gateway, self.met - 1)

    def programs(self, port: int, env: dict[str, str]) -> dict[str, Program]:
        """Return the project's own processes: web and, if it has one, its worker."""
        log = self.folder / f"{self.name}.log"
        command = [
            self.python,
            "-m",
            "gunicorn",
            "--workers",
            "2",
            "--no-control-socket",
            "--bind",
            f"127.0.0.1:{port}",
            *(CONFIGURATION if self.name == "ours" else []),
        ]
        programs = {"web": Program(*command, "django.core.wsgi:get_wsgi_application()", log=log, env=env)}
        if app := {"ours": "messaging", "reference": "benchmarks.peers.projects.worker"}.get(self.name):
            options = ["--pool", "threads", "--concurrency", "16", "--loglevel", "WARNING", "--without-mingle"]
            queues = ["--queues", "tokens,links,notices"] if self.name == "ours" else []
            worker = [self.python, "-m", "celery", "--app", app, "worker", *options, *queues]
            programs["worker"] = Program(*worker, log=log, env=env)
        return programs

    @contextmanager
    def running(self, **more: str) -> Iterator[tuple[str, Callable[[], dict[str, float]]]]:
        """Run the project; return its address, and a clock of the processor time of its parts and its servers."""
        port = free_port()
        programs = self.programs(port, {**self.environment, **more})
        try:
            for program in programs.values():
                program.start(lambda: listens(port))
            base = f"http://localhost:{port}"
            for _ in range(WARM):  # imports, connections, templates and statements, in both web processes
                self.browser(base).sign_in()
            parts = {**programs, **self.servers}
            pids = {part: program.process.pid for part, program in parts.items() if program.process}
            yield base, lambda: {part: cpu_seconds(pid) for part, pid in pids.items()}
        finally:
            for program in programs.values():
                program.kill()


def measure(project: Project) -> None:
    """Measure one round of a project."""
    with project.running() as (base, cpu):
        began = cpu()
        for _ in range(SIGN_INS):
            project.browser(base).sign_in()
        used = {part: (seconds - began[part]) / SIGN_INS * 1000 for part, seconds in cpu().items()}
        project.note(SERVER_CPU, sum(used.values()))
        for part, milliseconds in used.items():
            project.note(f"{SERVER_CPU} of {part}", milliseconds)
        inside = project.browser(base)
        inside.sign_in()
        began, waits = cpu(), []
        for _ in range(PAGES):
            start = time.perf_counter()
            inside.get(inside.page)
            waits.append(time.perf_counter() - start)
        project.note("page: server CPU, ms", (sum(cpu().values()) - sum(began.values())) / PAGES * 1000)
        project.note("page: p50 of one client, ms", statistics.median(waits) * 1000)
        project.note("page: requests/s of four clients", pages_per_second(inside))
        measure_waits(project, base)


def pages_per_second(inside: browsers.Browser) -> float:
    path = inside.base + inside.page
    cookies = inside.session.cookies.get_dict()

    def load(_: int) -> None:
        with requests.Session() as session:
            for _ in range(PAGES // 4):
                assert session.get(path, cookies=cookies, timeout=30, allow_redirects=False).status_code == 200

    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, range(4)))
    return PAGES // 4 * 4 / (time.perf_counter() - began)


def measure_waits(project: Project, base: str) -> None:
    if project.name == "bare":
        return
    requests.post(f"{project.gateway}/seconds/{GATEWAY_SECONDS}", timeout=5)
    try:
        waits = [project.browser(base).sign_in() for _ in range(SLOW_SIGN_INS)]
    finally:
        requests.post(f"{project.gateway}/seconds/0", timeout=5)
    project.note("send: wait at a gateway of 300 ms, ms", statistics.median(waits) * 1000)


def measure_own_hasher(project: Project) -> None:
    """Sign in with each project's default hasher. The first sign-in hashes the stored password again with it."""
    with project.running(OWN_HASHER="1") as (base, _cpu):
        waits = []
        for _ in range(SLOW_SIGN_INS):
            browser = project.browser(base)
            browser.sign_in()
            again = type(browser)(base, project.gateway, browser.number)
            again.sign_in()
            waits.append(again.waited)
    project.note("sign-in with its own hasher: wait for answers, ms", statistics.median(waits) * 1000)


def count_statements(project: Project) -> None:
    with project.running(COUNT_SQL="1") as (base, _cpu):
        browser = project.browser(base)
        browser.sign_in()
        signing_in = tuple(browser.statements)
        browser.get(browser.page)
        page = browser.statements[0] - signing_in[0]
    print(f"  {project.name:<16} {signing_in[0]:>3} + {signing_in[1]:<3} a gated page {page}", flush=True)


def report(projects: list[Project]) -> None:
    """Print each figure with its ratio to the bare framework, then the processor time of a sign-in by its parts."""
    bare = projects[0].figures
    of_parts = {f"{SERVER_CPU} of {part}" for part in PARTS}
    for what in dict.fromkeys(what for project in projects for what in project.figures if what not in of_parts):
        print(f"\n{what}: median [quartiles]; ratio to bare inside a round: median [quartiles]")
        for project in projects:
            if values := project.figures.get(what):
                ratios = [value / floor for value, floor in zip(values, bare.get(what, []), strict=False)]
                print(f"  {project.name:<16} {spread(values, 1)}   {spread(ratios, 2) if ratios else ''}")
    print(f"\n{SERVER_CPU}, by part: medians{'':<7}" + "".join(f"{part:>12}" for part in PARTS))
    for project in projects:
        print(f"  {project.name:<41}" + "".join(of_part(project, part) for part in PARTS))


def of_part(project: Project, part: str) -> str:
    values = project.figures.get(f"{SERVER_CPU} of {part}")
    return f"{statistics.median(values):12.1f}" if values else f"{'-':>12}"


def spread(values: list[float], digits: int) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:8.{digits}f} [{low:.{digits}f} {high:.{digits}f}]"


def install(folder: Path) -> str:
    """Install the peers from the package registry into an environment of their own; return its Python."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, stdout=sys.stderr)
    return python


def prepare(name: str, python: str, postgres: Postgres, broker: Broker, gateway: str, folder: Path) -> Project:
    addresses = {"broker_url": broker.url, "twilio_url": gateway}
    database = postgres.create(name)
    settings = production(database_url=database.url, mail_port=1, port=free_port(), **addresses)
    environment = clean_environment(**settings, VAR_DIR=str(folder / "var"), PYTHONPATH=str(BASE_DIR))
    environment["DJANGO_SETTINGS_MODULE"] = f"benchmarks.peers.projects.{name}"
    environment["SEED_ENROLLED"] = str(PEOPLE)
    seed = ["tests.services.seed"] if name == "ours" else ["benchmarks.peers.projects.seed", str(PEOPLE)]
    subprocess.run([python, "-m", *seed], check=True, cwd=BASE_DIR, env=environment)
    servers = {"PostgreSQL": postgres.program, "Redis": broker.program}
    return Project(name, python, environment, gateway, folder, {part: one for part, one in servers.items() if one})


def run(folder: Path, postgres: Postgres, broker: Broker, gateway: str) -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="*", choices=[*PROJECTS, []])
    asked.add_argument("--rounds", type=int, default=ROUNDS, help="two or more")
    options = asked.parse_args()
    theirs = install(folder / "venv")
    wanted = [one for one in PROJECTS if one == "bare" or one in options.names or not options.names]
    pythons = {one: sys.executable if one == "ours" else theirs for one in wanted}
    projects = [prepare(one, pythons[one], postgres, broker, gateway, folder) for one in wanted]
    print("SQL statements of a whole sign-in (+ of transactions)", flush=True)
    for project in projects:
        count_statements(project)
    for turn in range(options.rounds):
        for project in projects[turn:] + projects[:turn]:
            measure(project)
            if project.name in {"bare", "ours"}:
                measure_own_hasher(project)
    report(projects)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="messaging-peers-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres, broker, port = Postgres(folder / "postgres"), Broker(folder / "broker"), free_port()
        gateway = Program(*module("benchmarks.peers.gateway", str(port)), log=folder / "gateway.log")
        try:
            gateway.start(lambda: listens(port))
            run(folder, postgres, broker, f"http://127.0.0.1:{port}")
        finally:
            gateway.kill()
            broker.program.kill()
            postgres.stop()


if __name__ == "__main__":
    main()
