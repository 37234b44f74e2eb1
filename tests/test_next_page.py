"""A POST answered with the next page (twofactor/sign_in/next_page.py): for the script, and for nobody else."""

import re
from typing import Any

import pytest

from accounts import rate_limits, sms_limits
from accounts.models import User
from messaging.delivery.models import Message
from tests.conftest import PASSWORD, Browser, last_token
from twofactor import error_messages
from twofactor.exceptions import SmsUsedUp
from twofactor.models import Challenge, PendingSignIn
from twofactor.sign_in import flows

pytestmark = pytest.mark.usefixtures("policy", "bobs_phone")
STRAIGHT = {"straight": "on"}


def title(answer: Any) -> str:
    return str(re.findall(r"<title>(.*?)</title>", answer.content.decode())[0])


def own_address(answer: Any) -> str:
    return "".join(re.findall(r'data-address="([^"]*)"', answer.content.decode()))


def without_what_changes(answer: Any) -> str:
    changing = r'name="csrfmiddlewaretoken" value="[^"]+"|challenge="[^"]+"|data-[a-z-]+="\d+"'
    return re.sub(changing, "", answer.content.decode())


def test_the_script_gets_the_page_that_a_redirect_leads_to(browser: Browser) -> None:
    answer = browser.post_password("bob", **STRAIGHT)
    assert (answer.status_code, own_address(answer)) == (200, "/entrar/canal/")
    assert without_what_changes(answer) == without_what_changes(browser.get("/entrar/canal/"))
    sent = browser.post("/entrar/canal/", {"channel": "sms", "altcha": browser.captcha("/entrar/canal/"), **STRAIGHT})
    assert (sent.status_code, own_address(sent)) == (200, "/entrar/token/")
    assert without_what_changes(sent) == without_what_changes(browser.get("/entrar/token/"))
    assert Message.objects.count() == 1
    assert browser.post_token(last_token()).headers["Location"] == "/"


def test_the_next_page_tells_the_time_that_is_left_without_reading_it(browser: Browser, bob: User) -> None:
    """The challenge that was just issued is not read again for it."""
    browser.post_password("bob", **STRAIGHT)
    pending = PendingSignIn.objects.get()
    issued = flows.start_sign_in_challenge(pending, "sms", captcha="of this request")
    read = Challenge.objects.shown(pending)
    assert read
    assert 0 <= issued.seconds_left - read.seconds_left <= 5
    assert issued.message
    assert read.message
    assert (issued.message.state, issued.message.fault) == (read.message.state, read.message.fault)
    assert pending.just_issued == read


def test_the_next_page_is_as_read_again_when_the_captcha_unlocks_no_other_token(
    browser: Browser, settings: Any
) -> None:
    """The pending sign-in is not read again for it: C-06."""
    settings.CAPTCHA_UNLOCK_SENDS = 1
    browser.post_password("bob", **STRAIGHT)
    sent = browser.post("/entrar/canal/", {"channel": "sms", "altcha": browser.captcha("/entrar/canal/"), **STRAIGHT})
    assert (sent.status_code, own_address(sent)) == (200, "/entrar/token/")
    assert without_what_changes(sent) == without_what_changes(browser.get("/entrar/token/"))


def test_the_next_page_is_as_read_again_when_no_sms_is_left(browser: Browser) -> None:
    """The pending sign-in is not read again for it: B-17."""
    rate_limits.count(sms_limits.system(reserved=False), uses=100_000)
    answer = browser.post_password("bob", **STRAIGHT)
    assert (answer.status_code, own_address(answer)) == (200, "/entrar/canal/")
    assert error_messages.of(SmsUsedUp()) in answer.content.decode()
    assert without_what_changes(answer) == without_what_changes(browser.get("/entrar/canal/"))


def test_its_forms_have_a_csrf_token_that_is_taken(bob: User) -> None:
    browser = Browser(enforce_csrf_checks=True)

    def token_of(answer: Any) -> str:
        return str(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.content.decode())[0])

    answer = browser.post_password("bob", csrfmiddlewaretoken=token_of(browser.get("/entrar/")), **STRAIGHT)
    assert answer.status_code == 200
    assert browser.post("/sair/", {"csrfmiddlewaretoken": token_of(answer)}).status_code == 302


def test_without_the_script_the_answers_are_redirects(browser: Browser) -> None:
    """F47: a reload of what they lead to sends nothing."""
    assert browser.post_password("bob").headers["Location"] == "/entrar/canal/"
    assert browser.post_channel().headers["Location"] == "/entrar/token/"


def test_a_second_click_sends_nothing(browser: Browser) -> None:
    """F45, C-02: nor does a reload that a browser sends as the POST it was."""
    browser.post_password("bob", **STRAIGHT)
    click = {"channel": "sms", "altcha": browser.captcha("/entrar/canal/"), "csrfmiddlewaretoken": "x", **STRAIGHT}
    assert title(browser.post("/entrar/canal/", click)) == title(browser.get("/entrar/token/"))
    assert browser.post("/entrar/canal/", click).headers["Location"] == "/entrar/token/"
    assert Message.objects.count() == 1


def test_the_first_of_two_clicks_is_no_refusal(browser: Browser) -> None:
    browser.post_password("bob", **STRAIGHT)
    click = {"channel": "sms", "altcha": browser.captcha("/entrar/canal/"), "csrfmiddlewaretoken": "x", **STRAIGHT}
    assert browser.post("/entrar/canal/", click).status_code == 200


def test_a_refusal_stays_where_it_is(browser: Browser) -> None:
    refused = browser.post_password("bob", "wrong", **STRAIGHT)
    assert (refused.status_code, own_address(refused)) == (200, "")
    assert not PendingSignIn.objects.exists()
    browser.post_password("bob", **STRAIGHT)
    refused = browser.post("/entrar/canal/", {"channel": "sms", **STRAIGHT})
    assert (refused.status_code, own_address(refused)) == (200, "/entrar/canal/")
    assert 'role="alert"' in refused.content.decode()
    assert not Message.objects.exists()


def test_only_two_pages_are_given_straight(browser: Browser, alice: User) -> None:
    assert browser.post_password("alice", **STRAIGHT).headers["Location"] == "/entrar/introducao/"


def test_a_person_of_another_language_is_led_to_a_page_in_theirs(browser: Browser, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(language="es")
    assert browser.post("/entrar/", {"username": "bob", "password": PASSWORD, **STRAIGHT}).status_code == 302
    assert '<html lang="es"' in browser.get("/entrar/canal/").content.decode()
    User.objects.filter(pk=bob.pk).update(language="en")
    assert Browser().post("/entrar/", {"username": "bob", "password": PASSWORD, **STRAIGHT}).status_code == 200
