"""Programs that start and end together, also when the process that started them is killed."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Refusal(Exception):
    """A reason to end, worded for the person at the terminal."""


class Stopped(Exception):
    """A request to end: Ctrl-C or a termination signal."""


class Supervisor:
    """Programs that start and end together, the last started ending first."""

    def __init__(self) -> None:
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.ask_to_stop)

    def ask_to_stop(self, *_: object) -> None:
        """Store the request; the loop that waits acts on it."""
        self.stopping = True

    def start(
        self,
        name: str,
        *command: str | Path,
        stdin: int = subprocess.DEVNULL,
        stderr: int | None = None,
    ) -> None:
        """Start a program in a process group of its own, out of reach of the terminal's Ctrl-C."""
        self.programs[name] = subprocess.Popen(
            command,
            cwd=BASE_DIR,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=end_with(os.getpid()),  # noqa: PLW1509 (no threads here)
        )

    def wait(self, ready: Callable[[], bool], seconds: float = float("inf")) -> bool:
        """Wait until a program is ready; tell whether it was in time. Raises Stopped when a program ends."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.stopping:
                raise Stopped
            if ready():
                return True
            for name, program in self.programs.items():
                if program.poll() is not None:
                    raise Refusal(f"The {name} ended (code {program.returncode}); stopping.")
            time.sleep(0.05)
        return False

    def run(self, name: str, *command: str | Path) -> None:
        """Run a program to its end."""
        self.start(name, *command)
        program = self.programs.pop(name)
        try:
            self.wait(lambda: program.poll() is not None)
        finally:
            end(program)
        if program.returncode:
            raise Refusal(f"The {name} failed; the reason stands above.")

    def drop(self, name: str) -> None:
        """End a program that did not start, and remove it from the list."""
        if program := self.programs.pop(name, None):
            end(program)

    def stop(self) -> None:
        """End every program, the broker last."""
        for program in reversed(self.programs.values()):
            end(program)


def end(program: subprocess.Popen[bytes]) -> None:
    """Ask a program to end; after four seconds kill it and whatever it left running."""
    program.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(4)
    # The group outlives a leader that was killed: gunicorn's workers would go on.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def end_with(parent: int) -> Callable[[], None] | None:
    """Return what a child runs before the program: it asks the kernel for TERM when its parent is gone.

    None where the kernel cannot do that (macOS): there a killed supervisor leaves its programs behind.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded before the fork, so that the child only calls it

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent was killed meanwhile
            os._exit(1)

    return ask
