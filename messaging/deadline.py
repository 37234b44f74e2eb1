"""A hard cap on calls that leave the process."""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as DeadlinePassed
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

__all__ = ["DeadlinePassed", "within"]


def within(seconds: float, call: Callable[[], T]) -> T:
    """Run ``call`` and give up after ``seconds`` of wall-clock time, whatever it is doing.

    A read time-out counts per read: a server that dripped one byte at a time held a call with ``timeout=1``
    for 20 s (security.md G-01). Raises DeadlinePassed; the abandoned thread ends with its socket.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 (handed to the caller, who decides)
            future.set_exception(error)

    Thread(target=run, name="within", daemon=True).start()
    return future.result(timeout=seconds)
