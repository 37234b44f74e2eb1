"""Processes of this machine, from the kernel: their parents, and what each uses."""

import contextlib
import os
import time
from pathlib import Path


def children(pid: int) -> list[int]:
    """Return a process's descendants, nearest first."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            for child in map(int, task.read_text().split()):
                found += [child, *children(child)]
    return found


def memory(pid: int) -> tuple[str, float, float]:
    """Return a process's command and its resident and proportional memory in MiB."""
    command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return command, *(int(rows[key].split()[0]) / 1024 for key in ("Rss", "Pss"))  # type: ignore[return-value]


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and its descendants, in seconds.

    For running processes in nanoseconds, by their own clocks (clock_getcpuclockid(3)): ``/proc/PID/task/*/schedstat``
    has the same figure, but loses it with each thread that ends. For ended ones, such as PostgreSQL's connections, in
    hundredths.
    """
    return sum(_own(process) + _of_the_ended(process) for process in (pid, *children(pid)))


def _own(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:  # it ended meanwhile, and counts with the process that waited for it
        return 0


def _of_the_ended(pid: int) -> float:
    """Return the time of a process's children that ended and that it waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
