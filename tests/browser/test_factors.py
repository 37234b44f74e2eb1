"""K-03, K-05: the app and the recovery codes as a person has them: set up, used, lost, replaced, removed."""

import re
import time
from base64 import b32decode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.person import Person
from tests.browser.seed import PASSWORD
from twofactor.factors.app import totp

FACTORS = "/meu-perfil/segunda-etapa/"
START, CODES = f"{FACTORS}app/", f"{FACTORS}codigos/"
CONFIRM = START
PROOF = "/confirmar-identidade/"
APP, CODE = "/entrar/app/", "/entrar/codigo/"
# What of the code, the secret and the focused field for the token is not in the window, or below the menu of a phone.
IN_VIEW = """() => [".qr-code", ".secret", "[data-token]"].filter((name) => {
    const { top, bottom } = document.querySelector(name).getBoundingClientRect();
    return top < 0 || bottom > innerHeight - 80;
})"""
WAYS = [("pt-BR", 1280), ("en", 390), ("es", 390)]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}-{way[1]}")
def bob(request: pytest.FixtureRequest, visit: Visit, fresh: Fresh) -> Person:
    household = fresh("enrolled")
    locale, width = request.param
    return visit(household.bob, household.bobs_number, locale=locale, viewport={"width": width, "height": 900})


def secret_shown(person: Person) -> bytes:
    text = person.page.locator(".secret").inner_text()
    expect(person.page.locator("svg.qr")).to_be_visible()
    return b32decode(text.replace(" ", ""))


def token_now(secret: bytes, *, steps: int = 0) -> str:
    return totp.token_of(secret, int(time.time()) // totp.STEP_SECONDS + steps)


def prove(person: Person, kind: str) -> None:
    """Type the password, and choose with what to prove who it is."""
    person.is_at(PROOF)
    person.write("password", PASSWORD)
    person.page.locator(f"[name=channel][value={kind}]").check()
    person.hands.press(person.page.locator("form button.wide"))


def set_up(person: Person) -> bytes:
    """Confirm the app that the page shows."""
    person.is_at(CONFIRM)
    secret = secret_shown(person)
    assert person.page.evaluate(IN_VIEW) == []
    person.write("name", "Celular")
    person.enter_token(token_now(secret))
    person.is_at(FACTORS)
    expect(person.page.locator(".factors")).to_contain_text("Celular")
    return secret


def test_app_and_codes_from_the_first_day_to_the_last(bob: Person) -> None:
    bob.sign_in()
    bob.go("/meu-perfil/")
    bob.hands.press(bob.page.locator(f"main a[href='{FACTORS}']"))
    bob.press(CODES)
    prove(bob, "sms")
    bob.type_token()
    expect(bob.page.locator(".own-codes li")).to_have_count(10)
    codes = bob.page.locator(".own-codes li").all_inner_texts()
    assert all(re.fullmatch(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", code) for code in codes)
    with bob.page.expect_download() as download:
        bob.hands.press(bob.page.locator("[data-code-act=keep]"))
    assert download.value.path().read_text().split() == codes
    bob.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    bob.hands.press(bob.page.locator("[data-code-act=copy]"))
    bob.page.wait_for_function(
        "codes => getSelection().toString().split(/\\s+/).join(' ').includes(codes)", arg=" ".join(codes)
    )
    bob.page.locator("[type=checkbox]").check()
    bob.hands.press(bob.page.locator(".panel-foot button"))
    bob.is_at(FACTORS)

    bob.press(START)  # the proof still holds
    secret = set_up(bob)

    bob.sign_out()
    bob.type_password()
    bob.is_at(APP)
    bob.enter_token(token_now(secret, steps=1))
    bob.is_at("/")

    bob.sign_out()  # the phone with the app is lost
    bob.type_password()
    bob.is_at(APP)
    bob.hands.press(bob.page.locator("a[href='/entrar/canal/']"))
    bob.hands.press(bob.page.locator(f"a[href='{CODE}']"))
    bob.is_at(CODE)
    bob.write("token", codes[0].lower())
    bob.hands.press(bob.page.locator("[data-main]"))
    bob.is_at("/")

    bob.go(FACTORS)
    bob.press(START)
    prove(bob, "recovery")
    bob.write("token", codes[1])
    bob.hands.press(bob.page.locator("form [data-main]"))
    assert set_up(bob) != secret
    bob.hands.press(bob.page.locator(".factors form[action*='/app/'] button"))
    bob.is_at(FACTORS)
    expect(bob.page.locator(".factors")).not_to_contain_text("Celular")
