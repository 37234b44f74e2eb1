"""K-04 in Chromium, with the virtual authenticator of its own developers' protocol."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Route, expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.person import Person
from tests.browser.test_factors import FACTORS, WAYS, prove

START = f"{FACTORS}chaves/"
NEW, KEY = f"{START}nova/", "/entrar/chave/"
KIND = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Keys:
    """The authenticator that is built into a person's browser."""

    def __init__(self, person: Person) -> None:
        self.session: CDPSession = person.context.new_cdp_session(person.page)
        self.session.send("WebAuthn.enable")
        self.name = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": KIND})["authenticatorId"]

    def tell(self, command: str, **facts: Any) -> Any:
        return self.session.send(f"WebAuthn.{command}", {"authenticatorId": self.name, **facts})

    def all(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.tell("getCredentials")["credentials"]
        return found


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}-{way[1]}")
def bob(request: pytest.FixtureRequest, visit: Visit, fresh: Fresh) -> Person:
    household = fresh("enrolled")
    locale, width = request.param
    return visit(household.bob, household.bobs_number, locale=locale, viewport={"width": width, "height": 900})


def ask(person: Person) -> None:
    person.hands.press(person.page.locator("[data-passkey-ask]"))


def said(person: Person, word: str) -> None:
    """Wait until the page says what it has a word for."""
    words = person.page.locator(f"[data-passkey-word={word}]").text_content()
    assert words
    expect(person.page.locator("[data-passkey-say]")).to_have_text(words)


def add(person: Person) -> None:
    person.go(FACTORS)
    person.press(START)
    prove(person, "sms")
    person.type_token()
    person.is_at(NEW)
    person.write("name", "Notebook")
    person.page.keyboard.press("Enter")  # asks, and sends what comes
    person.is_at(FACTORS)
    expect(person.page.locator(".factors")).to_contain_text("Notebook")


def test_a_passkey_from_the_first_day_to_the_last(bob: Person) -> None:
    keys = Keys(bob)
    bob.sign_in()
    add(bob)
    (made,) = keys.all()
    assert made["rpId"] == "localhost"

    bob.press(START)  # the proof still holds
    bob.is_at(NEW)
    bob.write("name", "Outra")
    ask(bob)
    said(bob, "known")

    bob.sign_out()
    bob.type_password()
    bob.is_at(KEY)
    keys.tell("setUserVerified", isUserVerified=False)  # as when the person closes the browser's window
    ask(bob)
    said(bob, "cancelled")
    keys.tell("setUserVerified", isUserVerified=True)
    ask(bob)
    bob.is_at("/")

    bob.go(FACTORS)
    bob.hands.press(bob.page.locator("form[action$='/remover/'] button").first)
    prove(bob, "passkey")
    ask(bob)
    bob.is_at(FACTORS)
    expect(bob.page.locator(".factors")).not_to_contain_text("Notebook")

    bob.sign_out()
    bob.type_password()
    bob.is_at("/entrar/canal/")


def test_a_key_that_is_not_here_and_a_copy_of_it(visit: Visit, fresh: Fresh) -> None:
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    keys = Keys(bob)
    bob.sign_in()
    add(bob)
    (made,) = keys.all()
    bob.sign_out()
    bob.type_password()
    bob.is_at(KEY)
    keys.tell("clearCredentials")
    ask(bob)
    said(bob, "cancelled")
    keys.tell("addCredential", credential={**made, "signCount": 0})
    ask(bob)
    expect(bob.page.locator(".alert-error")).to_be_visible()
    bob.is_at(KEY)
    keys.tell("clearCredentials")
    keys.tell("addCredential", credential={**made, "signCount": 40})
    ask(bob)
    bob.is_at("/")


def test_a_browser_that_knows_no_passkeys_says_so(visit: Visit, fresh: Fresh) -> None:
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    Keys(bob)
    bob.sign_in()
    add(bob)
    bob.sign_out()
    bob.context.add_init_script("delete window.PublicKeyCredential")
    bob.type_password()
    bob.is_at(KEY)
    said(bob, "missing")
    expect(bob.page.locator("[data-passkey-ask]")).to_be_hidden()
    bob.hands.press(bob.page.locator("a[href='/entrar/canal/']"))
    bob.is_at("/entrar/canal/")


def test_in_a_frame_the_page_says_so(visit: Visit, fresh: Fresh) -> None:
    """Our headers forbid frames; in a browser that does not care the page has words all the same."""
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    Keys(bob)
    bob.sign_in()
    add(bob)
    bob.sign_out()
    bob.type_password()
    bob.is_at(KEY)
    bob.context.route("**/entrar/chave/", without_headers)
    bob.go(KEY)
    bob.page.evaluate(f"const f = document.createElement('iframe'); f.src = '{KEY}'; document.body.append(f)")
    frame = bob.page.frame_locator("iframe")
    words = frame.locator("[data-passkey-word=framed]").text_content()
    assert words
    expect(frame.locator("[data-passkey-say]")).to_have_text(words)


def without_headers(route: Route) -> None:
    """Answer as the portal does, without what forbids frames."""
    answer = route.fetch()
    forbids = {"content-security-policy", "x-frame-options", "cross-origin-opener-policy"}
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in forbids}
    route.fulfill(response=answer, headers=headers)
