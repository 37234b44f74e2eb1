"""What a first visit costs: the sign-in page and each pop-up within 30 kB and 7 requests, from nobody else, and still.

A page with a captcha may weigh 52 kB in 8 requests: ALTCHA's own widget weighs 29.5 kB and its worker 1.7.

Bytes are those of the bodies as they travelled, compressed. The favicon, which a headless browser asks for when
it likes, is counted in. How long it takes is measured by ``benchmarks/page_load.py``; times are no tests.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Response, Route

from tests.browser.conftest import Complaints, Fresh, Visit
from tests.browser.person import Person
from tests.browser.tour import TOURS
from tests.browser.ways_in import ARRIVALS

MOST_BYTES, MOST_REQUESTS = 30_000, 7
CAPTCHA_BYTES, CAPTCHA_REQUESTS = 22_000, 1
FAVICON = 255
# What moved by itself, as Chromium's own measure counts it: from the first paint on, which ``open_whole`` delays.
SHIFTS = """() => new Promise((tell) => {
    const moved = [];
    const place = ({ y, height }) => `${y} + ${height}`;
    new PerformanceObserver((list) => list.getEntries().forEach(({ value, startTime, hadRecentInput, sources }) => {
        const nodes = sources.map(({ node, previousRect, currentRect }) => [
            (node?.outerHTML ?? node?.data ?? "").slice(0, 200), place(previousRect), place(currentRect),
        ]);
        moved.push({ value, startTime, hadRecentInput, nodes });
    })).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => tell(moved), 300);
})"""
# Google calls 0.1 good. Of a page that a busy machine paints in two pieces a line moves by 4 px: 0.0001.
MOST_SHIFT = 0.001

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


def open_whole(person: Person, path: str) -> None:
    """Open a page whose style sheets come when it is parsed, so that it is painted whole.

    A busy machine paints a page in pieces, and a card in the middle of the window moves as it grows.
    """
    held: list[Route] = []
    person.page.route("**/*.css", lambda route: held.append(route))  # noqa: PLW0108 (Playwright wraps functions only)
    person.page.goto(person.portal.base + path, wait_until="commit")
    while person.page.evaluate("document.readyState") == "loading":
        person.page.wait_for_timeout(20)
    for route in held:
        route.continue_()
    person.page.unroute("**/*.css")
    person.page.wait_for_load_state("networkidle")


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
    open_whole(cold, path)
    most_bytes, most_requests = MOST_BYTES, MOST_REQUESTS
    if path in {"/entrar/telefone/", "/entrar/canal/"}:
        cold.tick_captcha()  # which fetches its worker
        most_bytes, most_requests = most_bytes + CAPTCHA_BYTES, most_requests + CAPTCHA_REQUESTS

    assert (scales.requests <= most_requests, scales.bytes <= most_bytes) == (True, True), vars(scales)
    shifts = cold.page.evaluate(SHIFTS)
    assert sum(shift["value"] for shift in shifts) < MOST_SHIFT, shifts


def test_sign_in_pages_do_not_load_the_portals_style_sheet(visit: Visit, fresh: Fresh, complaints: Complaints) -> None:
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

    assert len(files) == 3  # app.css, Pico, app.js; the captcha's only where there is one
    for answer in files:
        assert answer.headers["content-encoding"] == "gzip", answer.url
        assert answer.headers["cache-control"] == "max-age=315360000, public, immutable", answer.url
