"""Time a first visit to the sign-in page and to each pop-up on a bad connection, with Chromium's own tracing.

    python -m benchmarks.page_load

Every request waits 400 ms for its answer, all of them share 400 kbit/s, and the processor is four times slower:
Chromium's own emulation. It leaves out the handshakes of a new connection (TCP and TLS 1.3: two more round trips,
0.8 s). On a busy machine run it from a shell of its own after ``echo -19 > /proc/self/autogroup``.
"""

import itertools
import json
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import QUIET
from tests.browser.person import Person
from tests.browser.portal import Portal, wait_for
from tests.browser.seed import Household
from tests.browser.ways_in import ARRIVALS

ROUND_TRIP_MS, BYTES_PER_SECOND, SLOWER = 400, 400_000 // 8, 4
ROUNDS, BUDGET_MS = 5, 2500
TRIES, PATIENCE_MS = 3 * ROUNDS, 30_000
PAINTED = "performance.getEntriesByName('first-contentful-paint').length"


def marks(trace: bytes, address: str) -> tuple[float, float] | None:
    """Return when a page's first words were shown, and when its scripts had run as well and it was usable (ms).

    None when the trace began too late to have the visit's own beginning.
    """
    events = json.loads(trace)["traceEvents"]
    beginnings = [
        event
        for event in events
        if event["name"] == "navigationStart" and event["args"]["data"]["documentLoaderURL"].startswith(address)
    ]
    if not beginnings:
        return None
    begun = beginnings[0]
    frame, navigation = begun["args"]["frame"], begun["args"]["data"]["navigationId"]
    words = next(
        event["ts"]
        for event in events
        if event["name"] == "firstContentfulPaint" and event["args"]["data"]["navigationId"] == navigation
    )
    scripts = max(
        event["ts"]
        for event in events
        if event["name"] == "domContentLoadedEventEnd" and event["args"]["frame"] == frame
    )
    return (words - begun["ts"]) / 1000, (max(words, scripts) - begun["ts"]) / 1000


def visit(browser: Browser, portal: Portal, path: str, state: Any) -> tuple[float, float] | None:
    """Visit a page for the first time, with an empty cache and the cookies of a person in the middle of a sign-in."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="pt-BR", storage_state=state)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("about:blank")
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    slow = {"offline": False, "latency": ROUND_TRIP_MS, "downloadThroughput": BYTES_PER_SECOND}
    devtools.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": BYTES_PER_SECOND})
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    browser.start_tracing(page=page, categories=["blink.user_timing", "loading"])
    page.goto(portal.base + path)
    wait_for(
        lambda: page.evaluate(PAINTED) or None, "the first words"
    )  # wait_for_function needs what the Content-Security-Policy forbids
    trace = browser.stop_tracing()
    context.close()
    return marks(trace, portal.base + path)


def visits(browser: Browser, portal: Portal, path: str, state: Any) -> list[tuple[float, float]]:
    """Return the marks of as many visits as a median needs; fewer if too many could not be read."""
    tried = (visit(browser, portal, path, state) for _ in range(TRIES))
    return list(itertools.islice(filter(None, tried), ROUNDS))


def people(browser: Browser, portal: Portal, households: list[Household]) -> Iterator[tuple[str, Any]]:
    """Bring a person to each page, and return the page's path with that person's cookies."""
    for number, (path, (state, reach)) in enumerate(ARRIVALS.items()):
        household = next(household for household in households if household.state == state)
        households.remove(household)
        context = browser.new_context(extra_http_headers={"X-Forwarded-For": f"203.0.113.{number}"})
        person = Person(portal, context, household.bob, household.bobs_number)
        reach(person)
        yield path, person.state()
        context.close()


def main() -> None:
    """Print a table; every figure is the median of five first visits."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        print("page load: Chromium was not found (apt-get install chromium)")
        return
    expect.set_options(timeout=20_000)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        portal = Portal(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
            report(browser, portal)
        finally:
            portal.stop()


def report(browser: Browser, portal: Portal) -> None:
    """Visit every page, and print a line of each."""
    print(f"first visit at {ROUND_TRIP_MS} ms, 400 kbit/s, {SLOWER} x slower processor (ms); budget {BUDGET_MS}")
    print(f"{'words':>8} {'usable':>8}  page")
    for path, state in people(browser, portal, portal.seed()):
        rounds = visits(browser, portal, path, state)
        if not rounds:
            raise SystemExit(f"page load: none of {TRIES} traces of {path} could be read")
        words, usable = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{words:8.0f} {usable:8.0f}  {path}{'' if usable <= BUDGET_MS else '  OVER'}", flush=True)


main()
