"""The sign-in page: who may come by which name, what it tells to whom, and where it leads."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from accounts.models import Account, AuditEvent, User
from messaging.delivery.models import Message
from tests.conftest import PASSWORD, Browser, deliver, last_token
from tests.tools import let_pass, page
from twofactor.models import Challenge, PendingSignIn, PhoneDevice

pytestmark = pytest.mark.django_db

WRONG = "Login or password is wrong. Check both and try again."


# By which name --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["bob", "BOB", "Bob", " bob ", "bob@example.com", "Bob@Example.COM", " BOB@example.com"]
)
def test_login_and_address_are_both_good_in_any_case(browser: Browser, bob: User, typed: str) -> None:
    """Contract: ``username`` takes the login or the e-mail address."""
    assert browser.post_password(typed).headers["Location"] == "/"
    assert browser.get("/meu-perfil/").context["user"] == bob


@pytest.mark.parametrize(
    "password", [f" {PASSWORD}", f"{PASSWORD} ", PASSWORD.upper(), PASSWORD[:-1], f"{PASSWORD}\x00"]
)
def test_the_password_is_taken_to_the_letter(browser: Browser, bob: User, password: str) -> None:
    assert browser.post_password("bob", password).status_code == 200
    assert not browser.is_in()


def test_spaces_around_a_password_belong_to_it(browser: Browser, bob: User) -> None:
    bob.set_password("  a password in spaces  ")
    bob.save()
    assert browser.post_password("bob", "  a password in spaces  ").status_code == 302


# What it tells --------------------------------------------------------------------------------


def told(browser: Browser, login: str, password: str) -> tuple[int, str]:
    """Return a refused sign-in's whole page, without what was typed."""
    response = browser.post_password(login, password)
    assert "session" not in browser.cookies
    return response.status_code, page(response).replace(f'value="{login}"', "")


def test_there_is_one_answer_for_every_way_to_be_wrong(browser: Browser, alice: User, bob: User, charlie: User) -> None:
    """Who has a login here, or had one, is nobody's business."""
    User.objects.filter(pk=alice.pk).update(is_active=False)
    Account.objects.filter(pk=charlie.account_id).update(is_active=False)
    answers = {
        "unknown login": told(browser, "mallory", PASSWORD),
        "unknown address": told(browser, "mallory@example.com", PASSWORD),
        "wrong password": told(browser, "bob", "wrong password"),
        "inactive person": told(browser, "alice", PASSWORD),
        "inactive account": told(browser, "charlie", PASSWORD),
    }
    assert len(set(answers.values())) == 1, answers.keys()
    status, text = answers["unknown login"]
    assert status == 200
    assert text.count(WRONG) == 1


def test_an_unknown_login_costs_as_much_time_as_a_wrong_password(browser: Browser, bob: User, monkeypatch: Any) -> None:
    """Counted in hashes, which is where the time goes."""
    encode, hashes = MD5PasswordHasher.encode, []

    def counted(hasher: Any, password: str, salt: str) -> str:
        hashes.append(password)
        return str(encode(hasher, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    browser.post_password("bob", "wrong password")
    wrong = len(hashes)
    browser.post_password("mallory", "wrong password")
    assert wrong == 1
    assert len(hashes) - wrong == wrong


@pytest.mark.parametrize(
    "fields", [{}, {"username": "bob"}, {"password": PASSWORD}, {"username": " ", "password": " "}]
)
def test_an_incomplete_form_is_refused(browser: Browser, bob: User, fields: dict[str, str]) -> None:
    response = browser.post("/entrar/", fields)
    assert response.status_code == 200
    assert "This field is required." in page(response)
    assert not browser.is_in()


@pytest.mark.parametrize("login", ["bob\x00", "b" * 10_000, "' OR 1=1 --", "bob\r\nX-Evil: 1", "b%6fb", "💥"])
def test_odd_logins_are_refused(browser: Browser, bob: User, login: str) -> None:
    response = browser.post_password(login)
    assert response.status_code == 200
    assert not browser.is_in()


@pytest.mark.parametrize("password", ["x" * 10_000, "\x00", "💥" * 100])
def test_odd_passwords_are_refused(browser: Browser, bob: User, password: str) -> None:
    """A password of 10 kB does not reach the hasher."""
    assert browser.post_password("bob", password).status_code == 200
    assert not browser.is_in()


def test_the_password_is_not_written_back(browser: Browser, bob: User) -> None:
    response = browser.post_password("bob", "wrong-password-of-bob")
    assert "wrong-password-of-bob" not in page(response)


def test_wrong_passwords_are_in_the_audit_log(browser: Browser, bob: User) -> None:
    """J-01, J-02."""
    browser.post_password("bob", "wrong-password-of-bob")
    browser.post_password("mallory", "wrong-password-of-bob")
    first, second = AuditEvent.objects.filter(action="password.failed").order_by("pk")
    assert (first.user, second.user) == (bob, None)
    assert "wrong-password" not in str([first.data, second.data])


def test_a_form_from_elsewhere_is_refused(bob: User) -> None:
    """F56: without cookies there is no CSRF token; the page says what to do."""
    browser = Browser(enforce_csrf_checks=True)
    response = browser.post_password("bob")
    assert response.status_code == 403
    assert "allow cookies for this site" in page(response)
    assert not browser.is_in()


def test_the_form_itself_is_accepted(bob: User) -> None:
    browser = Browser(enforce_csrf_checks=True)
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get("/entrar/").content.decode())
    assert found
    assert browser.post_password("bob", csrfmiddlewaretoken=found[1]).status_code == 302


# Where it leads -------------------------------------------------------------------------------

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "evil.example",
    "meu-perfil/",
    "https://testserver@evil.example/",
    "http://testserver/meu-perfil/",
    "sign-out",
    "/" + "x" * 600,
    "",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_next_leads_nowhere_else(browser: Browser, bob: User, address: str) -> None:
    assert browser.post_password("bob", next=address).headers["Location"] == "/"


@pytest.mark.parametrize("address", ELSEWHERE)
def test_next_leads_nowhere_else_after_the_second_step(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice, address: str
) -> None:
    browser.post_password("bob", next=address)
    browser.post_channel("sms")
    assert browser.post_token(last_token()).headers["Location"] == "/"


@pytest.mark.parametrize("address", ELSEWHERE)
def test_next_leads_nowhere_else_for_the_signed_in(browser: Browser, bob: User, address: str) -> None:
    browser.post_password("bob")
    assert browser.get(f"/entrar/?next={quote(address)}").headers["Location"] == "/"


def test_next_with_a_nul_is_refused_and_no_error(browser: Browser, bob: User) -> None:
    assert browser.post_password("bob", next="/meu-perfil/\x00").status_code in {200, 302}
    assert browser.get("/entrar/?next=%00").status_code in {200, 302}


def test_a_sign_in_by_password_alone_notes_when_and_whose(browser: Browser, alice: User, bob: User) -> None:
    browser.post_password("bob")
    seen = dict(User.objects.values_list("username", "last_login"))
    assert seen["bob"]
    assert seen["alice"] is None


def test_people_land_where_they_wanted_to_be(browser: Browser, bob: User) -> None:
    asked = browser.get("/meu-perfil/?tab=phone")
    assert asked.headers["Location"] == "/entrar/?next=%2Fmeu-perfil%2F%3Ftab%3Dphone"
    assert 'name="next" value="/meu-perfil/?tab=phone"' in page(browser.get(asked.headers["Location"]))
    assert browser.post_password("bob", next="/meu-perfil/?tab=phone").headers["Location"] == "/meu-perfil/?tab=phone"


def test_what_is_asked_for_is_escaped_in_the_page(browser: Browser) -> None:
    raw = browser.get("/entrar/?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").content
    assert b"<script>alert" not in raw


# Signed in already, twice, too late -----------------------------------------------------------


def test_the_signed_in_are_sent_home(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    assert browser.get("/entrar/").headers["Location"] == "/"
    assert browser.get("/entrar/?next=/meu-perfil/").headers["Location"] == "/meu-perfil/"


STEPS = ["/entrar/introducao/", "/entrar/telefone/", "/entrar/canal/", "/entrar/token/"]


@pytest.mark.parametrize("path", STEPS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_signed_in_have_no_business_at_the_steps(browser: Browser, bob: User, path: str, method: str) -> None:
    browser.post_password("bob")
    assert getattr(browser, method)(path).headers["Location"] == "/"


def test_a_double_click_on_validate_token_ends_at_home(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice
) -> None:
    """F46: the second one arrives signed in; it is not told "wrong token", and nothing is undone."""
    browser.post_password("bob", next="/meu-perfil/")
    browser.post_channel("sms")
    token = last_token()
    assert browser.post_token(token).headers["Location"] == "/meu-perfil/"
    assert browser.post_token(token).headers["Location"] == "/"
    assert browser.is_in()
    assert Challenge.objects.get().attempts == 1


def test_a_double_click_that_left_with_the_old_cookie_undoes_nothing(
    browser: Browser, other_browser: Browser, policy: Account, bobs_phone: PhoneDevice
) -> None:
    """F46: both clicks carry the pending session's id; the second answer may not take the new cookie away."""
    browser.post_password("bob")
    browser.post_channel("sms")
    token = last_token()
    other_browser.cookies["session"] = browser.cookies["session"].value
    browser.post_token(token)
    second = other_browser.post_token(token)
    assert "session" not in second.cookies
    assert browser.get(second.headers["Location"]).headers["Location"] == "/"


def test_sign_out_takes_the_cookie_away(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    assert browser.post("/sair/").cookies["session"]["max-age"] == 0


def test_reloading_the_token_page_sends_nothing_and_does_not_stop_the_clock(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice
) -> None:
    """F47, C-07."""
    browser.post_password("bob")
    browser.post_channel("sms")
    let_pass(31)
    before = countdown(browser)
    for _ in range(20):
        browser.get("/entrar/token/")
        browser.head("/entrar/token/")
        browser.get("/entrar/canal/")
        browser.get("/entrar/token/reenviar/")
    assert Message.objects.count() == Challenge.objects.count() == len(deliver()) == 1
    assert 0 < countdown(browser) <= before
    let_pass(100)
    assert 0 < countdown(browser) <= before - 100
    let_pass(100)
    assert countdown(browser) == 0


def countdown(browser: Browser) -> int:
    found = re.search(r'data-countdown="(\d+)"', browser.get("/entrar/token/").content.decode())
    assert found
    return int(found[1])


def test_going_back_in_the_first_set_up_sends_nothing(browser: Browser, policy: Account, bob: User) -> None:
    """F47."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    browser.post_phone()
    for path in ("/entrar/telefone/", "/entrar/introducao/", "/entrar/token/"):
        assert browser.get(path).status_code == 200
    assert Message.objects.count() == 1
    assert browser.post_token(last_token()).headers["Location"] == "/"


@pytest.mark.parametrize("path", STEPS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_session_lost_half_way_leads_back_to_the_password_with_the_reason(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice, path: str, method: str
) -> None:
    """F56."""
    browser.post_password("bob")
    browser.post_channel("sms")
    del browser.cookies["session"]
    response = getattr(browser, method)(path)
    assert response.headers["Location"] == "/entrar/"
    assert "Your sign-in took too long or was ended. Please sign in again." in page(browser.get("/entrar/"))
    assert not browser.is_in()


def test_a_step_further_on_leads_back_to_the_step_that_is_due(browser: Browser, policy: Account, bob: User) -> None:
    browser.post_password("bob")
    for path in STEPS[1:]:
        assert browser.get(path).headers["Location"] == "/entrar/introducao/"
    browser.post("/entrar/introducao/")
    for path in STEPS[2:]:
        assert browser.post(path, {"token": "000000", "channel": "email"}).headers["Location"] == "/entrar/telefone/"
    assert Message.objects.count() == 0


def test_who_has_a_phone_is_not_asked_for_a_first_one(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice
) -> None:
    """P-05: the password alone binds no second phone."""
    browser.post_password("bob")
    for path in STEPS[:2]:
        for method in (browser.get, browser.post):
            assert method(path).headers["Location"] == "/entrar/canal/"
    assert PhoneDevice.objects.get().number == bobs_phone.number


def test_each_browser_has_a_pending_sign_in_of_its_own(
    browser: Browser, other_browser: Browser, policy: Account, bobs_phone: PhoneDevice
) -> None:
    """F49."""
    browser.post_password("bob")
    other_browser.post_password("bob")
    assert PendingSignIn.objects.count() == 2
    browser.post("/sair/")
    assert browser.get("/entrar/canal/").headers["Location"] == "/entrar/"
    assert other_browser.get("/entrar/canal/").status_code == 200


def test_signing_out_shows_a_message_also_half_way(browser: Browser, bob: User, policy: Account) -> None:
    browser.post_password("bob")
    assert "You have signed out." in page(browser.post("/sair/", follow=True))
    assert "You have signed out." not in page(browser.get("/entrar/"))


def test_signing_out_without_a_session_shows_no_message(browser: Browser) -> None:
    assert "You have signed out." not in page(browser.post("/sair/", follow=True))
