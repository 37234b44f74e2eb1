"""K-03, K-04, K-06 in Chromium: the first sign-in where phones do not count: an app by keyboard, a passkey."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.input_devices import Keyboard
from tests.browser.person import Person
from tests.browser.test_factors import APP, FACTORS, secret_shown, token_now
from tests.browser.test_passkeys import KEY, Keys

INTRODUCTION, SETUP = "/entrar/introducao/", "/entrar/configurar/"
SETUP_APP, SETUP_PASSKEY = f"{SETUP}aplicativo/", f"{SETUP}chave/"
WAYS = [(locale, width) for locale in ("pt-BR", "en") for width in (390, 1280)]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}-{way[1]}")
def newcomer(request: pytest.FixtureRequest, visit: Visit, fresh: Fresh) -> Person:
    """Return somebody who has never set a second step up, with nothing but a keyboard."""
    household = fresh("unphoned")
    locale, width = request.param
    person = visit(household.bob, locale=locale, viewport={"width": width, "height": 900})
    person.hands = Keyboard()
    return person


def choose(newcomer: Person, kind: str) -> None:
    """Come to the choice of the first second step, which offers no phone, and take one."""
    newcomer.type_password()
    newcomer.is_at(INTRODUCTION)
    newcomer.press(INTRODUCTION)
    newcomer.is_at(SETUP)
    offered = newcomer.page.locator("button[name=kind]")
    expect(offered).to_have_count(2)
    assert [button.get_attribute("value") for button in offered.all()] == ["passkey", "app"]
    fits(newcomer)
    newcomer.hands.press(newcomer.page.locator(f"button[name=kind][value={kind}]"))


def fits(person: Person) -> None:
    """See that nothing stands out of the page."""
    assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def listed(person: Person, name: str) -> None:
    """See in one's own list that it is there, and no phone."""
    person.go(FACTORS)
    expect(person.page.locator(".factors")).to_contain_text(name)
    assert not person.page.locator(".factors a[href='/meu-perfil/#phone']").count()


def test_the_first_second_step_is_an_app_set_up_by_keyboard(newcomer: Person) -> None:
    choose(newcomer, "app")
    newcomer.is_at(SETUP_APP)
    secret = secret_shown(newcomer)
    fits(newcomer)
    newcomer.write("name", "Celular")
    newcomer.enter_token("000000" if token_now(secret) != "000000" else "111111")
    expect(newcomer.page.locator("[name=token][aria-invalid=true]")).to_be_visible()
    assert secret_shown(newcomer) == secret, "a wrong token makes no other secret"
    assert newcomer.field("name").input_value() == "Celular"
    newcomer.enter_token(token_now(secret))
    newcomer.is_at("/")
    listed(newcomer, "Celular")

    newcomer.sign_out()
    newcomer.type_password()
    newcomer.is_at(APP)
    newcomer.enter_token(token_now(secret, steps=1))
    newcomer.is_at("/")


def test_the_first_second_step_is_a_passkey(newcomer: Person) -> None:
    keys = Keys(newcomer)
    choose(newcomer, "passkey")
    newcomer.is_at(SETUP_PASSKEY)
    fits(newcomer)
    newcomer.write("name", "Notebook")
    newcomer.hands.press(newcomer.page.locator("[data-passkey-ask]"))
    newcomer.is_at("/")
    (made,) = keys.all()
    assert made["rpId"] == "localhost"
    listed(newcomer, "Notebook")

    newcomer.sign_out()
    newcomer.type_password()
    newcomer.is_at(KEY)
    newcomer.hands.press(newcomer.page.locator("[data-passkey-ask]"))
    newcomer.is_at("/")
