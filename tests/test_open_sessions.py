"""R-09: a pending sign-in out of an open session asks for the password first; a stolen cookie binds nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Account, AuditEvent, User
from tests.conftest import BOBS_NUMBER, PASSWORD, Browser, deliver, enrol, last_token
from tests.tools import let_pass, page
from twofactor.models import PendingSignIn, PhoneDevice

pytestmark = pytest.mark.django_db

SETTINGS = "/configuracoes/minha-conta/"
OWN_PASSWORD = "/entrar/senha/"
STEPS = ["introducao", "telefone", "canal", "email", "codigo", "token"]


def switch_on(browser: Browser) -> Any:
    return browser.post(SETTINGS, {"two_factor_required": "on"})


def set_date(browser: Browser) -> Any:
    return browser.post(f"{SETTINGS}data/", {"starts": "2027-06-01"})


def be_stopped(browser: Browser) -> Any:
    Account.objects.update(two_factor_required=True)
    return browser.get("/meu-perfil/")


# Every way from an open session to a pending sign-in.
WAYS: dict[str, Callable[[Browser], Any]] = {"switch": switch_on, "date": set_date, "policy": be_stopped}


def stolen(login: str, seconds: int) -> Browser:
    """Return a browser with the cookie of a session that was opened so long ago."""
    owner, thief = Browser(), Browser()
    owner.post_password(login)
    let_pass(seconds)
    thief.cookies["session"] = owner.cookies["session"].value
    return thief


@pytest.mark.parametrize("way", WAYS)
def test_a_stolen_cookie_binds_no_phone(alice: User, bob: User, way: str) -> None:
    """R-09: neither by the switch, nor by the date, nor when the policy comes on."""
    thief = stolen("alice", 301)
    assert WAYS[way](thief).headers["Location"] == OWN_PASSWORD
    for step in STEPS:
        for answer in (thief.get(f"/entrar/{step}/"), thief.post(f"/entrar/{step}/", {"number": "11 91234-5678"})):
            assert answer.headers["Location"] == OWN_PASSWORD
    assert thief.post(OWN_PASSWORD, {"password": ""}).status_code == 200
    assert "This is not your password." in page(thief.post(OWN_PASSWORD, {"password": "guessed it is"}))
    assert thief.get("/").headers["Location"] == OWN_PASSWORD
    assert not PhoneDevice.objects.exists()
    assert deliver() == []


def test_guesses_are_limited_as_those_of_a_session(alice: User) -> None:
    """R-09: and the pop-up leads back to itself."""
    thief = stolen("alice", 301)
    switch_on(thief)
    for _time in range(5):
        thief.post(OWN_PASSWORD, {"password": "guessed it is"})
    limited = thief.post(OWN_PASSWORD, {"password": PASSWORD})
    assert limited.status_code == 429
    assert OWN_PASSWORD in page(limited)
    assert AuditEvent.objects.filter(action="password.failed", user=alice).count() == 5


@pytest.mark.parametrize("way", WAYS)
def test_a_recent_password_is_not_asked_for_again(alice: User, way: str) -> None:
    """R-09: honest people have no click more."""
    assert WAYS[way](stolen("alice", 290)).headers["Location"] == "/entrar/introducao/"


def test_a_proof_in_the_session_counts(alice: User) -> None:
    """R-09: the password was typed three minutes ago, on another page of the settings."""
    browser = stolen("alice", 3000)
    browser.post(f"{SETTINGS}opcoes/", {"mailbox_before_phone": "on"})
    browser.prove_identity()
    let_pass(180)
    assert switch_on(browser).headers["Location"] == "/entrar/introducao/"


def test_the_password_leads_on_and_the_policy_is_on_in_the_end(alice: User, account: Account) -> None:
    """R-09, A-02."""
    browser = stolen("alice", 301)
    switch_on(browser)
    assert browser.post(OWN_PASSWORD, {"password": PASSWORD}).headers["Location"] == "/entrar/introducao/"
    assert browser.get(OWN_PASSWORD).headers["Location"] == "/entrar/introducao/"
    browser.post("/entrar/introducao/")
    browser.post_phone()
    assert browser.post_token(last_token()).headers["Location"] == SETTINGS
    account.refresh_from_db()
    assert account.two_factor_required


def test_a_person_with_a_phone_goes_on_to_the_channel(bob: User) -> None:
    """R-09: the policy was off for a while."""
    enrol(bob, BOBS_NUMBER)
    browser = stolen("bob", 301)
    assert be_stopped(browser).headers["Location"] == OWN_PASSWORD
    assert browser.post(OWN_PASSWORD, {"password": PASSWORD}).headers["Location"] == "/entrar/canal/"
    browser.post_channel("sms")
    assert browser.post_token(last_token()).headers["Location"] == "/meu-perfil/"


def test_a_sign_in_by_password_has_nothing_more_to_type(browser: Browser, bob: User, policy: object) -> None:
    browser.post_password("bob")
    assert browser.get(OWN_PASSWORD).headers["Location"] == "/entrar/introducao/"
    assert not PendingSignIn.objects.filter(needs_password=True).exists()
