"""What a first visit costs: the sign-in page and each pop-up within 30 kB and 6 requests, from nobody else, and still.

Bytes are those of the bodies as they travelled, compressed. The favicon, which a headless browser asks for when
it likes, is counted in. How long it takes is measured by ``benchmarks/page_load.py``; times are no tests.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Response

from tests.browser.arrivals import ARRIVALS
from tests.browser.conftest import Complaints, Fresh, Visit
from tests.browser.tour import TOURS

MOST_BYTES, MOST_REQUESTS = 30_000, 6
FAVICON = 255
# How far things moved by themselves, as Chromium's own measure of it counts: from the first paint on.
SHIFT = """() => new Promise((tell) => {
    let moved = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (moved += entry.value)))
        .observe({ type: "layout-shift", buffered: true });
    setTimeout(() => tell(moved), 300);
})"""

PORTAL_SHEET = Path(__file__).resolve().parents[2] / "static" / "css" / "portal.css"
# The rules of a sheet that are for anything on the page; nothing where the page has that sheet.
MISSED = """(text) => {
    if (document.querySelector("link[rel=stylesheet][href*='/portal.']")) return null;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    const flat = (rules) => [...rules].flatMap((rule) => (rule.selectorText ? [rule] : flat(rule.cssRules ?? [])));
    return flat(sheet.cssRules)
        .map((rule) => rule.selectorText)
        .filter((selector) => document.querySelector(selector.replace(/::[\\w-]+/g, "")));
}"""


class Scales:
    """Weigh what one page fetches."""

    def __init__(self, devtools: CDPSession) -> None:
        self.bytes, self.requests = FAVICON, 1
        devtools.on("Network.dataReceived", self._receive)
        devtools.on("Network.responseReceived", self._answer)
        devtools.send("Network.enable")

    def _receive(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]

    def _answer(self, event: dict[str, Any]) -> None:
        url = event["response"]["url"]
        self.requests += not (url.startswith(("data:", "blob:")) or url.endswith(".svg"))


@pytest.mark.parametrize("path", ARRIVALS)
def test_a_first_visit_is_light_and_stands_still(visit: Visit, fresh: Fresh, path: str) -> None:
    state, reach = ARRIVALS[path]
    household = fresh(state)
    bob = visit(household.bob, household.bobs_number)
    reach(bob)
    cold = visit(
        household.bob, household.bobs_number, storage_state=bob.state(), viewport={"width": 390, "height": 844}
    )
    scales = Scales(cold.context.new_cdp_session(cold.page))
    cold.go(path)
    cold.page.wait_for_load_state("networkidle")
    if path in {"/entrar/telefone/", "/entrar/canal/"}:
        cold.tick_captcha()  # which fetches its worker

    assert (scales.requests <= MOST_REQUESTS, scales.bytes <= MOST_BYTES) == (True, True), vars(scales)
    assert cold.page.evaluate(SHIFT) == 0


def test_what_is_before_the_door_does_without_the_portals_sheet(
    visit: Visit, fresh: Fresh, complaints: Complaints
) -> None:
    alice = TOURS["administrator"].seat(visit, fresh)
    text = PORTAL_SHEET.read_text()
    missed = {stop: alice.page.evaluate(MISSED, text) for stop in TOURS["administrator"].stops(alice)}
    complaints.forgive("404")
    without = {stop: rules for stop, rules in missed.items() if rules is not None}

    assert {"entrar", "introducao", "telefone", "canal, locked", "token", "senha, forgotten", "404"} <= set(without)
    assert {"tela inicial", "minha conta", "confirmar, password"} <= set(missed) - set(without)
    assert {stop: rules for stop, rules in without.items() if rules} == {}


def test_static_files_are_compressed_and_kept_for_good(visit: Visit, fresh: Fresh) -> None:
    person = visit(fresh("on").bob)
    answers: list[Response] = []
    person.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 (Playwright wraps functions only)
    person.go("/entrar/")
    person.page.wait_for_load_state("networkidle")
    files = [answer for answer in answers if answer.url.endswith((".css", ".js"))]  # the icon comes when it likes

    assert len(files) == 2  # app.css holds what it imports
    for answer in files:
        assert answer.headers["content-encoding"] == "gzip", answer.url
        assert answer.headers["cache-control"] == "max-age=315360000, public, immutable", answer.url
