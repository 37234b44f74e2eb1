"""A hard cap on calls that leave the process."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as DeadlinePassed
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")

__all__ = ["DeadlinePassed", "TooManyCalls", "within"]

# More than the threads of any worker: it fills only when calls hang and do not come back.
MOST_THREADS = 512


class TooManyCalls(Exception):
    """Every thread is held by a call, so this one was not made."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Run ``call`` and give up after ``seconds`` of wall-clock time, whatever it is doing.

    A read time-out counts per read: a server that dripped one byte at a time held a call with ``timeout=1``
    for 20 s (G-01). Raises DeadlinePassed; the call goes on in its thread until its socket ends.
    Raises TooManyCalls, without making the call, when ``MOST_THREADS`` of them are held.
    """
    runner = _runner()
    future: Future[T] = Future()
    runner.calls.put((call, future))
    return future.result(timeout=seconds)


def _runner() -> "Runner":
    try:
        return _idle.pop()
    except IndexError:
        pass
    with _starting:
        if len(_runners) >= MOST_THREADS:
            raise TooManyCalls
        runner = Runner()
        runner.start()  # before it is counted: it may fail
        _runners.append(runner)
        return runner


class Runner(Thread):
    """A thread that makes one call after another: to start one for each call costs as much as a statement.

    Only those that came back are used again, so a call that hangs holds up nobody but its own thread.
    """

    def __init__(self) -> None:
        super().__init__(name="within", daemon=True)
        self.calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()

    def run(self) -> None:
        while True:
            call, future = self.calls.get()
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 (handed to the caller, who decides)
                future.set_exception(error)
            del call, future  # nothing of a message is kept until the next one comes
            _idle.append(self)


_idle: deque[Runner] = deque()
_runners: list[Runner] = []
_starting = Lock()
