"""People who sign in, each in a new browser, and the time of each click."""

import itertools
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from benchmarks.peers import browsers

MOST_AT_ONCE = 100  # of people who come at a fixed rate


class Person(browsers.Ours):
    """A person who signs in by SMS, from the sign-in page to the first page after it, in a browser with the script."""

    page = "/"

    def __init__(self, base: str, read_token: Callable[[str], str], number: int) -> None:
        super().__init__(base, "", number)
        self.read_token = read_token
        self.clicks: list[float] = []  # seconds

    def _ask(self, *request: Any) -> requests.Response:
        before = self.waited
        try:
            return super()._ask(*request)
        finally:
            self.clicks.append(self.waited - before)

    def token(self) -> str:
        """Return the text that was sent to this person's phone."""
        return self.digits(self.read_token(self.receiver))


@dataclass
class Run:
    """The results of some people's sign-ins."""

    signed_in: int = 0
    seconds: float = 0
    clicks: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    cpu: dict[str, float] = field(default_factory=dict)  # seconds, by part
    client: float = 0  # seconds of the client's processor time, which is not the portal's
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def a_second(self) -> float:
        return self.signed_in / self.seconds

    def milliseconds(self, seconds: float) -> float:
        """Return seconds of all sign-ins as milliseconds of each."""
        return seconds / self.signed_in * 1000

    def click(self, percent: int) -> float:
        """Return the milliseconds within which so many per cent of the clicks were answered."""
        return statistics.quantiles(self.clicks, n=100, method="inclusive")[percent - 1] * 1000


class Crowd:
    """People who have not signed in yet, one after the other; ``processor`` returns the time of each part so far."""

    def __init__(
        self,
        base: str,
        numbers: Iterator[int],
        read_token: Callable[[str], str],
        processor: Callable[[], dict[str, float]],
    ) -> None:
        self.base, self.numbers, self.read_token, self.processor = base, numbers, read_token, processor

    def at_once(self, wide: int, people: int, most_seconds: float) -> Run:
        """Let people sign in, so many at any time, until all are in or the time is over."""
        left, ends = itertools.count(), time.monotonic() + most_seconds

        def one_after_the_other(run: Run) -> None:
            while time.monotonic() < ends and next(left) < people:
                self._sign_in(run)

        return self._run(wide, one_after_the_other, [0] * wide)

    def steadily(self, a_second: float, people: int) -> Run:
        """Let so many people come a second, whatever the answers take."""
        return self._run(MOST_AT_ONCE, self._sign_in, [number / a_second for number in range(people)])

    def _run(self, wide: int, come: Callable[[Run], None], when: list[float]) -> Run:
        """Let people come, each at a given second, in so many threads."""
        run, before, began, client = Run(), self.processor(), time.monotonic(), time.process_time()
        with ThreadPoolExecutor(wide) as pool:
            coming = []
            for second in when:
                time.sleep(max(0, began + second - time.monotonic()))
                coming.append(pool.submit(come, run))
        for one in coming:
            one.result()
        run.seconds = time.monotonic() - began
        run.client = time.process_time() - client
        run.cpu = {part: used - before[part] for part, used in self.processor().items()}
        return run

    def _sign_in(self, run: Run) -> None:
        person, error = Person(self.base, self.read_token, next(self.numbers)), ""
        try:
            person.sign_in()
        except (AssertionError, requests.RequestException, IndexError) as failed:
            error = f"{type(failed).__name__}: {failed}"[:200]
        finally:
            person.session.close()
        with run.lock:
            run.clicks += person.clicks
            run.errors.update([error] if error else [])
            run.signed_in += not error
