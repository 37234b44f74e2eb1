"""K-04, W-04: of 20 parallel right answers of a passkey one succeeds: when it is added, as second step, and alone."""

import json
import re
from functools import partial
from html import unescape
from typing import Any

import pytest

from tests.authenticator import Authenticator
from tests.services.browser import Browser, at_once, counted
from tests.services.key_holders import events
from tests.services.portal import Portal
from tests.services.test_factor_races import SIGNED_IN, half_way, inside, prove

START = "/meu-perfil/segunda-etapa/chaves/"
NEW, KEY = f"{START}nova/", "/entrar/chave/"
ALONE = "/entrar/so-com-chave/"


@pytest.fixture(params=["postgres", "sqlite"])
def any_portal(request: pytest.FixtureRequest) -> Portal:
    found: Portal = request.getfixturevalue("portal" if request.param == "postgres" else "sqlite_portal")
    return found


def asked(browser: Browser, path: str) -> dict[str, Any]:
    found = re.search(r'data-options="([^"]+)"', browser.get(path).text)
    assert found
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


def test_a_passkey_is_added_once_and_each_answer_signs_in_once(any_portal: Portal) -> None:
    browser = inside(any_portal)
    prove(any_portal, browser, START)
    key = Authenticator(origin=any_portal.base, rp_id="localhost")
    answer = key.register(asked(browser, NEW))
    posts = [partial(browser.post_aside, NEW, credential=answer, name=f"key {each}") for each in range(20)]
    answers = counted(at_once(posts))
    assert {status for status, _ in answers} <= {200, 302}, answers
    assert events(any_portal, browser, "passkey.added") == 1

    other = half_way(any_portal, browser)
    answer = key.sign(asked(other, KEY))
    answers = counted(at_once([partial(other.post_aside, KEY, credential=answer) for _time in range(20)]))
    assert answers.pop(SIGNED_IN) == 1, answers
    assert {status for status, _ in answers} <= {200, 302}, answers
    assert events(any_portal, browser, "sign_in.verified") == 2, "the SMS before, and one of the twenty"


def test_of_two_sign_ins_by_one_count_one_succeeds(any_portal: Portal) -> None:
    """A copy of the key signs with the number that the key signs with: never are both let in."""
    browser = inside(any_portal)
    prove(any_portal, browser, START)
    key = Authenticator(origin=any_portal.base, rp_id="localhost")
    browser.post_at_once(NEW, credential=key.register(asked(browser, NEW)), name="key")
    sides = [half_way(any_portal, browser) for _side in range(2)]
    answers = [key.sign(asked(side, KEY), sign_count=9) for side in sides]
    posts = [partial(side.post_aside, KEY, credential=each) for side, each in zip(sides, answers, strict=True)]
    assert counted(at_once(posts)).get(SIGNED_IN) == 1


def test_alone_each_answer_signs_in_once(any_portal: Portal) -> None:
    """By a key that never counts: what uses the answer up is its challenge alone."""
    browser = inside(any_portal)
    prove(any_portal, browser, START)
    key = Authenticator(origin=any_portal.base, rp_id="localhost", counts=False)
    browser.post_at_once(NEW, credential=key.register(asked(browser, NEW)), name="key")
    switch = """
        UPDATE accounts_account SET passkeys_alone = %s
        WHERE id = (SELECT account_id FROM accounts_user WHERE username = %s) RETURNING id"""
    any_portal.database.rows(switch, True, browser.login)
    try:
        other = Browser(any_portal.base, browser.login, browser.number, browser.secrets)
        other.get("/entrar/")
        answer = key.sign(other.get(f"{ALONE}pedido/").json())
        answers = counted(at_once([partial(other.post_aside, ALONE, credential=answer) for _time in range(20)]))
        assert answers.pop(SIGNED_IN) == 1, answers
        assert set(answers) == {(302, "/entrar/")}, answers
        assert events(any_portal, browser, "sign_in.verified") == 2, "the SMS before, and one of the twenty"
    finally:
        any_portal.database.rows(switch, False, browser.login)
