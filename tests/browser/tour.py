"""Every stop of the portal, one after the other, for tests that look at each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.person import Person, written
from tests.browser.seed import PASSWORD
from tests.pictures import png


def tour(alice: Person) -> Iterator[str]:
    """Walk an administrator without a phone, in an account with the policy on, through everything there is to see.

    The page stands at the stop that was yielded. Leaves one complaint behind: the console's about the 404.
    """
    yield from _doors(alice)
    yield from _first_sign_in(alice)
    yield from _inside(alice)
    yield from _administration(alice)
    yield from _later_sign_in(alice)
    yield from _phone_change(alice)
    yield from _address_and_sessions(alice)
    yield from _passwords(alice)
    yield from _links(alice)


def tour_of_a_newcomer(bob: Person) -> Iterator[str]:
    """Walk a member whose account asks for the mailbox before the phone. Leaves one complaint behind, about the 403."""
    bob.type_password()
    bob.is_at("/entrar/introducao/")
    yield "introducao, four steps"
    bob.press("/entrar/introducao/")
    bob.is_at("/entrar/email/")
    yield "caixa postal"
    bob.tick_captcha()
    bob.press("/entrar/email/")
    bob.is_at("/entrar/token/")
    yield "caixa postal, token"
    bob.type_token(bob.email)
    bob.is_at("/entrar/telefone/")
    yield "telefone, third step"
    bob.give_phone()
    bob.is_at("/entrar/token/")
    bob.type_token()
    bob.is_at("/")
    yield "tela inicial of a member"
    bob.go("/configuracoes/minha-conta/")
    yield "403"


@dataclass(frozen=True)
class Tour:
    """Who walks where, the state of their account, and what the console says meanwhile."""

    walk: Callable[[Person], Iterator[str]]
    administrator: bool
    state: str
    complaint: str

    def stops(self, person: Person) -> Iterator[str]:
        """Walk, and wait at each stop until the page is there to the end."""
        for stop in self.walk(person):
            person.page.wait_for_load_state()
            yield stop

    def seat(self, visit: Visit, fresh: Fresh, **options: Any) -> Person:
        """Return somebody who has not set out yet."""
        household = fresh(self.state)
        if self.administrator:
            return visit(household.alice, household.alices_number, **options)
        return visit(household.bob, household.bobs_number, **options)


TOURS = {
    "administrator": Tour(tour, administrator=True, state="on", complaint="404"),
    "newcomer": Tour(tour_of_a_newcomer, administrator=False, state="mailbox", complaint="403"),
}


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
    alice.page.mouse.move(0, 0)
    for part in ("paises", "aparencia", "avisos"):
        alice.go(f"/configuracoes/minha-conta/{part}/")
        yield f"minha conta, {part}"
    yield from _logo(alice)
    alice.go("/meu-perfil/")
    yield "meu perfil"
    alice.go("/ajuda/")
    yield "ajuda"
    alice.go("/senha/alterar/")
    yield "senha"
    alice.go("/caixa-de-saida/")
    yield "caixa de saida"
    alice.go("/nowhere/")
    yield "404"


def _logo(alice: Person) -> Iterator[str]:
    path = "/configuracoes/minha-conta/logotipo/"
    alice.go(path)
    alice.page.set_input_files("#id_logo", {"name": "logo.gif", "mimeType": "image/gif", "buffer": b"GIF89a"})
    alice.press(path)
    expect(alice.page.locator(".field-errors")).to_be_visible()
    yield "logotipo, refused"
    alice.page.set_input_files("#id_logo", {"name": "logo.png", "mimeType": "image/png", "buffer": png(320, 40)})
    alice.press(path)
    alice.is_at("/configuracoes/minha-conta/aparencia/")
    expect(alice.page.locator(".topbar .account-logo")).to_be_visible()
    yield "minha conta, logotipo"


def _administration(alice: Person) -> Iterator[str]:
    page = alice.page
    alice.go("/configuracoes/usuarios/convidar/")
    yield "convidar"
    alice.field("addresses").fill(f"{_invited(alice)}, no address")
    alice.press("/configuracoes/usuarios/convidar/")
    expect(page.locator(".report li")).to_have_count(2)
    yield "convidar, report"
    alice.go("/configuracoes/usuarios/")
    yield "usuarios"
    bob = page.locator("a.who-name", has_text="Bob").get_attribute("href") or ""
    alice.go("/configuracoes/usuarios/?q=nobody")
    yield "usuarios, nobody"
    alice.go("/configuracoes/usuarios/lembrar/")
    yield "lembrar"
    alice.go(bob)
    yield "usuario"
    yield from _action(alice, f"{bob}papel/")
    alice.go("/configuracoes/auditoria/")
    page.locator(".event-more summary").first.click()
    yield "auditoria"
    alice.go("/configuracoes/auditoria/?person=nobody")
    yield "auditoria, nothing"


def _action(alice: Person, path: str) -> Iterator[str]:
    confirm = "/confirmar-identidade/"
    alice.go(path)
    yield "papel"
    alice.page.locator("form.panel button[type=submit]").click()
    alice.is_at(confirm)
    yield "confirmar identidade, password"
    alice.field("password").fill(PASSWORD)
    alice.press(confirm)
    expect(alice.field("token")).to_be_visible()
    yield "confirmar identidade, token"
    alice.type_token()
    alice.is_at(path.removesuffix("papel/"))


def _address_and_sessions(alice: Person) -> Iterator[str]:
    confirm = "/meu-perfil/email/confirmar/"
    alice.go("/meu-perfil/sessoes/")
    yield "sessoes"
    alice.go("/meu-perfil/email/")
    yield "e-mail"
    alice.field("email").fill(f"new-{alice.email}")
    alice.press("/meu-perfil/email/")
    alice.is_at(confirm)
    yield "confirmar e-mail"
    alice.page.locator("button[name=action][value=cancel]").click()
    alice.is_at("/meu-perfil/")


def _invited(alice: Person) -> str:
    return f"invited-by-{alice.email}"


def _links(alice: Person) -> Iterator[str]:
    """Follow the links of e-mails, good ones and worn ones."""
    alice.go(alice.portal.link(alice.email, "/nao-fui-eu/", 2))  # the second one is of the changed phone
    yield "nao fui eu"
    alice.go(alice.portal.link(_invited(alice), "/convite/"))
    yield "convite"
    alice.go("/convite/worn/")
    yield "convite, worn"


def _later_sign_in(alice: Person) -> Iterator[str]:
    alice.go("/")
    alice.sign_out()
    alice.type_password()
    alice.is_at("/entrar/canal/")
    expect(alice.page.locator("altcha-widget input[type=checkbox]")).to_be_visible()
    yield "canal, locked"
    alice.tick_captcha()
    expect(alice.page.locator("button[name=channel][value=email]")).to_be_enabled()
    yield "canal, unlocked"
    alice.page.locator("button[name=channel][value=email]").click()
    alice.is_at("/entrar/token/")
    yield "token by e-mail"
    alice.type_token(alice.email)
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
    expect(alice.field("token")).to_be_visible()
    yield "confirmar, first token"
    alice.type_token(alice.email)
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
    alice.go(alice.portal.link(alice.email, "/senha/redefinir/"))
    expect(alice.field("new_password")).to_be_visible()
    yield "senha, chosen"
