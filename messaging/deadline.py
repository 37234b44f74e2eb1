"""A hard cap on the time of calls that leave the process."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as DeadlinePassed
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")

__all__ = ["DeadlinePassed", "TooManyCalls", "begin", "within"]

# More than the threads of any worker: it is reached only when calls hang and do not return.
MAX_THREADS = 512


class TooManyCalls(Exception):
    """Every thread is occupied by a call, so this one was not made."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Run ``call`` and give up after ``seconds`` of wall-clock time, whatever it is doing.

    A read time-out counts per read: a server that sent one byte at a time held a call with ``timeout=1`` for 20 s
    (G-01). Raises DeadlinePassed; the call goes on in its thread until its socket ends. Raises TooManyCalls, without
    making the call, when ``MAX_THREADS`` of them are occupied.
    """
    return begin(call).result(timeout=seconds)


def begin(call: Callable[[], T]) -> "Future[T]":
    """Begin ``call`` in a thread of its own. Raises TooManyCalls."""
    runner = _runner()
    future: Future[T] = Future()
    runner.calls.put((call, future))
    return future


def _runner() -> "Runner":
    try:
        return _idle.pop()
    except IndexError:
        pass
    with _starting:
        if len(_runners) >= MAX_THREADS:
            raise TooManyCalls
        runner = Runner()
        runner.start()  # before it is counted, because it may fail
        _runners.append(runner)
        return runner


class Runner(Thread):
    """A thread that makes one call after another: starting one for each call costs as much as a statement.

    Only threads whose call has returned are used again, so a call that hangs occupies only its own thread.
    """

    def __init__(self) -> None:
        super().__init__(name="within", daemon=True)
        self.calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()

    def run(self) -> None:
        while True:
            call, future = self.calls.get()
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 (passed to the caller, who decides)
                future.set_exception(error)
            del call, future  # keeps no message in memory until the next call
            _idle.append(self)


_idle: deque[Runner] = deque()
_runners: list[Runner] = []
_starting = Lock()
