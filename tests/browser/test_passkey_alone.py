"""K-04 in Chromium: signing in by passkey alone, by the button and by what the browser offers in the login's field.

In a portal of their own: whether an account lets it is seen by everybody on the sign-in page.
"""

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.person import Person
from tests.browser.portal import PATIENCE, Portal
from tests.browser.seed import Household
from tests.browser.test_factors import WAYS, prove
from tests.browser.test_passkeys import Keys, add, ask, said, without_headers
from tests.browser.test_weight import MOST_BYTES, MOST_REQUESTS, MOST_SHIFT, SHIFTS, Scales

SIGN_IN, ALONE = "/entrar/", "/entrar/so-com-chave/"
SETTINGS, SWITCH = "/configuracoes/minha-conta/", "/configuracoes/minha-conta/chaves/"
# What the button asks the key waits for a word; the offer does not.
HELD = """(() => {
    const get = navigator.credentials.get.bind(navigator.credentials);
    const word = new Promise((resolve) => { window.goOn = resolve; });
    navigator.credentials.get = async (asked) => {
        if (asked.mediation !== "conditional") await word;
        return get(asked);
    };
})()"""
NO_AUTOFILL = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("alone"))
    yield portal
    assert portal.stop() == 0
    assert "Traceback" not in portal.log.read_text()


@pytest.fixture(scope="session")
def households(portal: Portal) -> list[Household]:
    """Let the accounts with a logo have it, and no others: those are "enrolled"."""
    found = portal.seed()
    path = f"{portal.environment['VAR_DIR']}/db.sqlite3"
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as database:
        database.execute("UPDATE accounts_account SET passkeys_alone = 1 WHERE logo <> ''")
    return found


def with_a_passkey(person: Person) -> Keys:
    """Add a passkey, sign out, and stay on the sign-in page with it."""
    keys = Keys(person)
    person.sign_in()
    add(person)
    keys.tell("setAutomaticPresenceSimulation", enabled=False)
    person.sign_out()
    return keys


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way[0]}-{way[1]}")
def test_by_the_button(visit: Visit, fresh: Fresh, way: tuple[str, int]) -> None:
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number, locale=way[0], viewport={"width": way[1], "height": 900})
    bob.context.add_init_script(NO_AUTOFILL)
    keys = with_a_passkey(bob)
    keys.tell("setAutomaticPresenceSimulation", enabled=True)

    keys.tell("setUserVerified", isUserVerified=False)  # as when the person closes the browser's window
    ask(bob)
    said(bob, "cancelled")
    bob.is_at(SIGN_IN)
    keys.tell("setUserVerified", isUserVerified=True)
    ask(bob)
    bob.is_at("/")
    assert ALONE in bob.posts


def test_by_what_the_browser_offers_in_the_field(visit: Visit, fresh: Fresh) -> None:
    """A press of a key nobody makes: the answer comes as soon as the authenticator says yes."""
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    keys = with_a_passkey(bob)
    expect(bob.field("username")).to_have_attribute("autocomplete", "username webauthn")
    bob.go("/senha/esqueci/")  # the offer of the page before would answer, too, and leave it while this one is opened
    keys.tell("setAutomaticPresenceSimulation", enabled=True)
    bob.page.goto(bob.portal.base + SIGN_IN, wait_until="commit")  # the answer may come before the page is complete
    bob.is_at("/")


def test_while_it_is_offered_the_button_takes_its_place(visit: Visit, fresh: Fresh) -> None:
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    keys = with_a_passkey(bob)
    bob.context.add_init_script(HELD)
    with bob.page.expect_response("**/pedido/"):
        bob.go(SIGN_IN)
    ask(bob)
    said(bob, "waiting")
    keys.tell("setAutomaticPresenceSimulation", enabled=True)  # not before: the key would answer the offer
    bob.page.evaluate("goOn()")
    bob.is_at("/")


def test_while_it_is_offered_the_password_signs_in_as_ever(visit: Visit, fresh: Fresh) -> None:
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    with_a_passkey(bob)
    bob.type_password()
    bob.is_at("/entrar/chave/")


def test_a_key_of_an_account_without_the_switch(visit: Visit, fresh: Fresh) -> None:
    """It is told in a sentence, and the password is open."""
    household = fresh("on")
    bob = visit(household.bob, household.bobs_number)
    bob.context.add_init_script(NO_AUTOFILL)
    keys = Keys(bob)
    bob.enrol()
    bob.is_at("/")
    add(bob)
    bob.sign_out()
    ask(bob)
    bob.is_at(SIGN_IN)
    expect(bob.page.locator(".alert-error")).to_be_visible()
    expect(bob.field("password")).to_be_editable()
    assert keys.all(), "the key is there"
    bob.type_password()
    bob.is_at("/entrar/chave/")


def test_with_no_key_the_page_says_so(visit: Visit, fresh: Fresh) -> None:
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    Keys(bob)
    bob.go(SIGN_IN)
    ask(bob)
    said(bob, "cancelled")


def test_a_browser_without_passkeys_gets_the_usual_page(visit: Visit, fresh: Fresh) -> None:
    bob = visit(fresh("enrolled").bob)
    bob.context.add_init_script("delete window.PublicKeyCredential")
    bob.go(SIGN_IN)
    expect(bob.page.locator(".alone")).to_be_hidden()
    expect(bob.field("username")).to_be_focused()


def test_without_javascript_the_page_is_as_before(visit: Visit, fresh: Fresh) -> None:
    bob = visit(fresh("enrolled").bob, java_script_enabled=False)
    bob.go(SIGN_IN)
    expect(bob.page.locator(".alone")).to_be_hidden()


def test_in_a_frame_nothing_is_offered(visit: Visit, fresh: Fresh) -> None:
    """Our headers forbid frames; in a browser that does not care no key is asked for."""
    bob = visit(fresh("enrolled").bob)
    bob.context.route("**/entrar/", without_headers)
    bob.go(SIGN_IN)
    bob.page.evaluate(f"const f = document.createElement('iframe'); f.src = '{SIGN_IN}'; document.body.append(f)")
    frame = bob.page.frame_locator("iframe")
    expect(frame.locator("[name=username]")).to_be_visible()
    expect(frame.locator(".alone")).to_be_hidden()


def test_the_page_that_offers_it_is_light_and_stands_still(visit: Visit, fresh: Fresh) -> None:
    bob = visit(fresh("enrolled").bob, viewport={"width": 390, "height": 844})
    scales = Scales(bob.context.new_cdp_session(bob.page))
    bob.go(SIGN_IN)
    bob.page.wait_for_load_state("networkidle")
    assert (scales.requests <= MOST_REQUESTS, scales.bytes <= MOST_BYTES) == (True, True), vars(scales)
    shifts = bob.page.evaluate(SHIFTS)
    assert sum(shift["value"] for shift in shifts) < MOST_SHIFT, shifts


def test_an_administrator_switches_it_on_and_is_in_by_it(visit: Visit, fresh: Fresh) -> None:
    household = fresh("on")
    alice = visit(household.alice, household.alices_number)
    alice.context.add_init_script(NO_AUTOFILL)
    Keys(alice)
    alice.enrol()
    alice.is_at("/")
    add(alice)
    alice.go(SETTINGS)
    alice.page.locator("[name=passkeys_alone]").check()
    alice.press(SWITCH)
    prove(alice, "passkey")
    ask(alice)
    alice.is_at(SETTINGS)
    expect(alice.page.locator("[name=passkeys_alone]")).to_be_checked()
    alice.sign_out()
    ask(alice)
    alice.is_at("/")
