"""R-06: after a password reset by e-mail the mailbox is not a second factor until one sign-in by SMS."""

import re

import pytest

from accounts.models import User
from tests.conftest import PASSWORD, Browser, deliver, last_token, sent_to
from twofactor.models import PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

NEW_PASSWORD = "another horse battery"


@pytest.fixture
def reset(bob: User, bobs_phone: PhoneDevice) -> None:
    """Reset Bob's password by e-mail."""
    browser = Browser()
    browser.post("/senha/esqueci/", {"email": "bob@example.com"})
    link = re.search(r"/senha/redefinir/\S+/", deliver()[0]["text"])
    assert link
    form = browser.get(link[0], follow=True)
    browser.post(form.request["PATH_INFO"], {"new_password": NEW_PASSWORD})


@pytest.mark.usefixtures("reset")
def test_only_sms_is_offered(browser: Browser) -> None:
    browser.post_password("bob", NEW_PASSWORD)
    page = browser.get("/entrar/canal/").content.decode()
    assert 'value="sms"' in page
    assert 'value="email"' not in page
    assert "after one sign-in by SMS" in page


@pytest.mark.usefixtures("reset")
def test_forcing_the_mailbox_sends_nothing(browser: Browser) -> None:
    browser.post_password("bob", NEW_PASSWORD)
    before = len(sent_to("bob@example.com"))
    assert browser.post_channel("email").status_code == 200
    assert len(sent_to("bob@example.com")) == before


@pytest.mark.usefixtures("reset")
def test_it_is_no_other_channel_on_the_token_page_either(browser: Browser) -> None:
    browser.post_password("bob", NEW_PASSWORD)
    browser.post_channel("sms")
    assert 'value="email"' not in browser.get("/entrar/token/").content.decode()
    assert browser.post("/entrar/canal/", {"channel": "email"}).status_code == 200


@pytest.mark.usefixtures("reset")
def test_one_sign_in_by_sms_brings_it_back(browser: Browser, other_browser: Browser, bob: User) -> None:
    browser.post_password("bob", NEW_PASSWORD)
    browser.post_channel("sms")
    browser.post_token(last_token())
    assert browser.is_in()
    other_browser.post_password("bob", NEW_PASSWORD)
    assert other_browser.post_channel("email").headers["Location"] == "/entrar/token/"


def test_a_change_by_the_person_suspects_nobody(browser: Browser, bob: User, bobs_phone: PhoneDevice) -> None:
    browser.sign_in("bob")
    data = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    browser.post("/senha/alterar/", data)
    bob.refresh_from_db()
    assert not bob.mailbox_suspect


@pytest.mark.usefixtures("policy")
def test_the_administrators_are_told_when_the_policy_goes_off(browser: Browser, alice: User, bob: User) -> None:
    """A-01: administrators only, in their language."""
    browser.enrol("alice", "21 98765-1234")
    browser.post("/configuracoes/minha-conta/", {})
    browser.prove_identity()
    assert sent_to("alice@example.com")[0]["subject"] == "Two factor authentication was switched off"
    assert not [e for e in sent_to("bob@example.com") if "switched off" in e["subject"]]
