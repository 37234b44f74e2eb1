"""Programs that tests start beside themselves: each in a process group of its own, on a free port, stopped again."""

import contextlib
import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

BASE_DIR = Path(__file__).resolve().parents[2]
# Seconds for what has no limit of its own, such as a program's start: other programs may keep this machine busy.
PATIENCE = 180
T = TypeVar("T")


# Below those that systems give to connections, and of each process of a test run its own: between the choice of a port
# and the start of who listens there, nobody else is given it.
_EACH = 1500
_FIRST = 20_000 + _EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8)
_ports = itertools.cycle(range(_FIRST, _FIRST + _EACH))
for _ in range(secrets.randbelow(_EACH)):  # another run on this machine begins elsewhere
    next(_ports)


def free_port() -> int:
    """Return a loopback port that nobody listens on, and that this process was not given before."""
    for port in itertools.islice(_ports, _EACH):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what: Callable[[], T | None], seconds: float = PATIENCE / 3, *, meaning: str = "") -> T:
    """Return the first true answer of ``what``; fail when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        if found := what():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing after {seconds:g} s: {meaning or what}")
        time.sleep(0.03)


def clean_environment(**variables: str) -> dict[str, str]:
    """Return an environment that has nothing of the developer's or of pytest's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


class Program:
    """One program, and what it wrote."""

    def __init__(
        self,
        *command: str | Path,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: Path = BASE_DIR,
    ) -> None:
        self.command = command
        self.cwd = cwd
        self.log = log
        self.env = clean_environment() if env is None else env
        self.user = user
        self.pass_fds: tuple[int, ...] = ()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], object] | None = None, seconds: float = PATIENCE) -> None:
        """Start it, and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                pass_fds=self.pass_fds,
            )
        if ready:
            wait_for(lambda: self._runs() and ready(), seconds, meaning=f"start of {self.command}")

    def _runs(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise AssertionError(f"{self.command} ended with {self.process.returncode}: {self.written()}")
        return True

    def written(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def signal(self, number: int) -> None:
        """Send a signal to the whole group: SIGSTOP and SIGCONT freeze and thaw it."""
        assert self.process
        os.killpg(self.process.pid, number)

    def ask_to_stop(self) -> None:
        assert self.process
        self.process.terminate()

    def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for its own end; return the exit code."""
        assert self.process
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it and its children as a power cut would."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self, seconds: float = 5) -> None:
        """Ask it to end, and see to it that it does."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGCONT)
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
            self.kill()


def module(name: str, *arguments: str | Path) -> list[str | Path]:
    """Return the command that runs one of our modules."""
    return [sys.executable, "-m", name, *arguments]
