"""With JavaScript off everything is still there; only the captcha needs it, and says so."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.person import Person, written
from tests.browser.seed import PASSWORD

CONFIRM = "/meu-perfil/telefone/confirmar/"


def plain(visit: Visit, login: str, number: str, of: Person | None = None) -> Person:
    """Seat somebody at a browser without JavaScript, with the cookies of another one."""
    state = {"storage_state": of.state()} if of else {}
    return visit(login, number, java_script_enabled=False, **state)


def test_the_first_sign_in_is_readable_and_says_what_is_missing(visit: Visit, fresh: Fresh) -> None:
    household = fresh("on")
    bob = plain(visit, household.bob, household.bobs_number)
    bob.type_password()
    bob.is_at("/entrar/introducao/")
    expect(bob.page.locator("dialog")).to_be_visible()
    bob.press("/entrar/introducao/")
    bob.is_at("/entrar/telefone/")
    expect(bob.page.locator("dialog")).to_be_visible()
    expect(bob.page.locator("dialog .captcha .note")).to_be_visible()
    bob.field("number").fill("11 8765-4321")
    bob.press("/entrar/telefone/")
    expect(bob.page.locator(".field-errors")).to_have_count(1)  # the number's; the captcha is asked last
    bob.field("number").fill(bob.typed_number)
    bob.press("/entrar/telefone/")

    expect(bob.page.locator(".captcha-field .field-errors")).to_be_visible()
    assert bob.portal.outbox(bob.number) == []
    bob.press("/sair/")
    bob.is_at("/entrar/")


def test_a_token_opens_without_javascript(visit: Visit, fresh: Fresh) -> None:
    household = fresh("enrolled")
    bob = visit(household.bob, household.bobs_number)
    bob.type_password()
    bob.is_at("/entrar/canal/")
    bob.ask_for_token("sms")
    other = plain(visit, household.bob, household.bobs_number, of=bob)
    bob.page.goto("about:blank")  # or it would go on asking for the delivery status of what the other one ends
    other.go("/entrar/token/")
    expect(other.page.locator("dialog")).to_be_visible()
    expect(other.page.locator("[data-digits]")).to_have_text(re.compile(r"^1[2-8]\ds$"))  # stands still, and is true
    other.type_token()

    other.is_at("/")


def test_a_later_sign_in_says_that_the_captcha_needs_javascript(visit: Visit, fresh: Fresh) -> None:
    household = fresh("enrolled")
    bob = plain(visit, household.bob, household.bobs_number)
    bob.type_password()
    bob.is_at("/entrar/canal/")

    expect(bob.page.locator("dialog .captcha .note")).to_be_visible()
    for button in bob.page.locator("button[name=channel]").all():
        expect(button).to_be_visible()
        expect(button).to_be_disabled()


def test_the_phone_is_changed_without_javascript(visit: Visit, fresh: Fresh) -> None:
    household = fresh("enrolled")
    signed_in = visit(household.bob, household.bobs_number)
    signed_in.sign_in()
    bob = plain(visit, household.bob, household.bobs_number, of=signed_in)
    bob.go("/meu-perfil/")
    bob.field("number").fill(written(bob.new_number))
    bob.press("/meu-perfil/telefone/")
    bob.is_at(CONFIRM)
    expect(bob.page.locator("dialog")).to_be_visible()
    bob.field("password").fill(PASSWORD)
    bob.press(CONFIRM)
    bob.type_token()
    expect(bob.page.locator(".progress .done")).to_have_count(2)
    bob.type_token(bob.new_number)

    bob.is_at("/meu-perfil/")
    expect(bob.page.locator("#phone")).to_contain_text(written(bob.new_number))


def test_the_policy_is_switched_without_javascript(visit: Visit, fresh: Fresh) -> None:
    household = fresh("off")
    alice = plain(visit, household.alice, household.alices_number)
    alice.type_password()
    alice.is_at("/")
    alice.page.locator("nav a[href='/configuracoes/minha-conta/']").click()
    alice.field("two_factor_required").check()
    alice.press("/configuracoes/minha-conta/")
    alice.is_at("/entrar/introducao/")
    alice.press("/sair/")
    alice.is_at("/entrar/")


def test_countries_are_chosen_without_javascript(visit: Visit, fresh: Fresh) -> None:
    household = fresh("off")
    alice = plain(visit, household.alice, household.alices_number)
    alice.type_password()
    alice.is_at("/")
    alice.go("/configuracoes/minha-conta/paises/")
    alice.page.get_by_label("Portugal").check()
    alice.press("/configuracoes/minha-conta/paises/")
    alice.is_at("/confirmar-identidade/")
    alice.field("password").fill(PASSWORD)
    alice.press("/confirmar-identidade/")
    alice.is_at("/configuracoes/minha-conta/paises/")
    expect(alice.page.get_by_label("Portugal")).to_be_checked()
    expect(alice.page.get_by_label("Brasil")).to_be_checked()
    expect(alice.page.get_by_label("Angola")).not_to_be_checked()


def test_the_profile_menu_opens_without_javascript(visit: Visit, fresh: Fresh) -> None:
    alice = plain(visit, fresh("off").alice, "")
    alice.type_password()
    alice.sign_out()
