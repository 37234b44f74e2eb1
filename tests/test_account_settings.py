"""Journey 1: the administrator switches the policy, over HTTP with literal paths."""

import pytest

from accounts.models import Account, User
from tests.conftest import ALICES_NUMBER, Browser, last_token

pytestmark = pytest.mark.django_db

SETTINGS = "/configuracoes/minha-conta/"


def test_switching_on_begins_with_ones_own_phone(browser: Browser, alice: User, account: Account) -> None:
    browser.post_password("alice")
    assert browser.get(SETTINGS).status_code == 200
    response = browser.post(SETTINGS, {"two_factor_required": "on"})
    assert response.headers["Location"] == "/entrar/introducao/"
    account.refresh_from_db()
    assert not account.two_factor_required

    browser.post("/entrar/introducao/")
    browser.post_phone(ALICES_NUMBER)
    response = browser.post_token(last_token())
    assert response.headers["Location"] == SETTINGS
    account.refresh_from_db()
    assert account.two_factor_required
    assert browser.get(SETTINGS).status_code == 200


def test_members_do_not_see_account_settings(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    assert browser.get(SETTINGS).status_code == 403
    assert SETTINGS not in browser.get("/").content.decode()
