"""Sign in with two factors by other people's code, by the bare framework and by ours.

python -m benchmarks.peers [NAME …]

Installs the peers into a virtual environment that is thrown away, starts PostgreSQL, Redis, a fake gateway and one
project after the other on loopback (gunicorn, two sync workers, the same cheap hasher for all), and prints medians and
quartiles of ratios to the bare framework taken inside a round; the order turns from round to round. Five minutes.
"""

import os
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
ROUNDS, WARM, SIGN_INS, SLOW_SIGN_INS, PAGES = 5, 6, 15, 5, 150
GATEWAY_SECONDS = 0.3
PEOPLE = 250
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
    """A project with its database, and what was measured of it, a value a round."""

    name: str
    python: str
    environment: dict[str, str]
    gateway: str
    folder: Path
    servers: list[Program]  # PostgreSQL and Redis, which all projects share and one at a time uses
    met: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, value: float) -> None:
        self.figures.setdefault(what, []).append(value)

    def browser(self, base: str) -> browsers.Browser:
        self.met += 1
        return PROJECTS[self.name](base, self.gateway, self.met - 1)

    @contextmanager
    def running(self, **more: str) -> Iterator[tuple[str, Callable[[], float]]]:
        """Run the project; return its address, and a clock of the processor time of its processes and its servers."""
        port = free_port()
        env = {**self.environment, **more}
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
        ]
        programs = [Program(*command, "django.core.wsgi:get_wsgi_application()", log=log, env=env)]
        if app := {"ours": "messaging", "reference": "benchmarks.peers.projects.worker"}.get(self.name):
            options = ["--pool", "threads", "--concurrency", "16", "--loglevel", "WARNING", "--without-mingle"]
            queues = ["--queues", "tokens,links,notices"] if self.name == "ours" else []
            worker = [self.python, "-m", "celery", "--app", app, "worker", *options, *queues]
            programs.append(Program(*worker, log=log, env=env))
        try:
            for program in programs:
                program.start(lambda: listens(port))
            base = f"http://localhost:{port}"
            for _ in range(WARM):  # imports, connections, templates and statements, in both web processes
                self.browser(base).sign_in()
            yield base, lambda: sum(cpu_seconds(program) for program in programs + self.servers)
        finally:
            for program in programs:
                program.kill()


def cpu_seconds(program: Program) -> float:
    """Return the processor time of a program and its children: of its process group, or such as have left it.

    PostgreSQL's have: each has a session of its own. Those that ended count with the program that waited for them.
    """
    assert program.process
    own, ticks = str(program.process.pid), 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            _state, parent, group, *times = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        used, of_the_ended = times[8:10], times[10:12]
        if own in {parent, group}:
            ticks += sum(map(int, used))
        if path.parent.name == own:
            ticks += sum(map(int, of_the_ended))
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(project: Project) -> None:
    """Measure one round of a project."""
    with project.running() as (base, cpu):
        began = cpu()
        for _ in range(SIGN_INS):
            project.browser(base).sign_in()
        project.note("sign-in: server CPU, ms", (cpu() - began) / SIGN_INS * 1000)
        inside = project.browser(base)
        inside.sign_in()
        began, waits = cpu(), []
        for _ in range(PAGES):
            start = time.perf_counter()
            inside.get(inside.page)
            waits.append(time.perf_counter() - start)
        project.note("page: server CPU, ms", (cpu() - began) / PAGES * 1000)
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
    """Sign in with the hasher that each has by default. A first sign-in brings the kept password up to it."""
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
    bare = projects[0].figures
    for what in projects[-1].figures:
        print(f"\n{what}: median [quartiles]; ratio to bare inside a round: median [quartiles]")
        for project in projects:
            if values := project.figures.get(what):
                ratios = [value / floor for value, floor in zip(values, bare.get(what, []), strict=False)]
                print(f"  {project.name:<16} {spread(values, 1)}   {spread(ratios, 2) if ratios else ''}")


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
    seed = ["tests.services.seed"] if name == "ours" else ["benchmarks.peers.projects.seed", str(PEOPLE)]
    subprocess.run([python, "-m", *seed], check=True, cwd=BASE_DIR, env=environment)
    servers = [program for program in (postgres.program, broker.program) if program]
    return Project(name, python, environment, gateway, folder, servers)


def run(folder: Path, postgres: Postgres, broker: Broker, gateway: str) -> None:
    theirs = install(folder / "venv")
    wanted = [one for one in PROJECTS if one == "bare" or one in sys.argv[1:] or not sys.argv[1:]]
    pythons = {one: sys.executable if one == "ours" else theirs for one in wanted}
    projects = [prepare(one, pythons[one], postgres, broker, gateway, folder) for one in wanted]
    print("SQL statements of a whole sign-in (+ of transactions)", flush=True)
    for project in projects:
        count_statements(project)
    for turn in range(ROUNDS):
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
