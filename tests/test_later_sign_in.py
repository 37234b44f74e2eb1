"""Journey 3: every later sign-in, over HTTP with literal paths."""

import pytest

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
