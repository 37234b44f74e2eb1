"""Journey 2: the first sign-in, over HTTP with literal paths."""

import pytest

from accounts.models import User
from tests.conftest import Browser, last_token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on(policy: object) -> None: ...


def test_the_whole_first_sign_in(browser: Browser, bob: User) -> None:
    response = browser.post_password("bob", next="/meu-perfil/")
    assert response.headers["Location"] == "/entrar/introducao/"
    assert b"Next" in browser.get("/entrar/introducao/").content

    response = browser.post("/entrar/introducao/")
    assert response.headers["Location"] == "/entrar/telefone/"

    response = browser.post_phone("11 98765-4321")
    assert response.headers["Location"] == "/entrar/token/"

    response = browser.post_token(last_token())
    assert response.headers["Location"] == "/meu-perfil/"
    assert browser.is_in()
    bob.refresh_from_db()
    assert bob.phone_device.number == "+5511987654321"
