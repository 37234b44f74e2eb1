"""What other programs rely on besides pages: the addresses of the stronger factors, by literal paths (K-03 to K-05)."""

import base64
import json
import re
from typing import Any

import pytest

from accounts.models import User
from tests.authenticator import Authenticator, give_passkey
from tests.conftest import PASSWORD, Browser, last_token
from tests.test_app import token_now
from tests.tools import page
from twofactor.models import Passkey, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

APP = "/meu-perfil/segunda-etapa/app/"
PASSKEYS = "/meu-perfil/segunda-etapa/chaves/"
CODES = "/meu-perfil/segunda-etapa/codigos/"
PROOF = "/confirmar-identidade/"


@pytest.fixture
def inside(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    browser.sign_in("bob")
    return browser


def prove(browser: Browser) -> Any:
    """Give both proofs; return where it leads."""
    browser.post(PROOF, {"password": PASSWORD, "channel": "sms"})
    return browser.post(PROOF, {"token": last_token()})


def post_json(browser: Browser, path: str, sent: object) -> Any:
    return browser.post(path, json.dumps(sent), content_type="application/json")


def secret_in(shown: str) -> bytes:
    (written,) = re.findall(r'id="secret"[^>]*>([A-Z2-7 ]+)<', shown)
    return base64.b32decode(written.replace(" ", ""))


def test_the_page_of_the_app_holds_the_secret_and_takes_the_first_token(inside: Browser) -> None:
    """K-03: GET leads to the proof and back; the page stays the same until the token is typed."""
    assert inside.get(APP).headers["Location"] == PROOF
    assert prove(inside).headers["Location"] == APP
    shown = inside.get(APP)
    assert shown.status_code == 200
    secret = secret_in(page(shown))
    assert secret_in(page(inside.get(APP))) == secret
    assert inside.post(APP, {"token": token_now(secret)}).headers["Location"] == "/meu-perfil/segunda-etapa/"
    other = Browser()
    assert other.post_password("bob").headers["Location"] == "/entrar/app/"
    other.post("/entrar/app/", {"token": token_now(secret, steps=1)})
    assert other.is_in()


def test_a_program_without_the_proof_is_told_what_is_missing(inside: Browser) -> None:
    """R-12."""
    for path in (APP, PASSKEYS + "opcoes/"):
        refused = inside.post(path, headers={"accept": "application/json"})
        assert (refused.status_code, refused.json()) == (403, {"detail": "reauthentication_required"})
    refused = post_json(inside, PASSKEYS, {"credential": {}})
    assert (refused.status_code, refused.json()) == (403, {"detail": "reauthentication_required"})


def test_a_program_adds_a_passkey_and_signs_in_by_it(inside: Browser) -> None:
    """K-04: options and answers are JSON."""
    inside.reauthenticate(PASSKEYS)
    options = inside.post(PASSKEYS + "opcoes/").json()
    key = Authenticator()
    registered = json.loads(key.register(options))
    added = post_json(inside, PASSKEYS, {"credential": registered, "name": "laptop"})
    assert (added.status_code, Passkey.objects.get().name) == (201, "laptop")
    again = post_json(inside, PASSKEYS, {"credential": registered, "name": "laptop"})
    assert again.status_code in {400, 403}
    assert Passkey.objects.count() == 1
    other = Browser()
    other.post_password("bob")
    asked = other.post("/entrar/chave/opcoes/").json()
    assert post_json(other, "/entrar/chave/", json.loads(key.sign(asked))).headers["Location"] == "/"
    assert other.is_in()


@pytest.mark.parametrize(
    "sent",
    ["{", "[]", "null", "1", '"' + "x" * 30_000 + '"', "[" * 5_000, b"\xff", '{"id": "\\ud800", "rawId": "\\ud800"}'],
)
def test_json_that_is_no_answer_is_refused_and_signs_nobody_in(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, sent: str | bytes
) -> None:
    """K-04, W-08."""
    give_passkey(bob)
    browser.post_password("bob")
    refused = browser.post("/entrar/chave/", sent, content_type="application/json")
    assert refused.status_code == 200
    assert not browser.is_in()


def test_json_that_is_no_answer_adds_nothing(inside: Browser) -> None:
    """K-04."""
    inside.reauthenticate(PASSKEYS)
    inside.post(PASSKEYS + "opcoes/")
    refused = post_json(inside, PASSKEYS, {"credential": {"id": "x"}, "name": ["laptop"]})
    assert refused.status_code == 400
    assert refused.json()["detail"]
    assert not Passkey.objects.exists()


def test_half_a_character_in_a_name_is_no_error(inside: Browser) -> None:
    """W-08: JSON can hold one, the database cannot."""
    inside.reauthenticate(PASSKEYS)
    options = inside.post(PASSKEYS + "opcoes/").json()
    registered = json.loads(Authenticator().register(options))
    assert post_json(inside, PASSKEYS, {"credential": registered, "name": "key \ud800"}).status_code == 201
    assert Passkey.objects.get().name == "key ?"


def test_each_recovery_code_stands_in_an_element_of_its_own(inside: Browser) -> None:
    """K-05: shown once; looking makes none."""
    assert inside.get(CODES).headers["Location"] == "/meu-perfil/segunda-etapa/"
    shown = page(inside.reauthenticate(CODES))
    assert len(re.findall(r'class="recovery-code">[^<]{16,}<', shown)) == 10
