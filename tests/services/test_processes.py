"""Programs as processes: what they write, that they are alive, and that they end with whoever started them."""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.services.browser import at_once
from tests.services.conftest import MakePortal
from tests.services.portal import Portal, manage
from tests.services.programs import PATIENCE, Program, clean_environment, free_port, listens, module, wait_for
from tests.services.seed import PASSWORD


def descendants(pid: int) -> set[int]:
    """Return the processes below a process. One that ends meanwhile has none."""
    found: set[int] = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found |= {child} | descendants(child)
    return found


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[tuple[Program, int, dict[str, str]]]:
    """Have ``make run`` on a port of its own; return also the environment that an operator's terminal has."""
    port = free_port()
    terminal = clean_environment(VAR_DIR=str(tmp_path / "var"))
    program = Program(*module("messaging.embedded"), log=tmp_path / "run.log", env={**terminal, "PORT": str(port)})
    program.start(lambda: "Ctrl-C stops it." in program.written())
    yield program, port, terminal
    program.stop()


def test_a_killed_supervisor_leaves_nothing_behind(embedded: tuple[Program, int, dict[str, str]]) -> None:
    """O-15."""
    program, port, _terminal = embedded
    assert program.process
    children = descendants(program.process.pid)
    assert len(children) >= 4  # broker, worker, gunicorn and its process
    os.kill(program.process.pid, signal.SIGKILL)
    wait_for(lambda: not any(runs(child) for child in children), meaning="the end of what it started")
    assert not listens(port)


def test_doctor_means_the_portal_that_runs(embedded: tuple[Program, int, dict[str, str]]) -> None:
    """O-16: beside ``make run PORT=…``: its port and its broker, without a word of either."""
    program, port, terminal = embedded
    said_of({**terminal, "EMBEDDED": "1"}, f"ok      Public address: http://localhost:{port}/entrar/ answers.")
    said_of({**terminal, "EMBEDDED": "1"}, "ok      Broker: it answers.")
    running = Path(terminal["VAR_DIR"], "running.env")
    assert running.stat().st_mode & 0o077 == 0
    program.stop(PATIENCE)
    assert not running.exists()


def said_of(env: dict[str, str], sentence: str) -> None:
    """Ask the doctor until it says so: it waits for an answer for seconds only, and a busy machine needs more."""
    wait_for(lambda: sentence in manage(env, "doctor").stdout, meaning=sentence)


def test_every_line_that_a_program_writes_is_json_from_its_start_on(make_portal: MakePortal, folder: Path) -> None:
    """O-16."""
    portal: Portal = make_portal("lines", own_broker=True)
    web, worker = portal.start_web(), portal.start_worker()
    assert requests.get(f"{portal.base}/entrar/", timeout=PATIENCE).ok
    for program in (web, worker):
        program.stop(PATIENCE)
        lines = program.written().splitlines()
        assert [line for line in lines if not line.startswith("{")] == []
        assert all(json.loads(line)["at"].endswith("+00:00") for line in lines)
    assert "Booting worker" in web.written()


def test_doctor_tells_a_portal_that_slow_clients_reach(make_portal: MakePortal) -> None:
    """O-12: half a request is refused by the portal itself, and held back by a proxy that buffers."""
    portal: Portal = make_portal("open")
    portal.start_web()
    said_of(portal.env, "look    Proxy: half a request reaches the portal")
    with socket.create_server(("127.0.0.1", 0)) as proxy:  # takes everything and passes nothing on
        portal.env["PUBLIC_URL"] = f"http://localhost:{proxy.getsockname()[1]}"
        assert "ok      Proxy: it passes on complete requests only." in portal.manage("doctor").stdout


def test_a_web_process_keeps_the_memory_of_one_hash_however_many_threads_it_has(make_portal: MakePortal) -> None:
    """O-14: 19 MiB stay with each thread that ever hashed a password; eight threads serve, one hashes."""
    portal: Portal = make_portal("memory")
    web = portal.start_web()
    assert web.process
    (worker,) = descendants(web.process.pid)
    browsers = [portal.member() for _ in range(24)]
    for browser in browsers[:1]:
        browser.post_password()
    before = resident(worker)
    for eight in (browsers[start : start + 8] for start in range(0, 24, 8)):
        for browser in eight:
            browser.get("/entrar/")
        fields = [{"username": browser.login, "password": PASSWORD} for browser in eight]
        at_once([partial(one.post_at_once, "/entrar/", **field) for one, field in zip(eight, fields, strict=True)])
    assert resident(worker) - before < 32  # one hash and what eight threads need; two are 43
    assert resident(worker) < 140


def resident(pid: int) -> float:
    """Return the memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def is_stopped(program: Program) -> bool:
    assert program.process
    states = [path.read_text() for path in Path(f"/proc/{program.process.pid}/task").glob("*/stat")]
    return {state.rpartition(")")[2].split()[0] for state in states} == {"T"}


def test_a_worker_shows_that_it_looks_for_messages(make_portal: MakePortal, tmp_path: Path) -> None:
    """O-16: the health check of the compose file: a file that is touched with each look."""
    alive = tmp_path / "alive"
    portal: Portal = make_portal("alive", own_broker=True, ALIVE_FILE=str(alive))
    worker = portal.start_worker()
    wait_for(alive.exists, meaning="the first look")
    first = alive.stat().st_mtime
    wait_for(lambda: alive.stat().st_mtime > first, meaning="another look")
    worker.signal(signal.SIGSTOP)
    wait_for(lambda: is_stopped(worker), meaning="the stop of each of its threads")
    frozen = alive.stat().st_mtime
    wait_for(lambda: time.time() > frozen + 5, meaning="some time")
    assert alive.stat().st_mtime == frozen
    worker.signal(signal.SIGCONT)
