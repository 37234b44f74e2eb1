"""ALTCHA's own widget on our pages: its words, what goes wrong with it, and the sign-in page that asks for it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ANY, SOME, Complaints, Fresh, Visit
from tests.browser.person import Person
from tests.browser.seed import PASSWORD

WORKER = re.compile(r"/static/vendor/altcha-.*/pbkdf2\.")
WIDGET = re.compile(r"/static/vendor/altcha-.*/altcha\.min\.")


@pytest.fixture
def bob(visit: Visit, fresh: Fresh) -> Person:
    """Return Bob, who has a phone, in front of the choice of a channel."""
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    bob.type_password()
    bob.is_at("/entrar/canal/")
    return bob


def test_the_whole_row_can_be_pressed_and_says_what_it_does(bob: Person) -> None:
    page = bob.page
    row = page.locator("altcha-widget .altcha-checkbox-wrap")
    checkbox = page.get_by_role("checkbox", name="Não sou um robô")
    expect(checkbox).not_to_be_checked()
    bounds = row.bounding_box()
    assert bounds
    row.click(position={"x": bounds["width"] - 8, "y": 8})
    bob.captcha_is_done()
    expect(page.get_by_role("checkbox", name="Verificado")).to_be_checked()
    expect(page.locator("[data-captcha-say]")).to_have_text("Pronto: os botões foram liberados.")


@pytest.mark.parametrize(("language", "label"), [("en-US", "I'm not a robot"), ("es-ES", "No soy un robot")])
def test_the_box_speaks_the_language_of_the_page(visit: Visit, fresh: Fresh, language: str, label: str) -> None:
    household = fresh("enrolled")
    person = visit(household.bob, household.bobs_number, locale=language)
    person.type_password()
    person.is_at("/entrar/canal/")
    expect(person.page.get_by_role("checkbox", name=label)).to_be_visible()
    expect(person.page.locator("altcha-widget a")).to_have_count(0)


def test_a_worker_that_cannot_load_is_said_and_can_be_tried_again(bob: Person, complaints: Complaints) -> None:
    page = bob.page
    page.route(WORKER, lambda route: route.abort())
    page.locator("altcha-widget input[type=checkbox]").click()
    expect(page.get_by_role("alert").filter(has_text="A verificação falhou.")).to_be_visible()
    expect(page.locator("button[name=channel]").first).to_be_disabled()
    page.unroute(WORKER)
    bob.tick_captcha()
    expect(page.locator("button[name=channel]").first).to_be_enabled()
    expect(page.locator("altcha-widget .altcha-error")).to_have_count(0)
    complaints.forgive("ERR_FAILED", ANY)  # about a worker Chromium is silent as a rule


def test_an_old_challenge_is_said_and_a_tick_brings_a_new_one(bob: Person) -> None:
    """Counted from the page, not by the clock on the wall, which may be wrong."""
    page = bob.page
    page.clock.install()
    page.reload()
    before = page.locator("altcha-widget").get_attribute("challenge")
    page.clock.set_system_time("2001-01-01T00:00:00Z")
    bob.tick_captcha()
    page.clock.run_for(601_000)
    expect(page.get_by_role("alert").filter(has_text="A verificação expirou.")).to_be_visible()
    expect(page.locator("button[name=channel]").first).to_be_disabled()
    page.locator("altcha-widget input[type=checkbox]").click()
    expect(page.locator("altcha-widget")).not_to_have_attribute("challenge", before or "")
    bob.tick_captcha()
    expect(page.locator("button[name=channel]").first).to_be_enabled()


def test_a_box_that_cannot_load_says_so(bob: Person, complaints: Complaints) -> None:
    page = bob.page
    page.route(WIDGET, lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="Não foi possível carregar a caixa")).to_be_visible()
    expect(page.locator("altcha-widget input[type=checkbox]")).to_be_disabled()
    page.unroute(WIDGET)
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="https://")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(1)
    expect(page.get_by_role("checkbox")).to_be_disabled()
    complaints.forgive("ERR_FAILED", SOME)


def test_after_wrong_passwords_the_sign_in_page_asks_for_the_box(visit: Visit, fresh: Fresh) -> None:
    """B-03: the right password goes on after one tick; a press before it is told what is missing."""
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    page = bob.page
    bob.go("/entrar/")
    expect(page.locator("script[src*=altcha]")).to_have_count(0)
    for attempt in range(11):
        bob.write("username", f"nobody{attempt}")
        bob.write("password", "wrong")
        bob.press("/entrar/")
    expect(page.locator("altcha-widget")).to_be_visible()
    bob.write("username", bob.login)
    bob.write("password", PASSWORD)
    page.keyboard.press("Enter")
    box = page.locator("altcha-widget input[type=checkbox]")
    expect(box).to_have_js_property("validationMessage", "Marque “Não sou um robô” para continuar.")
    bob.tick_captcha()
    bob.press("/entrar/")

    bob.is_at("/entrar/canal/")
