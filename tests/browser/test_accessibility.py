"""Nobody is kept out: axe finds nothing on any stop, in light and in dark."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Complaints, Fresh, Pictures, Visit
from tests.browser.person import Person
from tests.browser.tour import tour
from tests.browser.wcag import violations


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


def test_the_page_of_componentes_is_for_the_demonstration(alice: Person, pictures: Pictures) -> None:
    alice.go("/componentes/")
    pictures.take(alice.page, "componentes")

    assert alice.page.locator(".gallery section").count() > 8


def test_axe_can_find_something(alice: Person) -> None:
    alice.go("/entrar/")
    alice.page.evaluate("document.querySelector('label').remove()")

    assert [told.split(":")[1].strip() for told in violations(alice.page)] == ["label", "label"]
