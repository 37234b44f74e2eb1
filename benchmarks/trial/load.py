"""People who keep signing in, and what they saw during one phase."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from tests.services.browser import Browser, location, style_sheet_of
from tests.services.portal import Portal

AT_ONCE, PAUSE = 2, 1.0  # people at once; seconds between two sign-ins of one of them
# The sign-ins during one outage, however long it is: each person signs in once, and all are new browsers of one
# account, whose SMS of a day are limited. So three outages and the longest upgrade leave people for the later phases.
MOST_IN_AN_OUTAGE = 1500

LOST = {404, *range(500, 600)}


@dataclass
class Phase:
    """What people saw during one phase."""

    name: str
    promise: str
    statuses: Counter[str] = field(default_factory=Counter)
    clicks: list[float] = field(default_factory=list)  # seconds from the click to the gateway
    slowest: float = 0
    signed_in: int = 0
    given_up: int = 0
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # sentences under the table
    began: float = field(default_factory=time.monotonic)
    last: float = 0  # when the last one signed in
    seconds: float = 0

    @property
    def failed(self) -> int:
        """Requests without an answer, with an error of the portal, or for a file that is not there."""
        return sum(count for status, count in self.statuses.items() if not status.isdigit() or int(status) in LOST)

    def expect(self, truth: object, what: str) -> None:
        if not truth:
            self.broken.append(what)


class Load:
    """People who sign in, two at a time, until told to stop."""

    def __init__(self, portal: Portal, member: Callable[[], Browser], *, people: int) -> None:
        self.portal, self.member = portal, member
        self.people = iter(range(people))  # who may still come
        self.phases = [Phase("warm-up", "")]
        self.over = threading.Event()
        self.pause = PAUSE
        self.threads = [threading.Thread(target=self._go_on) for _ in range(AT_ONCE)]
        for thread in self.threads:
            thread.start()

    @contextmanager
    def lasting(self, seconds: float) -> Iterator[None]:
        """Let people come so seldom that they last for a phase of so many seconds, up to its end."""
        self.pause = max(PAUSE, seconds * AT_ONCE / MOST_IN_AN_OUTAGE)
        try:
            yield
        finally:
            self.pause = PAUSE

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _go_on(self) -> None:
        while not self.over.wait(self.pause):
            phase = self.phases[-1]
            if next(self.people, None) is None:
                phase.expect(False, "nobody is left who could sign in")
                return
            browser = self.member()
            browser.session.hooks["response"].append(lambda response, *_, **__: self._note(response))
            try:
                self._sign_in(browser, phase)
            except requests.RequestException as error:
                self.phases[-1].statuses[type(error).__name__] += 1
                phase.given_up += 1
            except (AssertionError, KeyError, ValueError) as error:
                phase.given_up += 1
                print(f"        given up: {str(error)[:150]}", flush=True)

    def _note(self, response: requests.Response) -> None:
        phase = self.phases[-1]
        phase.statuses[str(response.status_code)] += 1
        phase.slowest = max(phase.slowest, response.elapsed.total_seconds())

    def _sign_in(self, browser: Browser, phase: Phase) -> None:
        # A browser with an empty cache.
        style = browser.get(style_sheet_of(browser.get("/entrar/").text))
        assert style.status_code == 200, f"{style.status_code}: the page's style sheet"
        location(browser.post_password())
        asked = browser.post_channel()
        clicked = time.time() - asked.elapsed.total_seconds()
        assert location(asked) == "/entrar/token/"
        token = self.portal.token(browser, seconds=30)
        phase.clicks.append(self.portal.twilio.received(browser.number)[0]["at"] - clicked)
        assert location(browser.post_token(token)) == "/"
        assert browser.is_in()
        phase.signed_in += 1
        phase.last = time.monotonic()
