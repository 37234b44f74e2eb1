"""Nobody is kept out: axe finds nothing on any stop, in light and in dark, and the focus is where one goes on."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Complaints, Fresh, Pictures, Visit
from tests.browser.person import Person
from tests.browser.portal import wait_for
from tests.browser.tour import TOURS
from tests.browser.wcag import violations

# What moves for longer than the hundredth of a second that nobody sees, before, behind and in each element.
MOVING = """() => [...document.querySelectorAll("*")].flatMap((node) => ["", "::before", "::after"].map((part) => {
    const style = getComputedStyle(node, part);
    const times = `${style.animationName === "none" ? 0 : style.animationDuration},${style.transitionDuration}`;
    return times.split(",").some((time) => parseFloat(time) > 0.01) ? node.outerHTML.slice(0, 120) + part : "";
})).filter(Boolean)"""
# In the pop-up; where there is none, in the field that was refused; else where the browser begins a page.
FOCUS_IS_KEPT = """() => {
    const at = document.activeElement;
    const popup = document.querySelector("dialog");
    const refused = document.querySelector("main:not(.gallery) [aria-invalid=true]");
    return popup ? popup.contains(at) : refused ? at === refused : true;
}"""


@pytest.fixture
def alice(visit: Visit, fresh: Fresh) -> Person:
    household = fresh("on")
    return visit(household.alice, household.alices_number)


@pytest.mark.parametrize("who", TOURS)
def test_axe_finds_nothing_on_any_stop(visit: Visit, fresh: Fresh, complaints: Complaints, who: str) -> None:
    tour = TOURS[who]
    person = tour.seat(visit, fresh)
    found = {}
    for stop in tour.stops(person):
        wait_for(lambda: person.page.evaluate(FOCUS_IS_KEPT) or None, f"the focus at {stop}")
        found[stop] = violations(person.page)
        _says_what_it_is(person.page, stop)
        assert person.page.evaluate(MOVING) == [], stop

    complaints.forgive(tour.complaint)
    assert len(found) >= {"administrator": 40, "newcomer": 6}[who]
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


def test_axe_can_find_a_target_too_small_for_a_finger(alice: Person) -> None:
    alice.go("/entrar/")
    small = "{ minHeight: '0', height: '9px', width: '9px', padding: '0', margin: '-2px' }"
    alice.page.evaluate(
        f"document.querySelectorAll('.languages button').forEach((button) => Object.assign(button.style, {small}))"
    )

    assert "target-size" in {told.split(":")[1].strip() for told in violations(alice.page, "light")}


def test_there_is_animation_unless_reduced_motion_is_set(visit: Visit, fresh: Fresh) -> None:
    person = visit(fresh("on").bob, reduced_motion="no-preference")
    person.go("/entrar/")

    assert person.page.evaluate(MOVING)
