"""People who sign in all the while, and what they saw while one thing was done."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from tests.services.browser import Browser, location, style_sheet_of
from tests.services.portal import Portal

AT_ONCE, PAUSE = 2, 1.0  # people at once; seconds between two sign-ins of one of them
# The same in what lasts longer than ten minutes: all are new browsers of one account, whose SMS of a day are limited.
LONG_SECONDS, LONG_PAUSE = 600, 3.0


LOST = {404, *range(500, 600)}


@dataclass
class Phase:
    """What was seen while one thing was done."""

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
    seconds: float = 0

    @property
    def failed(self) -> int:
        """Requests that no page answered, an error of ours, or a file that is not there."""
        return sum(count for status, count in self.statuses.items() if not status.isdigit() or int(status) in LOST)

    def expect(self, truth: object, what: str) -> None:
        if not truth:
            self.broken.append(what)


class Load:
    """People who sign in, two at a time, until told to stop."""

    def __init__(self, portal: Portal, member: Callable[[], Browser]) -> None:
        self.portal, self.member = portal, member
        self.phases = [Phase("warm-up", "")]
        self.over = threading.Event()
        self.pause = PAUSE
        self.threads = [threading.Thread(target=self._go_on) for _ in range(AT_ONCE)]
        for thread in self.threads:
            thread.start()

    def slow_down(self, seconds: float) -> None:
        """Have people come less often while something lasts so many seconds."""
        self.pause = LONG_PAUSE if seconds > LONG_SECONDS else PAUSE

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _go_on(self) -> None:
        while not self.over.wait(self.pause):
            browser, phase = self.member(), self.phases[-1]
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
        # A browser that has nothing of the page yet.
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
