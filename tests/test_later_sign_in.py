"""Journey 3: every later sign-in, over HTTP with literal paths."""

import re

import pytest

from accounts.models import User
from tests.conftest import Browser, last_token, sent_to
from twofactor.models import PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]


def test_sign_in_by_sms(browser: Browser, bobs_phone: PhoneDevice) -> None:
    response = browser.post_password("bob")
    assert response.headers["Location"] == "/entrar/canal/"
    assert "Step 1 of 2" in browser.get("/entrar/canal/").content.decode()
    response = browser.post_channel("sms")
    assert response.headers["Location"] == "/entrar/token/"
    page = browser.get("/entrar/token/")
    assert page.status_code == 200
    assert "Step 2 of 2" in page.content.decode()
    assert browser.post_token(last_token()).headers["Location"] == "/"
    assert browser.is_in()


def test_sign_in_by_email(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.post_password("bob@example.com")
    browser.post_channel("email")
    assert sent_to("bob@example.com")[0]["channel"] == "email"
    assert browser.post_token(last_token()).headers["Location"] == "/"


def test_the_other_channel_is_one_click_away(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.post_password("bob")
    browser.post_channel("sms")
    response = browser.post("/entrar/canal/", {"channel": "email"})
    assert response.headers["Location"] == "/entrar/token/"
    assert browser.post_token(last_token()).headers["Location"] == "/"


def channels(browser: Browser) -> list[str]:
    """Sign in as far as the choice, and return its buttons in their order."""
    browser.post_password("bob")
    return re.findall(r'name="channel" value="(\w+)"', browser.get("/entrar/canal/").content.decode())


def test_the_channel_used_last_comes_first(browser: Browser, bobs_phone: PhoneDevice) -> None:
    assert channels(browser) == ["sms", "email"]
    browser.post_channel("email")
    browser.post_token(last_token())
    browser.post("/sair/")
    assert channels(browser) == ["email", "sms"]
    assert 'value="email" class="choice" data-first' in browser.get("/entrar/canal/").content.decode()


def test_what_was_sent_and_not_typed_changes_no_order(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.post_password("bob")
    browser.post_channel("email")
    browser.post("/sair/")
    assert channels(browser) == ["sms", "email"]


def test_ones_own_choice_comes_before_what_was_used_last(browser: Browser, bob: User, bobs_phone: PhoneDevice) -> None:
    User.objects.filter(pk=bob.pk).update(last_factor="email", preferred_factor="sms")
    assert channels(browser) == ["sms", "email"]
