"""Every stop of the portal, one after the other, for tests that look at each."""

from collections.abc import Iterator

from playwright.sync_api import expect

from tests.browser.person import Person, written
from tests.browser.seed import PASSWORD


def tour(alice: Person) -> Iterator[str]:
    """Walk an administrator without a phone, in an account with the policy on, through everything there is to see.

    The page stands at the stop that was yielded. Leaves one complaint behind: the console's about the 404.
    """
    yield from _doors(alice)
    yield from _first_sign_in(alice)
    yield from _inside(alice)
    yield from _later_sign_in(alice)
    yield from _phone_change(alice)
    yield from _passwords(alice)


def _doors(alice: Person) -> Iterator[str]:
    alice.go("/entrar/")
    yield "entrar"
    alice.field("username").fill(alice.login)
    alice.field("password").fill("not the password")
    alice.press("/entrar/")
    expect(alice.page.locator("#form-errors")).to_be_visible()
    yield "entrar, refused"
    alice.go("/componentes/")
    yield "componentes"


def _first_sign_in(alice: Person) -> Iterator[str]:
    alice.type_password()
    alice.is_at("/entrar/introducao/")
    yield "introducao"
    alice.press("/entrar/introducao/")
    alice.is_at("/entrar/telefone/")
    expect(alice.page.locator("altcha-widget input[type=checkbox]")).to_be_visible()
    yield "telefone"
    alice.give_phone("11 3876-5432")
    expect(alice.page.locator(".field-errors")).to_be_visible()
    yield "telefone, refused"
    alice.give_phone()
    alice.is_at("/entrar/token/")
    yield "token"
    alice.field("token").fill("12345")
    alice.page.locator("[data-main]").click()
    expect(alice.page.locator(".field-errors")).to_be_visible()
    yield "token, refused"
    alice.type_token()
    alice.is_at("/")


def _inside(alice: Person) -> Iterator[str]:
    yield "tela inicial"
    alice.page.locator("details.profile-menu summary").click()
    expect(alice.page.locator(".profile-list")).to_be_visible()
    yield "tela inicial, menu"
    alice.go("/configuracoes/minha-conta/")
    yield "minha conta"
    alice.page.locator(".tip-button").hover()
    expect(alice.page.locator(".tip-text")).to_be_visible()
    yield "minha conta, tip"
    yield from _identity(alice)
    alice.go("/meu-perfil/")
    yield "meu perfil"
    alice.go("/senha/alterar/")
    yield "senha"
    alice.go("/caixa-de-saida/")
    yield "caixa de saida"
    alice.go("/nowhere/")
    yield "404"


def _identity(alice: Person) -> Iterator[str]:
    confirm, page = "/confirmar-identidade/", alice.page
    page.mouse.move(0, 0)
    alice.field("two_factor_required").uncheck()
    alice.press("/configuracoes/minha-conta/")
    alice.is_at(confirm)
    yield "confirmar identidade, password"
    alice.field("password").fill(PASSWORD)
    alice.press(confirm)
    expect(alice.field("token")).to_be_visible()
    yield "confirmar identidade, token"
    page.locator("button[name=action][value=cancel]").click()
    alice.is_at("/")


def _later_sign_in(alice: Person) -> Iterator[str]:
    alice.go("/")
    alice.sign_out()
    alice.type_password()
    alice.is_at("/entrar/canal/")
    expect(alice.page.locator("altcha-widget input[type=checkbox]")).to_be_visible()
    yield "canal, locked"
    alice.tick_captcha()
    yield "canal, unlocked"
    alice.page.locator("button[name=channel][value=email]").click()
    alice.is_at("/entrar/token/")
    yield "token by e-mail"
    alice.type_token(alice.email, count=2)
    alice.is_at("/")


def _phone_change(alice: Person) -> Iterator[str]:
    confirm, page = "/meu-perfil/telefone/confirmar/", alice.page
    alice.go("/meu-perfil/")
    alice.field("number").fill("99")
    alice.press("/meu-perfil/telefone/")
    alice.is_at("/meu-perfil/telefone/")
    yield "meu perfil, refused"
    alice.field("number").fill(written(alice.new_number))
    alice.press("/meu-perfil/telefone/")
    alice.is_at(confirm)
    yield "confirmar, password"
    alice.field("password").fill(PASSWORD)
    page.locator("[name=channel][value=email]").check()
    alice.press(confirm)
    yield "confirmar, first token"
    alice.type_token(alice.email, count=3)
    expect(page.locator(".progress .done")).to_have_count(2)
    yield "confirmar, new number"
    alice.type_token(alice.new_number)
    alice.is_at("/meu-perfil/")
    yield "meu perfil, changed"


def _passwords(alice: Person) -> Iterator[str]:
    alice.go("/")
    alice.sign_out()
    alice.go("/senha/esqueci/")
    yield "senha, forgotten"
    alice.field("email").fill(alice.email)
    alice.press("/senha/esqueci/")
    alice.is_at("/senha/esqueci/enviado/")
    yield "senha, link sent"
    alice.go("/senha/redefinir/AA/none/")
    yield "senha, bad link"
    link = next(text for text in alice.portal.texts(alice.email, 5) if "/senha/redefinir/" in text)
    alice.go("/senha/redefinir/" + link.split("/senha/redefinir/")[1].split()[0])
    expect(alice.field("new_password1")).to_be_visible()
    yield "senha, chosen"
