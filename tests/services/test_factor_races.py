"""K-03, K-05, W-04: of 20 parallel right tokens of an app, or recovery codes, one succeeds; on both databases."""

import re
import time
from base64 import b32decode
from collections.abc import Callable
from functools import partial

import pytest

from tests.services.browser import Browser, Response, at_once, counted
from tests.services.key_holders import events
from tests.services.portal import Portal
from tests.services.seed import PASSWORD
from twofactor.factors.app import totp

FACTORS = "/meu-perfil/segunda-etapa/"
START, CODES = f"{FACTORS}app/", f"{FACTORS}codigos/"
CONFIRM = START
PROOF = "/confirmar-identidade/"
APP, CODE = "/entrar/app/", "/entrar/codigo/"
SIGNED_IN = (302, "/")
FAIR = {200, 302, 429}  # each is counted before it is compared, so the tenth of those at once has to wait


@pytest.fixture(params=["postgres", "sqlite"])
def any_portal(request: pytest.FixtureRequest) -> Portal:
    found: Portal = request.getfixturevalue("portal" if request.param == "postgres" else "sqlite_portal")
    return found


def token_now(secret: bytes, *, steps: int = 0) -> str:
    """Return a token by this machine's clock, which is the database's, too."""
    return totp.token_of(secret, int(time.time()) // totp.STEP_SECONDS + steps)


def prove(portal: Portal, browser: Browser, path: str) -> Response:
    """Ask for something, and prove who it is by SMS."""
    browser.get(FACTORS)
    browser.post_at_once(path)
    browser.post(PROOF, password=PASSWORD, channel="sms")
    return browser.post(PROOF, token=portal.token(browser, 2))


def inside(portal: Portal) -> Browser:
    browser = portal.member().ask_for_sms()
    browser.post_token(portal.token(browser))
    assert browser.is_in()
    return browser


def secret_shown(browser: Browser) -> bytes:
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', browser.get(CONFIRM).text)
    assert found
    return b32decode(found[1].replace(" ", ""))


def posts(browser: Browser, path: str, token: str) -> list[Callable[[], Response]]:
    browser.get(path)
    return [partial(browser.post_aside, path, token=token) for _time in range(20)]


def half_way(portal: Portal, browser: Browser) -> Browser:
    """Return the same person at another browser, past the password."""
    other = Browser(portal.base, browser.login, browser.number, portal.secrets)
    other.post_password()
    return other


def test_an_app_is_set_up_once_and_its_token_signs_in_once(any_portal: Portal) -> None:
    browser = inside(any_portal)
    prove(any_portal, browser, START)
    secret = secret_shown(browser)
    answers = counted(at_once(posts(browser, CONFIRM, token_now(secret))))
    assert {status for status, _ in answers} <= FAIR, answers
    assert events(any_portal, browser, "app.enrolled") == 1
    assert events(any_portal, browser, "app.replaced") == 0

    other = half_way(any_portal, browser)
    answers = counted(at_once(posts(other, APP, token_now(secret, steps=1))))
    assert answers.pop(SIGNED_IN) == 1, answers
    assert {status for status, _ in answers} <= FAIR, answers
    assert events(any_portal, browser, "sign_in.verified") == 2, "the SMS before, and one of the twenty"


def test_a_recovery_code_signs_in_once(any_portal: Portal) -> None:
    browser = inside(any_portal)
    found = re.findall(r"<li[^>]*>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</li>", prove(any_portal, browser, CODES).text)
    assert len(found) == 10
    other = half_way(any_portal, browser)
    answers = counted(at_once(posts(other, CODE, found[0])))
    assert answers.pop(SIGNED_IN) == 1, answers
    assert {status for status, _ in answers} <= FAIR, answers
    assert events(any_portal, browser, "codes.used") == 1
    assert not browser.is_in(), "the other sessions end"
