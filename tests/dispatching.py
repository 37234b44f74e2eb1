"""A worker's dispatcher in the thread of a test, whose transaction other threads do not see."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from messaging.delivery.dispatcher import Dispatcher


class AtOnce(Executor):
    """Does what it is given in the thread that gives it."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(work(*args, **options))
        return done


def dispatcher(max_calls: int = 64) -> Dispatcher:
    """Return a dispatcher that a test turns itself; only gateways are called by other threads."""
    made = Dispatcher(max_calls)
    made.pool.shutdown()
    made.pool = AtOnce()  # type: ignore[assignment]
    return made


def finish(one: Dispatcher) -> None:
    """Turn a dispatcher until everything is sent and recorded."""
    one.events.put(None)  # else it would wait for ever where nothing is left to do
    one.turn()
    while one.calls or one.sent:
        one.turn()


def deliver(*message_ids: int) -> None:
    """Send these messages as a worker does."""
    one = dispatcher()
    one.take(*message_ids)
    finish(one)
