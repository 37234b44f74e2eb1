"""Tried as a new user would: the four journeys, one after the other, by two people who have never seen the portal."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Fresh, Pictures, Visit
from tests.browser.input_devices import Keyboard, Mouse
from tests.browser.person import Person, written
from tests.browser.seed import PASSWORD, Household
from tests.browser.wcag import violations

DEMO = Household("off", "alice", "bob", "+5511987654321", "+5521987651234")
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# What the help page promises word for word. Other languages are found by path and field only.
WORDS = {
    "login": "Login",
    "next": "Next",
    "validate": "Validar token",
    "switch on": "Ativar para 2 usuários",
    "save": "Salvar",
    "captcha": "Não sou um robô",
    "settings": "Configurações",
    "my account": "Minha conta",
    "account settings": "Account Settings",
    "two factor": "Two factor authentication",
    "token": "TOKEN",
    "sms": "SMS",
    "email": "E-mail",
    "profile": "Meu perfil",
    "phone": "Telefone",
    "home": "Tela inicial",
}
NINTH_DIGIT = {"pt-BR": "nono dígito", "en-US": "ninth digit", "es-ES": "noveno dígito"}


class Walker:
    """Two people, one language, one size of screen."""

    def __init__(self, alice: Person, bob: Person, language: str, pictures: Pictures) -> None:
        self.alice, self.bob, self.language, self.pictures = alice, bob, language, pictures
        self.scheme = "dark" if isinstance(alice.hands, Keyboard) else "light"

    def says(self, place: Locator, word: str) -> None:
        """Assert the help page's own word, where the language is the help page's."""
        if self.language == "pt-BR":
            expect(place.first).to_have_accessible_name(re.compile(rf"^{re.escape(WORDS[word])}"))

    def reads(self, place: Locator, word: str) -> None:
        if self.language == "pt-BR":
            expect(place.first).to_have_text(WORDS[word])

    def press(self, person: Person, path: str, word: str) -> None:
        button = person.submit_of(path)
        self.says(button, word)
        person.hands.press(button)

    # First sign-in, from the introduction on --------------------------------------------------

    def set_up(self, person: Person) -> None:
        person.is_at("/entrar/introducao/")
        self.picture(person, "introducao")
        self.press(person, "/entrar/introducao/", "next")
        person.is_at("/entrar/telefone/")
        self.give_wrong_number(person)
        person.give_phone()
        person.is_at("/entrar/token/")
        self.picture(person, "token")
        self.enter_token(person, person.number)

    def give_wrong_number(self, person: Person) -> None:
        person.write("number", "11 8765-4321")
        if self.language == "pt-BR":
            expect(person.page.get_by_label(WORDS["captcha"]).last).to_be_visible()
        self.picture(person, "telefone")
        person.tick_captcha()
        person.press("/entrar/telefone/")
        error = person.page.locator(".field-errors")
        expect(error).to_contain_text(re.compile(NINTH_DIGIT[self.language], re.IGNORECASE))
        expect(person.field("number")).to_have_value("11 8765-4321")
        assert person.portal.outbox(person.number) == []

    def enter_token(self, person: Person, to: str, count: int = 1) -> None:
        self.says(person.field("token"), "token")
        self.says(person.page.locator("[data-main]"), "validate")
        person.enter_token(self.read_outbox(person, to, count))

    def read_outbox(self, person: Person, to: str, count: int) -> str:
        """Read a token where a person at the demo does: on the outbox page, in another tab."""
        token = person.portal.token(to, count)
        tab = person.context.new_page()
        tab.goto(f"{person.portal.base}/caixa-de-saida/")
        newest = tab.locator(".sent-item").filter(has_text=to).locator(".sent-token strong").first  # or a notice
        expect(newest).to_have_text(token)
        tab.close()
        return token

    # The four journeys ------------------------------------------------------------------------

    def enter_without_policy(self, person: Person) -> None:
        person.go("/")
        person.is_at("/entrar/")
        person.write("username", person.login)
        person.write("password", PASSWORD)
        self.picture(person, "entrar")
        self.press(person, "/entrar/", "login")
        person.is_at("/")

    def switch_on(self) -> None:
        alice, page = self.alice, self.alice.page
        link = page.locator("nav a[href='/configuracoes/minha-conta/']")
        if page.viewport_size == DESKTOP:
            self.reads(page.locator(".menu-heading"), "settings")
        self.says(link, "my account")
        alice.hands.press(link)
        alice.is_at("/configuracoes/minha-conta/")
        self.reads(page.locator("h1"), "account settings")
        switch = alice.field("two_factor_required")
        self.says(switch, "two factor")
        expect(switch).not_to_be_checked()
        expect(page.locator(".figures strong").nth(1)).to_have_text("2")
        alice.hands.press(switch)
        self.press(alice, "/configuracoes/minha-conta/", "switch on")
        self.set_up(alice)
        alice.is_at("/configuracoes/minha-conta/")
        expect(switch).to_be_checked()
        expect(page.locator(".figures:not(.figures-3) strong")).to_have_text(["2", "1"])
        self.picture(alice, "minha-conta")

    def stop_bob(self) -> None:
        """Bob's session was open: his next click leads to his set-up, and then to where he was going."""
        self.open_profile(self.bob)
        self.set_up(self.bob)
        self.bob.is_at("/meu-perfil/")

    def open_profile(self, person: Person) -> None:
        summary = person.page.locator("details.profile-menu summary")
        box, window = summary.bounding_box(), person.page.viewport_size
        assert box
        assert window
        assert box["y"] < 100  # top …
        assert box["x"] + box["width"] > window["width"] - 100  # … right corner
        person.hands.press(summary)
        link = person.page.locator(".profile-list a[href='/meu-perfil/']")
        self.says(link, "profile")
        person.hands.press(link)

    def come_back_by_email(self) -> None:
        bob, page = self.bob, self.bob.page
        bob.sign_out()
        bob.type_password()
        bob.is_at("/entrar/canal/")
        by_sms = page.locator("button[name=channel][value=sms]")
        by_email = page.locator("button[name=channel][value=email]")
        for button, word in ((by_sms, "sms"), (by_email, "email")):
            self.says(button, word)
            expect(button).to_be_disabled()
        bob.tick_captcha()
        expect(by_sms).to_be_enabled()
        expect(by_email).to_be_enabled()
        self.picture(bob, "canal")
        bob.hands.press(by_email)
        bob.is_at("/entrar/token/")
        self.enter_token(bob, bob.email)
        bob.is_at("/")
        self.reads(page.locator("nav a[href='/']"), "home")
        self.picture(bob, "tela-inicial")

    def change_phone(self) -> None:
        bob, page, new = self.bob, self.bob.page, self.bob.new_number
        self.open_profile(bob)
        bob.is_at("/meu-perfil/")
        self.reads(page.locator("#phone-title"), "phone")
        expect(page.locator("#phone")).to_contain_text(written(bob.number))
        self.picture(bob, "meu-perfil")
        tokens = len(bob.portal.tokens(bob.number))
        bob.write("number", written(new))
        self.press(bob, "/meu-perfil/telefone/", "save")
        bob.is_at("/meu-perfil/telefone/confirmar/")
        bob.write("password", PASSWORD)
        self.picture(bob, "confirmar")
        bob.press("/meu-perfil/telefone/confirmar/")
        self.enter_token(bob, bob.number, tokens + 1)
        expect(page.locator(".progress .done")).to_have_count(2)
        self.enter_token(bob, new)
        bob.is_at("/meu-perfil/")
        expect(page.locator("#phone")).to_contain_text(written(new))
        bob.portal.notices(bob.number, 1)  # the old number is told,
        bob.portal.notices(bob.email, 2)  # and the mailbox, as when the phone was confirmed

    def picture(self, person: Person, name: str) -> None:
        """Look at a stop with axe; show what most people see, which is what Bob sees, and the page of Alice's own."""
        assert violations(person.page, self.scheme) == [], name
        if person is self.bob or name == "minha-conta":
            self.pictures.take(person.page, name)


LANGUAGES = {"pt-BR": "pt-br", "en-US": "en", "es-ES": "es"}
# Every language at every size, and each of them by mouse and by the keys alone.
WALKS = [
    pytest.param("pt-BR", DESKTOP, Mouse, id="pt-BR-1280-mouse"),
    pytest.param("pt-BR", PHONE, Keyboard, id="pt-BR-390-keyboard"),
    pytest.param("en-US", DESKTOP, Keyboard, id="en-1280-keyboard"),
    pytest.param("en-US", PHONE, Mouse, id="en-390-mouse"),
    pytest.param("es-ES", DESKTOP, Mouse, id="es-1280-mouse"),
    pytest.param("es-ES", PHONE, Keyboard, id="es-390-keyboard"),
]


@pytest.mark.parametrize(("language", "size", "hands"), WALKS)
def test_the_walk(
    visit: Visit, fresh: Fresh, pictures: Pictures, language: str, size: dict[str, int], hands: type[Mouse]
) -> None:
    # The demo's own people walk once; that walk makes the pictures.
    first = language == "pt-BR" and size == DESKTOP
    household = DEMO if first else fresh("off")
    options: dict[str, Any] = {"locale": language, "viewport": size}
    alice = visit(household.alice, household.alices_number, **options)
    bob = visit(household.bob, household.bobs_number, **options)
    alice.hands, bob.hands = hands(), hands()
    walker = Walker(alice, bob, language, pictures if first else Pictures(None))

    walker.enter_without_policy(alice)
    walker.enter_without_policy(bob)
    expect(bob.page.locator("nav a[href='/configuracoes/minha-conta/']")).to_have_count(0)
    walker.switch_on()
    walker.stop_bob()
    walker.come_back_by_email()
    walker.change_phone()

    expect(alice.page.locator("html")).to_have_attribute("lang", LANGUAGES[language])


@pytest.mark.parametrize(
    ("hands", "effort"), [(Mouse, {"clicks": 3, "keys": 6}), (Keyboard, {"clicks": 0, "keys": 12})]
)
def test_the_effort_of_a_later_sign_in(visit: Visit, fresh: Fresh, hands: type[Mouse], effort: dict[str, int]) -> None:
    """After login and password: what docs/design.md writes beside Login.gov's."""
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    bob.type_password_but_send()
    bob.hands = hands()
    bob.press("/entrar/")
    bob.is_at("/entrar/canal/")
    bob.ask_for_token("sms")
    bob.type_token()
    bob.is_at("/")

    assert vars(bob.hands) == effort


def test_the_effort_of_a_daily_sign_in(visit: Visit, fresh: Fresh) -> None:
    """The channel used last comes first, and Enter takes it from the box: Enter, Space, Enter, six digits."""
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    bob.sign_in()  # by e-mail, which is not the first channel of everybody
    bob.sign_out()
    bob.type_password_but_send()
    bob.page.keyboard.press("Enter")
    bob.is_at("/entrar/canal/")
    first = bob.page.locator("button[name=channel]").first
    expect(first).to_have_attribute("value", "email")
    bob.page.keyboard.press("Space")
    expect(first).to_be_enabled()
    bob.page.keyboard.press("Enter")
    bob.is_at("/entrar/token/")
    token = bob.portal.token(bob.email, 2)
    bob.page.keyboard.type(token)
    bob.is_at("/")


@pytest.mark.parametrize(
    ("hands", "effort"), [(Mouse, {"clicks": 4, "keys": 17}), (Keyboard, {"clicks": 0, "keys": 26})]
)
def test_the_effort_of_a_first_sign_in(visit: Visit, fresh: Fresh, hands: type[Mouse], effort: dict[str, int]) -> None:
    """After login and password, the number's and the token's digits included."""
    household = fresh("on")
    bob = visit(household.bob, household.bobs_number)
    bob.type_password_but_send()
    bob.hands = hands()
    bob.press("/entrar/")
    bob.is_at("/entrar/introducao/")
    bob.press("/entrar/introducao/")
    bob.is_at("/entrar/telefone/")
    bob.give_phone(bob.number[3:])
    bob.is_at("/entrar/token/")
    bob.type_token()
    bob.is_at("/")

    assert vars(bob.hands) == effort
