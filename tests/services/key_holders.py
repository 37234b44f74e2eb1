"""People whose second step is an app or a passkey, over real HTTP: set up at a sign-in, used, proved with."""

import json
import re
import time
from base64 import b32decode
from collections.abc import Callable
from functools import partial
from html import unescape
from typing import Any

from tests.authenticator import Authenticator
from tests.services.browser import Browser, Response, location
from tests.services.portal import Portal
from tests.services.seed import PASSWORD
from twofactor.factors.app import totp

SETUP = "/entrar/configurar/"
PAGES = {"app": f"{SETUP}aplicativo/", "passkey": f"{SETUP}chave/"}
SIGN_IN = {"app": "/entrar/app/", "passkey": "/entrar/chave/"}
FACTORS = "/meu-perfil/segunda-etapa/"
PROOF = "/confirmar-identidade/"
KINDS = ("sms", "email", "app", "passkey")
DEVICES = {"sms": "twofactor_phonedevice", "app": "twofactor_appdevice", "passkey": "twofactor_passkey"}


class KeyHolder:
    """One person at one browser, with what they prove with."""

    def __init__(self, browser: Browser, *, like: "KeyHolder | None" = None) -> None:
        self.browser = browser
        self.secret: bytes = like.secret if like else b""
        self.key: Authenticator = like.key if like else Authenticator(origin=browser.base, rp_id="localhost")

    def elsewhere(self) -> "KeyHolder":
        """Return the same person, with the same devices, at another browser."""
        here = self.browser
        return KeyHolder(Browser(here.base, here.login, here.number, here.secrets), like=self)

    def token(self, *, steps: int = 1) -> str:
        """Return the token that the app shows a step from now, by this machine's clock.

        The one that it shows now has set it up. A busy machine has a minute to send the later one; one of the step
        before would be too old as soon as the step ends.
        """
        return totp.token_of(self.secret, int(time.time()) // totp.STEP_SECONDS + steps)

    def first_token(self) -> str:
        """Return the token that sets an app up."""
        return self.token(steps=0)

    def forget_tokens(self, portal: Portal) -> None:
        """Let the app's tokens of this minute be used once more, as if it had passed."""
        statement = """
            UPDATE twofactor_appdevice SET last_step = 0
            WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s) RETURNING id"""
        assert portal.database.rows(statement, self.browser.login)

    def at_first_set_up(self, kind: str) -> Callable[[], Response]:
        """Walk a first sign-in to the page that sets a device up; return the click that is left."""
        self.browser.post_password()
        self.browser.post("/entrar/introducao/")
        return self.at_set_up(kind)

    def at_set_up(self, kind: str) -> Callable[[], Response]:
        """Choose the device to be set up at a sign-in; return the click that is left."""
        browser, page = self.browser, PAGES[kind]
        assert location(browser.post(SETUP, kind=kind)) == page
        shown = browser.get(page).text
        if kind == "app":
            self.secret = secret_in(shown)
            return partial(browser.post_at_once, page, token=self.first_token())
        self.key = Authenticator(origin=browser.base, rp_id="localhost")
        return partial(browser.post_at_once, page, credential=self.key.register(options_in(shown)), name="key")

    def at_sign_in(self, kind: str) -> Callable[[], Response]:
        """Walk a later sign-in to the page of an app or a passkey; return the click that is left."""
        browser, page = self.browser, SIGN_IN[kind]
        browser.post_password()
        shown = browser.get(page).text
        if kind == "app":
            return partial(browser.post_at_once, page, token=self.token())
        return partial(browser.post_at_once, page, credential=self.key.sign(options_in(shown)))

    def prove(self) -> Response:
        """Answer the question who it is by the passkey."""
        self.browser.post(PROOF, password=PASSWORD, channel="passkey")
        shown = self.browser.get(PROOF).text
        return self.browser.post_at_once(PROOF, credential=self.key.sign(options_in(shown)))

    def ask(self, path: str, **fields: str) -> Response:
        """Ask for something that wants a proof, and give it; another one within five minutes needs none."""
        self.browser.get(FACTORS)
        answer = self.browser.post_at_once(path, **fields)
        return self.prove() if answer.headers.get("Location") == PROOF else answer


def options_in(page: str) -> dict[str, Any]:
    """Return what a page asks of the browser."""
    found = re.search(r'data-options="([^"]+)"', page)
    assert found, page
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


def secret_in(page: str) -> bytes:
    """Return the secret that a page shows."""
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', page)
    assert found, page
    return b32decode(found[1].replace(" ", ""))


def count_only(portal: Portal, *kinds: str) -> None:
    """Let only these kinds count from now on."""
    statement = """
        UPDATE accounts_account SET sms_tokens = %s, email_tokens = %s, app_tokens = %s, passkeys = %s,
        factors_from = NULL, factors_next = '' RETURNING id"""
    portal.database.rows(statement, *(kind in kinds for kind in KINDS))


def devices_of(portal: Portal, browser: Browser) -> list[str]:
    """Return the kinds of what a person has, one for each device."""
    statement = "SELECT id FROM {} WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s)"
    return [
        kind for kind, table in DEVICES.items() for _row in portal.database.rows(statement.format(table), browser.login)
    ]


def number_in_database(portal: Portal, browser: Browser) -> int:
    """Return the number of a person, which stands in the addresses of their page."""
    ((number,),) = portal.database.rows("SELECT id FROM accounts_user WHERE username = %s", browser.login)
    return int(number)


def events(portal: Portal, browser: Browser, action: str) -> int:
    """Return how often something was written down about a person."""
    statement = """
        SELECT count(*) FROM accounts_auditevent WHERE action = %s
        AND user_id = (SELECT id FROM accounts_user WHERE username = %s)"""
    ((count,),) = portal.database.rows(statement, action, browser.login)
    return int(count)


def administrator_with_passkey(portal: Portal) -> KeyHolder:
    """Return the account's administrator, who has a passkey and is signed in; only passkeys count from now on."""
    count_only(portal, "passkey")
    office = KeyHolder(portal.administrator())
    assert location(office.at_first_set_up("passkey")()) == "/"
    return office
