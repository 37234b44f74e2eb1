"""Nobody is kept out: axe finds nothing on any stop, in light and in dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Complaints, Fresh, Visit
from tests.browser.person import Person
from tests.browser.tour import tour

# Without its preload, which reads style sheets for rules we have no use for by writing inline ones.
AXE = "() => axe.run({resultTypes: ['violations'], preload: false})"


def violations(page: Page) -> list[str]:
    """Return what axe has against a page, in both colours."""
    page.evaluate(Axe().axe_script)
    return _violations(page, "light") + _violations(page, "dark")


def _violations(page: Page, scheme: str) -> list[str]:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    found = page.evaluate(AXE)["violations"]
    return [f"{scheme}: {_told(violation)}" for violation in found]


def _told(violation: dict[str, object]) -> str:
    nodes = violation["nodes"]
    assert isinstance(nodes, list)
    places = "; ".join(f"{node['html'][:160]} ({node['failureSummary'][:300]})" for node in nodes[:3])
    return f"{violation['id']}: {places}"


@pytest.fixture
def alice(visit: Visit, fresh: Fresh) -> Person:
    household = fresh("on")
    return visit(household.alice, household.alices_number)


def test_axe_finds_nothing_on_any_stop(alice: Person, complaints: Complaints) -> None:
    found = {}
    for stop in tour(alice):
        found[stop] = violations(alice.page)
        _says_what_it_is(alice.page, stop)

    complaints.forgive("404")
    assert len(found) > 20
    assert {stop: told for stop, told in found.items() if told} == {}


def _says_what_it_is(page: Page, stop: str) -> None:
    """Assert a title and one heading, which a screen reader reads first; a pop-up is named by it."""
    assert page.locator("h1").count() == 1, stop
    assert page.title() not in {"", "Messaging"}, stop
    if page.locator("dialog").count():
        named = page.get_by_role("dialog", name=page.locator("h1").inner_text(), exact=True)
        assert named.count() == 1, stop


def test_axe_can_find_something(alice: Person) -> None:
    alice.go("/entrar/")
    alice.page.evaluate("document.querySelector('label').remove()")

    assert [told.split(":")[1].strip() for told in violations(alice.page)] == ["label", "label"]
