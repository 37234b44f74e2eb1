"""Forgotten and changed passwords: what they end, what they never open, and where their links come from."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import AuditEvent, Session, User
from messaging.delivery.models import Message
from tests.conftest import BOBS_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, person, sent_to
from tests.tools import page, production, settings_with
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

FORGOTTEN, SENT, DONE, CHANGE = (
    "/senha/esqueci/",
    "/senha/esqueci/enviado/",
    "/senha/redefinir/concluido/",
    "/senha/alterar/",
)
NEW_PASSWORD = "a quite different staple"
NO_LONGER = "This link no longer works"


def ask(browser: Browser, email: str = "bob@example.com", **headers: str) -> Any:
    return browser.post(FORGOTTEN, {"email": email}, headers=headers)


def link() -> str:
    """Return the link of the newest e-mail that has one."""
    for entry in deliver():
        if found := re.search(r"https?://\S+", entry["text"]):
            return found[0]
    raise AssertionError("no link has left")


def path_of(url: str) -> str:
    return url.removeprefix("http://testserver")


def choose(browser: Browser, url: str, password: str = NEW_PASSWORD) -> Any:
    """Open the link and choose the password."""
    opened = browser.get(path_of(url))
    if opened.status_code == 200:
        return opened
    return browser.post(opened.headers["Location"], {"new_password": password})


def reset(password: str = NEW_PASSWORD) -> Browser:
    """Walk the whole reset of Bob's password in a browser of its own."""
    browser = Browser()
    ask(browser)
    assert choose(browser, link(), password).headers["Location"] == DONE
    return browser


# The way through ------------------------------------------------------------------------------------


def test_a_forgotten_password_is_replaced(browser: Browser, bob: User) -> None:
    assert ask(browser).headers["Location"] == SENT
    assert "Look in your mailbox" in page(browser.get(SENT))
    message = sent_to("bob@example.com")[0]
    assert message["subject"] == "Choose a new password"
    assert "bob" in message["text"]
    assert choose(browser, link()).headers["Location"] == DONE
    assert "Password changed" in page(browser.get(DONE))
    assert browser.post_password("bob", PASSWORD).status_code == 200
    assert browser.post_password("bob", NEW_PASSWORD).headers["Location"] == "/"


def test_the_mailbox_is_told(browser: Browser, bob: User) -> None:
    """R-05."""
    reset()
    notice = sent_to("bob@example.com")[0]
    assert notice["subject"] == "Your password was changed"
    assert NEW_PASSWORD not in notice["text"]


def test_a_sign_in_ends_no_link(browser: Browser, bob: User) -> None:
    """B-06: a stranger asked for the three links of the hour, and its owner signed in by a stored password."""
    ask(Browser())
    stranger_s = link()
    browser.post_password("bob")
    browser.post("/sair/")
    assert choose(browser, stranger_s).headers["Location"] == DONE
    assert NO_LONGER in page(choose(Browser(), stranger_s)), "R-05: it works once"


def test_a_new_address_ends_a_link(browser: Browser, bob: User) -> None:
    """R-05: it was sent to a mailbox that is no longer the person's."""
    ask(browser)
    sent = link()
    User.objects.filter(pk=bob.pk).update(email="bob@example.org")
    assert NO_LONGER in page(choose(browser, sent))


@pytest.mark.parametrize("password", ["short", "1234567890123", "bob@example.com", "password123", "qwertyuiop"])
def test_a_weak_password_is_refused(browser: Browser, bob: User, password: str) -> None:
    ask(browser)
    response = choose(browser, link(), password)
    assert response.status_code == 200
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


# what a reset ends, and what it does not open --------------------------------------------------


@pytest.mark.parametrize("required", [False, True])
def test_a_reset_signs_nobody_in(bob: User, required: bool) -> None:
    """R-05, S-10."""
    bob.account.two_factor_required = required
    bob.account.save()
    browser = reset()
    assert not browser.is_in()
    assert browser.get("/").headers["Location"] == "/entrar/"


@pytest.mark.usefixtures("policy")
def test_the_second_factor_stands_after_a_reset(bobs_phone: PhoneDevice) -> None:
    """R-05, S-10."""
    browser = reset()
    assert browser.post_password("bob", NEW_PASSWORD).headers["Location"] == "/entrar/canal/"
    assert not browser.is_in()


@pytest.mark.usefixtures("policy")
def test_a_reset_kills_pending_sign_ins_and_their_tokens(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """R-05, S-06."""
    browser.post_password("bob")
    browser.post_channel("sms")
    token = last_token()
    reset()
    assert browser.post_token(token).headers["Location"] == "/entrar/"
    assert not browser.is_in()


@pytest.mark.usefixtures("policy")
def test_a_reset_ends_open_sessions_and_a_phone_change_in_them(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """R-05."""
    browser.sign_in("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    browser.post("/meu-perfil/telefone/confirmar/", {"password": PASSWORD, "channel": "sms"})
    token = last_token()
    reset()
    response = browser.post("/meu-perfil/telefone/confirmar/", {"token": token})
    assert response.headers["Location"].startswith("/entrar/")
    assert not browser.is_in()
    assert sent_to("+5521998877665") == []


def test_a_reset_with_the_same_password_ends_sessions_all_the_same(browser: Browser, bob: User) -> None:
    """R-05: the salt is another one."""
    browser.post_password("bob")
    reset(PASSWORD)
    assert not browser.is_in()


def test_asking_for_a_link_ends_nothing(browser: Browser, other_browser: Browser, bob: User) -> None:
    """Nobody can throw somebody else out by asking."""
    browser.post_password("bob")
    ask(other_browser)
    assert browser.is_in()
    assert other_browser.post_password("bob").headers["Location"] == "/"


# The link -------------------------------------------------------------------------------------------


def test_a_link_works_once(browser: Browser, bob: User) -> None:
    """R-05."""
    ask(browser)
    url = link()
    choose(browser, url)
    assert NO_LONGER in page(choose(browser, url, "yet another password"))
    bob.refresh_from_db()
    assert bob.check_password(NEW_PASSWORD)


@pytest.mark.parametrize(("minutes", "works"), [(74, True), (76, False)])
def test_a_link_works_for_an_hour_and_a_quarter(browser: Browser, bob: User, minutes: int, works: bool) -> None:
    """R-05."""
    ask(browser)
    url = link()
    with time_machine.travel(time.time() + minutes * 60):
        assert (choose(browser, url).status_code == 302) is works


def test_a_link_that_is_opened_again_and_again_leaves_no_row(browser: Browser, bob: User) -> None:
    """S-14: robots without a cookie filled the table of sessions; the token leaves the address all the same."""
    ask(browser)
    path = path_of(link())
    opened = [Browser().get(path) for _time in range(3)]
    assert {answer.headers["Location"].rsplit("/", 2)[1] for answer in opened} == {"set-password"}
    assert not Session.objects.exists()
    kept = opened[0].cookies["reset"]
    assert (kept["httponly"], kept["samesite"], kept["max-age"]) == (True, "Lax", "")
    reader = Browser()
    form = reader.get(path).headers["Location"]
    done = reader.post(form, {"new_password": NEW_PASSWORD})
    assert done.headers["Location"] == DONE
    assert done.cookies["reset"].value == ""


def test_without_the_cookie_the_form_is_nobody_s(browser: Browser, bob: User) -> None:
    """R-05: the address without its token opens nothing, and a token of another person's neither."""
    ask(browser)
    form = browser.get(path_of(link())).headers["Location"]
    assert NO_LONGER in page(Browser().get(form))
    assert NO_LONGER in page(Browser().post(form, {"new_password": NEW_PASSWORD}))
    foreign = form.replace(urlsafe_base64_encode(force_bytes(bob.pk)), urlsafe_base64_encode(force_bytes(10**6)))
    assert NO_LONGER in page(browser.get(foreign))
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_a_link_is_for_one_person(browser: Browser, bob: User, alice: User) -> None:
    ask(browser)
    bobs = path_of(link())
    ask(browser, "alice@example.com")
    alices = path_of(link())
    crossed = f"{alices.rsplit('/', 2)[0]}/{bobs.rsplit('/', 2)[1]}/"
    assert NO_LONGER in page(choose(browser, crossed))


@pytest.mark.parametrize("path", ["MQ/x-y", "%00/a-b", "____/set-password", "MQ/" + "a" * 900])
def test_a_garbled_link_shows_that_it_does_not_work(browser: Browser, bob: User, path: str) -> None:
    response = browser.get(f"/senha/redefinir/{path}/")
    assert response.status_code == 200
    assert NO_LONGER in page(response)


def test_the_link_is_not_in_the_queue(browser: Browser, bob: User) -> None:
    """T-06: made when the message leaves."""
    ask(browser)
    message = Message.objects.get()
    assert (message.kind, message.subject_id, message.destination) == ("password.reset", bob.pk, "bob@example.com")
    assert list(AuditEvent.objects.values_list("action", "data")) == [("password.reset_requested", {})]


# C-09: the same answer for everybody -----------------------------------------------------------------


def test_the_answer_does_not_tell_who_exists(bob: User) -> None:
    """C-09."""
    person("gone", bob.account, is_active=False)
    answers = set()
    for email in ("bob@example.com", "nobody@example.com", "gone@example.com", "BOB@EXAMPLE.COM"):
        browser = Browser()
        response = ask(browser, email)
        answers.add((response.status_code, response.headers["Location"], page(browser.get(SENT))))
    assert len(answers) == 1
    assert {entry["to"] for entry in deliver()} == {"bob@example.com"}


def test_people_of_a_closed_account_get_no_link(browser: Browser, bob: User) -> None:
    bob.account.is_active = False
    bob.account.save()
    assert ask(browser).headers["Location"] == SENT
    assert deliver() == []


@pytest.mark.parametrize("email", ["", "bob", "bob@example.com\r\nBcc: eve@example.com", "\x00@example.com", "a" * 300])
def test_what_is_no_address_is_refused(browser: Browser, bob: User, email: str) -> None:
    """J-04."""
    assert ask(browser, email).status_code == 200
    assert not Message.objects.exists()


# W-03: the host of a link is ours -------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "testserver@evil.example", "testserver,evil"]
)
def test_a_forged_host_is_refused(browser: Browser, bob: User, host: str) -> None:
    """W-03."""
    assert ask(browser, host=host).status_code == 400
    assert browser.get("/entrar/", headers={"host": host}).status_code == 400
    assert not Message.objects.exists()


@pytest.mark.parametrize("forged", [{"host": "localhost"}, {"x-forwarded-host": "evil.example"}])
def test_the_link_has_the_public_address(browser: Browser, bob: User, settings: Any, forged: dict[str, str]) -> None:
    """W-03: whatever the request says."""
    settings.PUBLIC_URL = "https://portal.example"
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    ask(browser, **forged)
    assert link().startswith("https://portal.example/senha/redefinir/")


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("forged", [{"host": "localhost"}, {"x-forwarded-host": "evil.example"}])
def test_the_sms_names_the_public_host(bobs_phone: PhoneDevice, settings: Any, forged: dict[str, str]) -> None:
    """W-03, T-10."""
    settings.PUBLIC_HOST = "portal.example"
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    browser = Browser(headers=forged)
    browser.post_password("bob")
    browser.post_channel("sms")
    assert re.search(r"\n@portal\.example #\d{6}\Z", sent_to(BOBS_NUMBER)[0]["text"])


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "\n//evil.example"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(browser: Browser, bob: User, target: str) -> None:
    """W-03."""
    assert browser.post_password("bob", next=target).headers["Location"] == "/"


# Changing one's own password -----------------------------------------------------------------------


def change(browser: Browser, old: str = PASSWORD, new: str = NEW_PASSWORD) -> Any:
    return browser.post(CHANGE, {"old_password": old, "new_password": new})


def test_changing_the_password_ends_the_other_sessions(
    browser: Browser, make_browser: Callable[..., Browser], bob: User
) -> None:
    """S-06."""
    other = make_browser()
    other.post_password("bob")
    browser.post_password("bob")
    before = browser.cookies["session"].value
    assert change(browser).headers["Location"] == "/meu-perfil/"
    assert browser.is_in()
    assert browser.cookies["session"].value != before
    assert not other.is_in()
    stolen = make_browser()
    stolen.cookies["session"] = before
    assert not stolen.is_in()
    assert sent_to("bob@example.com")[0]["subject"] == "Your password was changed"


@pytest.mark.usefixtures("policy")
def test_changing_the_password_kills_pending_sign_ins(
    browser: Browser, other_browser: Browser, bobs_phone: PhoneDevice
) -> None:
    """S-06: and the session that changed it stays a verified one."""
    browser.sign_in("bob", "email")
    other_browser.post_password("bob")
    other_browser.post_channel("sms")
    token = last_token()
    change(browser)
    assert other_browser.post_token(token).headers["Location"] == "/entrar/"
    assert browser.is_in()


def test_changing_the_password_needs_the_old_one(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    assert change(browser, old="not bob's password").status_code == 200
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)
    assert deliver() == []


@pytest.mark.usefixtures("policy")
def test_the_password_cannot_be_changed_half_way(browser: Browser, bob: User) -> None:
    """S-01."""
    enrol(bob)
    browser.post_password("bob")
    assert change(browser).headers["Location"] == "/entrar/canal/"
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


# How passwords are kept ----------------------------------------------------------------------------


def test_passwords_are_kept_as_owasp_asks(settings: Any) -> None:
    """Argon2id with 19 MiB, two passes and one lane, in the settings of production."""
    settings.PASSWORD_HASHERS = settings_with(**production())["PASSWORD_HASHERS"]
    kept = make_password(PASSWORD)
    assert kept.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password(PASSWORD, kept)
    assert identify_hasher(kept).algorithm == "argon2"


@pytest.mark.parametrize(
    ("setting", "scope"), [("PASSWORD_RESET_TIMEOUT", "LINKS"), ("BROWSER_LINK_SECONDS", "BROWSER_LINKS")]
)
@pytest.mark.parametrize("limit", ["3/60", "3/3600", "3/100000"])
def test_a_link_outlives_the_window_in_which_its_mailbox_gets_no_more(setting: str, scope: str, limit: str) -> None:
    """B-01, B-04: a stranger asked for all of them, and at the end of the window the last one had seconds left."""
    made = settings_with(**production(), **{f"LIMIT_{scope}": limit})
    assert made[setting] >= int(limit.partition("/")[2]) + 15 * 60


def test_the_length_and_the_hour_are_set_in_production(settings: Any) -> None:
    made = settings_with(**production())
    assert made["PASSWORD_RESET_TIMEOUT"] == 3600 + 900, "the e-mail says an hour"
    assert made["BROWSER_LINK_SECONDS"] == 86_400 + 900, "the e-mail says a day"
    assert (made["PASSWORD_MIN_LENGTH"], made["PASSWORD_MIN_LENGTH_TWO_FACTOR"]) == (15, 10)
