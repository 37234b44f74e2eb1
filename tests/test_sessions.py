"""Sessions: what they hold before the second step, when their ids die, and every other way in."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from http.cookies import Morsel
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError
from django.http import HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.crypto import get_random_string
from django.utils.http import parse_http_date

from accounts import policy
from accounts.auth import sessions as account_sessions
from accounts.auth.session_store import SessionStore, row_name
from accounts.models import Account, AuditEvent, Session, User
from accounts.passwords import flows as passwords
from accounts.request.http import never_cache
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, enrol, last_token, person, sent_to
from tests.database_dump import places_of, rows_of
from tests.tools import ROOT, let_pass
from twofactor.models import Challenge, PendingSignIn, PhoneDevice
from twofactor.sign_in import query

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "another good password"
DETAIL = {"detail": "second_factor_required"}


def session_id(browser: Browser) -> str:
    return browser.cookies["session"].value


def with_session(key: str) -> Browser:
    """Return a browser that holds nothing but a session's id."""
    browser = Browser()
    browser.cookies["session"] = key
    return browser


def is_anonymous(key: str) -> bool:
    """Tell whether a session's id opens neither the portal nor a pending step."""
    portal = with_session(key).get("/meu-perfil/").headers.get("Location", "")
    step = with_session(key).get("/entrar/token/").headers.get("Location", "")
    return portal.startswith("/entrar/?") and step == "/entrar/"


def held(browser: Browser) -> dict[str, Any]:
    """Return what the server keeps for a browser."""
    content: dict[str, Any] = Session.objects.get(session_key=row_name(session_id(browser))).get_decoded()
    return content


@pytest.fixture
def asking(browser: Browser, policy: Account, bobs_phone: PhoneDevice) -> Browser:
    """Bob's browser at the token page."""
    browser.post_password("bob")
    browser.post_channel("sms")
    return browser


# Before the second step (S-02) ----------------------------------------------------------------


def test_a_right_password_alone_puts_nobody_into_the_session(asking: Browser, bob: User) -> None:
    """S-02."""
    assert held(asking) == {"pending_sign_in": True}
    assert PendingSignIn.objects.get().user == bob
    assert asking.get("/meu-perfil/").headers["Location"] == "/entrar/token/"


def test_a_pending_sign_in_does_not_know_the_id_of_its_session(asking: Browser) -> None:
    """S-02: the row of a stolen database opens nothing."""
    assert session_id(asking) not in str(rows_of("twofactor_pendingsignin"))


def test_a_dump_of_the_database_opens_no_session(browser: Browser, policy: Account, bobs_phone: PhoneDevice) -> None:
    """S-14: neither one that somebody is signed in with nor one that waits for its token; not by any value."""
    browser.sign_in("bob")
    waiting = Browser()
    waiting.post_password("bob")
    for one in (browser, waiting):
        assert places_of(session_id(one)) == []
    for row in rows_of("accounts_session"):
        assert all(is_anonymous(str(value)) for value in row.values() if value)
    assert browser.is_in()


def test_a_session_of_the_release_before_goes_on(browser: Browser, policy: Account, bobs_phone: PhoneDevice) -> None:
    """S-14: it kept ids as they are; the first request gives the row its name."""
    browser.sign_in("bob")
    key = session_id(browser)
    Session.objects.filter(session_key=row_name(key)).update(session_key=key)
    assert browser.is_in()
    assert places_of(key) == []
    assert browser.is_in()


@pytest.mark.parametrize(("seconds", "where"), [(570, "/entrar/token/"), (601, "/entrar/")])
def test_a_pending_sign_in_lives_ten_minutes(asking: Browser, seconds: int, where: str) -> None:
    """S-02: after that it is back to the password, with a word why."""
    let_pass(seconds)
    assert asking.get("/entrar/introducao/").headers["Location"] == where


def test_a_live_token_does_not_outlive_its_pending_sign_in(asking: Browser) -> None:
    """S-02."""
    let_pass(500)
    asking.post("/entrar/canal/", {"channel": "sms"})
    token = last_token()
    let_pass(101)
    response = asking.post_token(token)
    assert response.headers["Location"] == "/entrar/"
    assert "took too long" in asking.get("/entrar/").content.decode()
    assert not asking.is_in()


def test_signing_in_again_ends_the_pending_sign_in_before(asking: Browser) -> None:
    """S-02: one browser, one pending sign-in."""
    token = last_token()
    before = session_id(asking)
    asking.post_password("bob")
    assert is_anonymous(before)
    assert query.alive().count() == 1
    asking.post_token(token)
    assert not asking.is_in()


# Ids (S-03) -----------------------------------------------------------------------------------


def test_the_id_changes_at_the_password_and_at_the_token_and_the_old_ones_end(
    browser: Browser, account: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """S-03."""
    browser.post_password("bob")
    first = session_id(browser)
    policy.set_two_factor_policy(account, True, actor=bob)
    browser.get("/")
    second = session_id(browser)
    browser.post_channel("sms")
    browser.post_token(last_token())
    third = session_id(browser)
    assert len({first, second, third}) == 3
    assert is_anonymous(first)
    assert is_anonymous(second)
    assert not is_anonymous(third)


def test_signing_in_twice_changes_the_id_twice(browser: Browser, bob: User) -> None:
    """S-03: Django's ``login`` keeps the id when the same person comes again."""
    browser.post_password("bob")
    first = session_id(browser)
    browser.post_password("bob")
    assert session_id(browser) != first
    assert is_anonymous(first)
    assert browser.is_in()


def test_nothing_of_the_pending_session_is_left_in_the_verified_one(asking: Browser, bob: User) -> None:
    """S-03."""
    asking.post_token(last_token())
    assert set(held(asking)) == {"_auth_user_id", "_auth_user_backend", "_auth_user_hash", "otp_device_id", "opened_by"}


@pytest.mark.parametrize("required", [True, False])
def test_an_id_that_somebody_else_chose_is_never_used(
    browser: Browser, account: Account, bobs_phone: PhoneDevice, required: bool
) -> None:
    """S-03: session fixation."""
    Account.objects.filter(pk=account.pk).update(two_factor_required=required)
    planted = get_random_string(32, VALID_KEY_CHARS)
    browser.cookies["session"] = planted
    browser.post_password("bob")
    assert session_id(browser) != planted
    assert is_anonymous(planted)


def test_a_pending_session_of_somebody_else_cannot_be_planted(
    browser: Browser, other_browser: Browser, policy: Account, alices_phone: PhoneDevice, bobs_phone: PhoneDevice
) -> None:
    """S-03: Mallory's pending sign-in in Bob's browser ends when Bob types his password."""
    other_browser.post_password("alice")
    planted = session_id(other_browser)
    browser.cookies["session"] = planted
    browser.post_password("bob")
    browser.post_channel("sms")
    browser.post_token(last_token())
    assert browser.is_in()
    assert is_anonymous(planted)


def test_a_pending_id_ends_once_somebody_without_policy_signs_in(
    asking: Browser, charlie: User, account: Account
) -> None:
    """S-03: whatever the second person's account asks for."""
    before = session_id(asking)
    Account.objects.filter(pk=charlie.account_id).update(two_factor_required=False)
    asking.post_password("charlie")
    assert asking.is_in()
    assert is_anonymous(before)


def test_sign_out_kills_the_id(browser: Browser, bob: User) -> None:
    """S-03, S-11."""
    browser.post_password("bob")
    before = session_id(browser)
    browser.post("/sair/")
    assert is_anonymous(before)
    assert not Session.objects.filter(session_key=row_name(before)).exists()


def test_an_id_that_has_ended_leaves_the_browser_its_cookie(browser: Browser, bob: User) -> None:
    """F46: it may be that of the first of two clicks, whose answer has brought a new one."""
    browser.post_password("bob")
    late = with_session(session_id(browser))
    browser.post("/sair/")
    assert "session" not in late.get("/meu-perfil/").cookies


def test_sign_out_half_way_kills_the_pending_sign_in(asking: Browser) -> None:
    """S-06: signed out in another tab of the same browser; F53."""
    token, before = last_token(), session_id(asking)
    tab = with_session(before)
    asking.post("/sair/")
    assert is_anonymous(before)
    assert tab.post_token(token).headers["Location"] == "/entrar/"
    assert not tab.is_in()


@pytest.mark.parametrize("half_way", [True, False])
def test_the_audit_log_has_whether_a_sign_out_was_half_way(asking: Browser, bob: User, half_way: bool) -> None:
    """J-01."""
    if not half_way:
        asking.post_token(last_token())
    asking.post("/sair/")
    event = AuditEvent.objects.get(action="session.ended")
    assert (event.user, event.data) == (bob, {"half_way": half_way})


def test_the_new_session_carries_nothing_of_the_one_before(
    browser: Browser, account: Account, alice: User, bob: User
) -> None:
    """S-03: who signs in where somebody else was finds no trace of them."""
    browser.post_password("alice")
    browser.post_password("bob")
    assert browser.get("/meu-perfil/").context["user"] == bob
    assert str(held(browser)["_auth_user_id"]) == str(bob.pk)


# The policy is read at each request (S-05) ----------------------------------------------------


@pytest.fixture
def open_sessions(make_browser: Any, bob: User) -> list[Browser]:
    """Three browsers in which Bob signed in before the switch."""
    browsers = [make_browser() for _ in range(3)]
    for browser in browsers:
        browser.post_password("bob")
        assert browser.is_in()
    return browsers


def switch_on(alices: Browser) -> None:
    """Switch the policy as Alice does, over HTTP, with the phone she has."""
    alices.post_password("alice")
    alices.post("/configuracoes/minha-conta/", {"two_factor_required": "on"})
    alices.post_channel("sms")
    response = alices.post_token(last_token())
    assert response.headers["Location"] == "/configuracoes/minha-conta/"


def test_open_sessions_meet_the_gate_at_their_next_request(
    open_sessions: list[Browser], browser: Browser, account: Account, alices_phone: PhoneDevice, bob: User
) -> None:
    """S-05."""
    switch_on(browser)
    before = User.objects.values().get(pk=bob.pk)
    reading, writing, program = open_sessions
    assert reading.get("/meu-perfil/").headers["Location"] == "/entrar/introducao/"

    fields = {"first_name": "Mallory", "last_name": "M", "language": "es"}
    assert writing.post("/meu-perfil/", fields).headers["Location"] == "/entrar/introducao/"
    assert User.objects.values().get(pk=bob.pk) == before

    answer = program.post("/meu-perfil/", fields, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (403, DETAIL)
    assert User.objects.values().get(pk=bob.pk) == before
    assert not any(session.is_in() for session in open_sessions)


def test_a_gated_program_stays_gated(open_sessions: list[Browser], policy: Account) -> None:
    """S-05: the second request of the same program is no better off than the first."""
    program = open_sessions[0]
    for _ in range(2):
        answer = program.get("/", headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()) == (403, DETAIL)


def test_after_the_gate_people_are_where_they_wanted_to_be(open_sessions: list[Browser], policy: Account) -> None:
    """S-05."""
    browser = open_sessions[0]
    assert "second step" in browser.get("/meu-perfil/?from=mail", follow=True).content.decode()
    browser.post("/entrar/introducao/")
    browser.post_phone()
    assert browser.post_token(last_token()).headers["Location"] == "/meu-perfil/?from=mail"
    assert not open_sessions[1].is_in()


def test_the_address_of_a_refused_form_is_not_where_people_land(open_sessions: list[Browser], policy: Account) -> None:
    """F50: a form's address may not even have a page."""
    browser = open_sessions[0]
    browser.post("/senha/alterar/", {"old_password": PASSWORD})
    browser.post("/entrar/introducao/")
    browser.post_phone()
    assert browser.post_token(last_token()).headers["Location"] == "/"


def test_a_very_long_address_is_not_kept(open_sessions: list[Browser], policy: Account) -> None:
    """S-05: PostgreSQL would refuse the row, and the gate would answer 500."""
    open_sessions[0].get("/meu-perfil/?" + "x" * 600)
    assert PendingSignIn.objects.get().next_url == ""


@pytest.mark.parametrize(("length", "kept"), [(500, True), (501, False)])
def test_an_address_of_500_characters_is_kept(
    open_sessions: list[Browser], policy: Account, length: int, kept: bool
) -> None:
    """S-05."""
    address = "/meu-perfil/?".ljust(length, "x")
    open_sessions[0].get(address)
    assert PendingSignIn.objects.get().next_url == (address if kept else "")


def test_sessions_with_the_second_factor_are_left_alone(
    browser: Browser, account: Account, alice: User, alices_phone: PhoneDevice
) -> None:
    """S-05."""
    switch_on(browser)
    assert browser.is_in()
    policy.set_two_factor_policy(account, False, actor=alice)
    assert browser.is_in()
    policy.set_two_factor_policy(account, True, actor=alice)
    assert browser.is_in()


def test_a_session_is_only_as_good_as_its_phone(browser: Browser, policy: Account, bobs_phone: PhoneDevice) -> None:
    """S-05, R-07: a phone that was reset verifies nobody any longer."""
    browser.sign_in("bob")
    assert browser.is_in()
    bobs_phone.delete()
    assert browser.get("/").headers["Location"] == "/entrar/introducao/"


def test_another_persons_phone_verifies_nobody(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice, alices_phone: PhoneDevice
) -> None:
    """S-05: the session names its own person's device."""
    browser.sign_in("bob")
    session: Any = browser.session
    session["otp_device_id"] = alices_phone.persistent_id
    session.save()
    assert not browser.is_in()


@pytest.mark.parametrize("page", ["//evil.example/x", "/\\evil.example/x"])
def test_a_form_of_a_page_with_a_strange_name_leads_nowhere_else(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice, page: str
) -> None:
    """W-03: the address of a page of ours may read as another host, where it stands alone."""
    browser.sign_in("bob")
    PhoneDevice.objects.all().delete()
    browser.post("/meu-perfil/", headers={"referer": f"http://testserver{page}"})
    assert PendingSignIn.objects.latest("pk").next_url == "/"


# What ends a pending sign-in (S-06) -----------------------------------------------------------

ENDINGS: dict[str, Callable[[User], object]] = {
    "password changed": lambda bob: passwords.change_password(bob, NEW_PASSWORD),
    "password reset": lambda bob: passwords.change_password(bob, NEW_PASSWORD, by_reset=True),
    "person deactivated": lambda bob: User.objects.filter(pk=bob.pk).update(is_active=False),
    "account deactivated": lambda bob: Account.objects.filter(pk=bob.account_id).update(is_active=False),
    "signed out everywhere": account_sessions.end_sessions,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_sessions_ends_pending_sign_ins(asking: Browser, bob: User, ending: str) -> None:
    """S-06."""
    token = last_token()
    ENDINGS[ending](bob)
    assert asking.post_token(token).headers["Location"] == "/entrar/"
    assert not asking.is_in()
    assert Challenge.objects.get().verified_at is None


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_pending_sign_ins_ends_sessions(
    browser: Browser, policy: Account, bob: User, bobs_phone: PhoneDevice, ending: str
) -> None:
    """S-06, R-05."""
    browser.sign_in("bob")
    ENDINGS[ending](bob)
    assert browser.get("/meu-perfil/").headers["Location"].startswith("/entrar/?next=")


def test_a_changed_password_leaves_the_session_that_changed_it(
    browser: Browser, other_browser: Browser, policy: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """S-06: over HTTP; the other session ends, this one stays verified under a new id."""
    browser.sign_in("bob")
    let_pass(300)
    other_browser.sign_in("bob")
    before = session_id(browser)
    fields = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert browser.post("/senha/alterar/", fields).headers["Location"] == "/meu-perfil/"
    assert browser.is_in()
    assert is_anonymous(before)
    assert not other_browser.is_in()


# No other way in (S-08, S-10) ------------------------------------------------------------------


def test_a_browser_that_was_verified_before_is_asked_again(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice
) -> None:
    """S-08."""
    browser.sign_in("bob")
    browser.post("/sair/")
    assert browser.post_password("bob").headers["Location"] == "/entrar/canal/"
    assert not browser.is_in()


def test_signing_in_again_on_top_of_a_verified_session_asks_again(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice
) -> None:
    """S-08."""
    browser.sign_in("bob")
    assert browser.post_password("bob").headers["Location"] == "/entrar/canal/"
    assert not browser.is_in()


def reset_link(browser: Browser) -> str:
    browser.post("/senha/esqueci/", {"email": "bob@example.com"})
    found = re.search(r"http://testserver(/senha/redefinir/\S+)", sent_to("bob@example.com")[0]["text"])
    assert found
    return found[1]


def test_a_password_reset_signs_nobody_in(browser: Browser, policy: Account, bobs_phone: PhoneDevice) -> None:
    """S-10, R-05."""
    form = browser.get(reset_link(browser)).headers["Location"]
    done = browser.post(form, {"new_password": NEW_PASSWORD})
    assert done.headers["Location"] == "/senha/redefinir/concluido/"
    assert "_auth_user_id" not in str([held.get_decoded() for held in Session.objects.all()])
    assert not browser.is_in()
    assert browser.post_password("bob", NEW_PASSWORD).headers["Location"] == "/entrar/canal/"


def test_a_reset_link_works_once(browser: Browser, other_browser: Browser, bob: User) -> None:
    """S-10, R-05."""
    link = reset_link(browser)
    form = browser.get(link).headers["Location"]
    browser.post(form, {"new_password": NEW_PASSWORD})
    answer = other_browser.get(link, follow=True)
    assert "new_password" not in answer.content.decode()


@pytest.fixture
def operator(account: Account) -> User:
    return person("olga", account, is_staff=True, is_superuser=True)


def test_operators_are_always_asked_for_the_second_factor(browser: Browser, operator: User) -> None:
    """S-10: whatever the policy of their account."""
    assert browser.post_password("olga", next="/admin/").headers["Location"] == "/entrar/introducao/"
    assert browser.get("/admin/").headers["Location"] == "/entrar/introducao/"
    browser.post("/entrar/introducao/")
    browser.post_phone()
    assert browser.post_token(last_token()).headers["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200


def test_the_admins_own_login_lets_nobody_in(browser: Browser, operator: User) -> None:
    """S-10."""
    fields = {"username": "olga", "password": PASSWORD, "next": "/admin/"}
    for path in ("/admin/login/", "/admin/login/?next=/admin/accounts/user/"):
        answer = browser.post(path, fields)
        assert answer.headers["Location"].startswith("/entrar/?next=")
        assert not browser.is_in()
    assert "session" not in browser.cookies


def test_who_became_an_operator_meets_the_gate_at_the_next_request(browser: Browser, bob: User) -> None:
    """S-10."""
    browser.post_password("bob")
    User.objects.filter(pk=bob.pk).update(is_staff=True, is_superuser=True)
    assert browser.get("/admin/").headers["Location"] == "/entrar/introducao/"


def test_a_verified_member_is_no_operator(browser: Browser, policy: Account, bobs_phone: PhoneDevice) -> None:
    """S-10."""
    browser.sign_in("bob")
    assert browser.get("/admin/", follow=True).status_code == 403


# Cookies (S-09) -------------------------------------------------------------------------------


def assert_closed(cookie: "Morsel[str]", *, secure: bool) -> None:
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert bool(cookie["secure"]) is secure


def test_cookies_are_closed_to_scripts_and_other_sites(browser: Browser, bob: User) -> None:
    """S-09."""
    browser.get("/entrar/")
    browser.post_password("bob")
    browser.post("/meu-perfil/", {"first_name": "Bob", "last_name": "", "language": "es"})
    assert {"session", "csrf", "language"} <= set(browser.cookies)
    for name in ("session", "csrf", "language"):
        assert_closed(browser.cookies[name], secure=False)


HTTPS_VISIT = """
import json
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from accounts.users import flows
call_command("migrate", verbosity=0)
flows.create_account("Padaria", login="alice", email="alice@portal.example", password="correct horse battery")
browser = Client(SERVER_NAME="portal.example", headers={"accept-language": "en"})
page = browser.get("/entrar/", secure=True)
done = browser.post("/entrar/", {"username": "alice", "password": "correct horse battery"}, secure=True)
saved = browser.post("/meu-perfil/", {"first_name": "A", "last_name": "", "language": "en"}, secure=True)
answers = [page, done, saved]
print(json.dumps({
    "statuses": [answer.status_code for answer in answers],
    "cookies": [morsel.OutputString() for answer in answers for morsel in answer.cookies.values()],
    "plain": browser.get("/entrar/").headers["Location"],
    "hsts": page.headers["Strict-Transport-Security"],
    "again": browser.get("/meu-perfil/", secure=True).status_code,
}))
"""


def test_behind_https_cookies_are_bound_to_the_host_and_to_tls(tmp_path: Path, database_kept_at: Path | None) -> None:
    """S-09, W-01: with the settings that an https address makes, in a process of its own."""
    if database_kept_at and database_kept_at.exists():  # then it has nothing to migrate
        shutil.copy(database_kept_at, tmp_path / "db.sqlite3")
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PUBLIC_URL": "https://portal.example",
        "ALLOWED_HOSTS": "portal.example",
        "VAR_DIR": str(tmp_path),
    }
    visit = [sys.executable, "-c", HTTPS_VISIT]
    ran = subprocess.run(visit, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert ran.returncode == 0, ran.stderr
    saw = json.loads(ran.stdout)
    assert saw["statuses"] == [200, 302, 302]
    assert saw["again"] == 200
    assert saw["plain"] == "https://portal.example/entrar/"
    assert saw["hsts"] == "max-age=31536000"
    names = {line.split("=")[0] for line in saw["cookies"]}
    assert names >= {"__Host-session", "__Host-csrf", "__Host-language"}
    for line in (line for line in saw["cookies"] if "Max-Age=0" not in line):
        attributes = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"secure", "path=/", "samesite=lax", "httponly"} <= attributes, line
        assert "domain=" not in line.lower()


# Nothing is kept by browsers and proxies (S-11) -----------------------------------------------

PAGES = [
    "/",
    "/meu-perfil/",
    "/meu-perfil/telefone/confirmar/",
    "/senha/alterar/",
    "/configuracoes/minha-conta/",
    "/admin/",
    "/entrar/",
    "/no-such-page/",
]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_of_a_signed_in_person_may_be_cached(
    browser: Browser, policy: Account, alice: User, alices_phone: PhoneDevice, path: str
) -> None:
    """S-11: every page of test_routes.py as well; these are the ones with something to see."""
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    browser.sign_in("alice")
    kept = browser.get(path).headers["Cache-Control"]
    assert "no-store" in kept
    assert "private" in kept


def test_an_answer_that_may_not_be_kept_says_what_django_says() -> None:
    """S-11: and what a view says of its own is not lost."""
    ours, djangos = HttpResponse(), HttpResponse()
    never_cache(ours)
    add_never_cache_headers(djangos)
    assert ours["Cache-Control"] == djangos["Cache-Control"]
    assert parse_http_date(ours["Expires"]) == 0
    own = HttpResponse(headers={"Cache-Control": "no-transform"})
    never_cache(own)
    assert {"no-transform", "no-store", "private"} <= set(own["Cache-Control"].split(", "))


@pytest.mark.parametrize("path", ["/entrar/introducao/", "/entrar/telefone/"])
def test_no_step_of_the_first_set_up_may_be_cached(browser: Browser, policy: Account, bob: User, path: str) -> None:
    """S-11."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/entrar/canal/", "/entrar/token/"])
def test_no_step_of_a_sign_in_may_be_cached(asking: Browser, path: str) -> None:
    """S-11."""
    answer = asking.get(path)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]


def test_going_back_after_sign_out_shows_nothing(browser: Browser, bob: User) -> None:
    """S-11."""
    browser.post_password("bob")
    browser.get("/meu-perfil/")
    browser.post("/sair/")
    assert browser.get("/meu-perfil/").headers["Location"] == "/entrar/?next=%2Fmeu-perfil%2F"


def test_sign_out_needs_a_post(browser: Browser, bob: User) -> None:
    """S-11: no picture on another site signs anybody out."""
    browser.post_password("bob")
    assert browser.get("/sair/").status_code == 405
    assert browser.is_in()


def test_two_phones_on_the_way_do_not_mix(
    browser: Browser, other_browser: Browser, policy: Account, alice: User, bob: User
) -> None:
    """S-02: two people, two browsers, at the same step."""
    enrol(alice, ALICES_NUMBER)
    browser.post_password("bob")
    other_browser.post_password("alice")
    assert browser.get("/").headers["Location"] == "/entrar/introducao/"
    assert other_browser.get("/").headers["Location"] == "/entrar/canal/"
    assert AuditEvent.objects.filter(action="sign_in.pending").count() == 2


# The store, by itself: what Django and a library may call ------------------------------------------


def stored() -> SessionStore:
    store = SessionStore()
    store["what"] = "kept"
    store.save()
    return store


def test_a_new_session_has_an_id_before_anything_is_in_it() -> None:
    store = SessionStore()
    store.create()
    assert store.session_key
    assert store.exists(store.session_key)
    assert not store.exists("0" * 32)


def test_an_id_that_no_session_has_is_forgotten() -> None:
    """S-03: nothing is bound to an id that somebody made up."""
    store = SessionStore("a" * 32)
    assert store.load() == {}
    assert store.session_key is None


def test_another_id_keeps_what_nobody_has_read_yet() -> None:
    """S-03."""
    before = stored().session_key or ""
    store = SessionStore(before)
    store.cycle_key()
    store.save()
    assert SessionStore(store.session_key).load() == {"what": "kept"}
    assert not store.exists(before)


def test_another_id_ends_the_proof_of_the_same_request() -> None:
    """S-13."""
    store = stored()
    store.prove()
    store.cycle_key()
    store.save()
    assert store.row.get().proved_until is None


def test_an_id_is_given_once() -> None:
    taken = SessionStore(stored().session_key)
    with pytest.raises(CreateError):
        taken.save(must_create=True)
