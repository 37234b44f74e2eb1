"""The four journeys in Firefox and in WebKit, by one person after the other."""

import os
from collections.abc import Iterator

import pytest

from tests.browser.conftest import Fresh
from tests.browser.engines import ENGINES, Engine
from tests.browser.person import written
from tests.browser.portal import Portal
from tests.browser.seed import PASSWORD


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    start, is_here = ENGINES[request.param]
    if not is_here():
        reason = f"{request.param} is not installed (see .ci/run)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with start() as engine:
        yield engine


class Somebody:
    """Somebody with a login and a phone, in a window that the next person uses after them."""

    def __init__(self, engine: Engine, portal: Portal, login: str, number: str) -> None:
        self.engine, self.portal, self.login, self.number = engine, portal, login, number

    @property
    def email(self) -> str:
        return f"{self.login}@example.com"

    def at(self, path: str) -> None:
        self.engine.is_at(self.portal.base + path)

    def press(self, path: str) -> None:
        self.engine.click(f"form[action='{path}'] button[type=submit]")

    def type_password(self) -> None:
        self.engine.go(f"{self.portal.base}/entrar/")
        self.engine.write("[name=username]", self.login)
        self.engine.write("[name=password]", PASSWORD)
        self.press("/entrar/")

    def tick_captcha(self) -> None:
        self.engine.click("altcha-widget input[type=checkbox]")
        self.engine.find("altcha-widget [data-state=verified]")

    def enter_token(self, to: str, count: int = 1) -> None:
        self.engine.write("[name=token]", self.portal.token(to, count))  # sent by itself

    def set_up(self) -> None:
        self.at("/entrar/introducao/")
        self.press("/entrar/introducao/")
        self.at("/entrar/telefone/")
        self.engine.write("input[name=number]", written(self.number))
        self.tick_captcha()
        self.press("/entrar/telefone/")
        self.at("/entrar/token/")
        self.enter_token(self.number)

    def leave(self) -> None:
        self.engine.click("details.profile-menu summary")
        self.press("/sair/")
        self.at("/entrar/")


def test_the_four_journeys(engine: Engine, portal: Portal, fresh: Fresh) -> None:
    household = fresh("off")
    alice = Somebody(engine, portal, household.alice, household.alices_number)
    bob = Somebody(engine, portal, household.bob, household.bobs_number)

    alice.type_password()
    alice.at("/")
    engine.go(f"{portal.base}/configuracoes/minha-conta/")
    engine.click("[name=two_factor_required]:not([type=hidden])")
    alice.press("/configuracoes/minha-conta/")
    alice.set_up()
    alice.at("/configuracoes/minha-conta/")
    engine.has(1, "[role=switch][name=two_factor_required]:checked")
    alice.leave()

    bob.type_password()
    bob.set_up()
    bob.at("/")
    bob.leave()

    come_back_by_email_after_a_wrong_token(bob)
    change_phone(bob)


def come_back_by_email_after_a_wrong_token(bob: Somebody) -> None:
    bob.type_password()
    bob.at("/entrar/canal/")
    bob.tick_captcha()
    bob.engine.click("button[name=channel][value=email]")
    bob.at("/entrar/token/")
    right = bob.portal.token(bob.email)
    bob.engine.write("[name=token]", "000000" if right != "000000" else "111111")
    bob.engine.find(".field-errors")
    bob.engine.write("[name=token]", right)
    bob.engine.click("[data-main]")
    bob.at("/")


def change_phone(bob: Somebody) -> None:
    engine, new = bob.engine, f"+5531{bob.number[5:10]}9876"
    engine.go(f"{bob.portal.base}/meu-perfil/")
    engine.says("#phone", written(bob.number))
    engine.write("input[name=number]", written(new))
    bob.press("/meu-perfil/telefone/")
    bob.at("/meu-perfil/telefone/confirmar/")
    before = len(bob.portal.tokens(bob.number))
    engine.write("[name=password]", PASSWORD)
    bob.press("/meu-perfil/telefone/confirmar/")
    bob.enter_token(bob.number, before + 1)
    engine.has(2, ".progress .done")
    bob.enter_token(new)
    bob.at("/meu-perfil/")
    engine.says("#phone", written(new))
