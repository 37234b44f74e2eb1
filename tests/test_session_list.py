"""Sessions: their limits on the server, and who sees and ends them (S-07, S-12)."""

import re
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.auth.session_store import row_name
from accounts.models import AuditEvent, Session, User
from tests.conftest import PASSWORD, Browser
from tests.tools import let_pass, page
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

LIST = "/meu-perfil/sessoes/"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1"


def signed_in(login: str, agent: str = CHROME, ip: str = "203.0.113.7") -> Browser:
    browser = Browser(headers={"user-agent": agent}, REMOTE_ADDR=ip)
    browser.post_password(login)
    return browser


def addresses(browser: Browser) -> list[str]:
    """Return the addresses of the list, from above."""
    return re.findall(r"Address ([\d.]+)", page(browser.get(LIST)))


def row_of(browser: Browser) -> Session:
    return Session.objects.get(session_key=row_name(browser.cookies["session"].value))


# Limits (S-07) --------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "lives"), [(3500, True), (3601, False)])
def test_an_hour_without_use_ends_a_session(bob: User, seconds: int, lives: bool) -> None:
    """S-07: on the server; the cookie is still there."""
    browser = signed_in("bob")
    let_pass(seconds)
    assert browser.is_in() is lives


def test_an_hour_without_use_ends_a_session_that_was_used_before(bob: User) -> None:
    """S-07: the hour begins anew with each use, and is an hour still."""
    browser = Browser()
    browser.post_password("bob")
    for seconds, lives in ((3000, True), (3000, True), (3601, False)):
        let_pass(seconds)
        assert browser.is_in() == lives


def test_use_keeps_a_session_but_not_beyond_twelve_hours(bob: User) -> None:
    """S-07."""
    browser = signed_in("bob")
    for _ in range(13):
        let_pass(3300)
        assert browser.is_in()
    let_pass(301)
    assert not browser.is_in()  # 43,201 s


def test_the_limits_are_settings(bob: User, settings: Any) -> None:
    """S-07."""
    settings.SESSION_IDLE_SECONDS, settings.SESSION_COOKIE_AGE = 600, 900
    idle, busy = signed_in("bob"), signed_in("bob")
    let_pass(500)
    assert busy.is_in()
    let_pass(200)
    assert not idle.is_in()
    assert busy.is_in()
    let_pass(201)
    assert not busy.is_in()


def test_changing_the_password_does_not_restart_a_sessions_time(bob: User) -> None:
    """S-07: only a sign-in does."""
    browser = signed_in("bob")
    before = row_of(browser).created_at
    fields = {"old_password": PASSWORD, "new_password": "another good one"}
    browser.post("/senha/alterar/", fields)
    assert row_of(browser).created_at == before
    let_pass(60)
    browser.post_password("bob", "another good one")
    assert row_of(browser).created_at >= before


def test_being_seen_is_noted_every_five_minutes_at_most(bob: User) -> None:
    """S-07: a page costs the session and the person, and now and then one UPDATE."""
    browser = signed_in("bob")

    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as context:
            assert browser.get("/senha/alterar/").status_code == 200
        return [query["sql"].split()[0] for query in context.captured_queries]

    assert statements() == ["SELECT", "SELECT"]
    let_pass(301)
    assert statements() == ["SELECT", "UPDATE", "SELECT"]
    assert statements() == ["SELECT", "SELECT"]


def test_a_session_that_was_ended_is_not_brought_back_by_a_request_on_its_way(bob: User) -> None:
    """F53."""
    browser = signed_in("bob")
    late: Any = browser.session
    assert late["_auth_user_id"] == str(bob.pk)
    Session.objects.all().delete()
    late.cycle_key()
    with pytest.raises(UpdateError):
        late.save()
    assert not Session.objects.exists()


# The list (S-12) ------------------------------------------------------------------------------


def test_people_see_where_they_are_signed_in(bob: User, alice: User) -> None:
    """S-12: the session of this very request first; nobody else's; never an id."""
    phone, desk = signed_in("bob", IPHONE, "198.51.100.9"), signed_in("bob")
    signed_in("alice", ip="192.0.2.1")
    shown = page(phone.get(LIST))
    assert addresses(phone) == ["198.51.100.9", "203.0.113.7"]
    assert shown.index("This one") < shown.index("203.0.113.7")
    assert "Safari on iPhone" in shown
    assert "Chrome on Linux" in shown
    for browser in (phone, desk):
        assert browser.cookies["session"].value not in shown
    assert f'href="{LIST}"' in page(phone.get("/meu-perfil/"))


def test_the_session_seen_last_stands_above_the_others(bob: User) -> None:
    """S-12: whatever the order of the sign-ins; this one stands above all."""
    here, _second, third, _fourth = (signed_in("bob", ip=f"192.0.2.{number}") for number in (1, 2, 3, 4))
    let_pass(301)
    third.get("/meu-perfil/")
    assert addresses(here) == ["192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.2"]
    Session.objects.update(seen_at=Session.objects.earliest("pk").seen_at)
    assert addresses(here) == ["192.0.2.1", "192.0.2.4", "192.0.2.3", "192.0.2.2"], "of one moment the newest first"


def test_a_session_that_is_over_is_not_listed(bob: User) -> None:
    """S-12, S-07: its row is still there."""
    here = signed_in("bob", ip="192.0.2.1")
    signed_in("bob", ip="192.0.2.2")
    let_pass(3000)
    assert addresses(here) == ["192.0.2.1", "192.0.2.2"]
    let_pass(700)
    assert addresses(here) == ["192.0.2.1"]
    assert Session.objects.filter(user=bob).count() == 2


def test_a_person_with_the_same_hash_of_a_password_is_not_listed(bob: User, alice: User) -> None:
    """A-04: the hash of a session says nothing about whose it is."""
    User.objects.filter(pk=alice.pk).update(password=bob.password)
    signed_in("alice", ip="192.0.2.2")
    assert addresses(signed_in("bob", ip="192.0.2.1")) == ["192.0.2.1"]


def test_one_session_can_be_ended(bob: User) -> None:
    """S-12: it is out at its next request."""
    here, other, third = signed_in("bob"), signed_in("bob"), signed_in("bob")
    assert here.reauthenticate(f"{LIST}{row_of(other).pk}/encerrar/").headers["Location"] == LIST
    assert "The session was ended." in page(here.get(LIST))
    assert [here.is_in(), other.is_in(), third.is_in()] == [True, False, True]
    assert AuditEvent.objects.filter(action="session.ended_by_owner", user=bob).count() == 1


def test_all_others_can_be_ended_half_way_ones_too(policy: object, bob: User, bobs_phone: PhoneDevice) -> None:
    """S-12, S-06."""
    here, other, pending = Browser(), Browser(), Browser()
    here.sign_in("bob")
    let_pass(3000)
    other.sign_in("bob")
    pending.post_password("bob")
    assert here.reauthenticate(f"{LIST}encerrar-outras/").headers["Location"] == LIST
    assert here.is_in()
    assert not other.is_in()
    assert pending.get("/entrar/canal/").headers["Location"] == "/entrar/"
    assert page(here.get(LIST)).count("Address") == 1


def test_a_stolen_cookie_ends_nobodys_sessions(bob: User) -> None:
    """S-13: it is asked who it is, once in five minutes; who gives up is back on the list."""
    here, other, third = signed_in("bob"), signed_in("bob"), signed_in("bob")
    for path in (f"{LIST}{row_of(other).pk}/encerrar/", f"{LIST}encerrar-outras/"):
        assert here.post(path).headers["Location"] == "/confirmar-identidade/"
        assert here.post("/confirmar-identidade/", {"action": "cancel"}).headers["Location"] == LIST
    assert [other.is_in(), third.is_in()] == [True, True]
    here.reauthenticate(f"{LIST}{row_of(other).pk}/encerrar/")
    assert here.post(f"{LIST}encerrar-outras/").headers["Location"] == LIST
    assert [here.is_in(), other.is_in(), third.is_in()] == [True, False, False]


def test_what_was_ended_by_a_new_password_is_not_listed(bob: User) -> None:
    """S-12."""
    here = signed_in("bob")
    signed_in("bob")
    fields = {"old_password": PASSWORD, "new_password": "another good one"}
    here.post("/senha/alterar/", fields)
    assert page(here.get(LIST)).count("Address") == 1


def test_nobody_ends_somebody_elses_session(bob: User, alice: User) -> None:
    """A-04."""
    alices, bobs = signed_in("alice"), signed_in("bob")
    assert bobs.reauthenticate(f"{LIST}{row_of(alices).pk}/encerrar/").status_code == 404
    assert bobs.get(f"{LIST}encerrar-outras/").status_code == 405
    assert alices.is_in()


# The administrator (S-12) ---------------------------------------------------------------------


def test_an_administrator_ends_a_persons_sessions(bob: User, alice: User) -> None:
    """S-12, J-01."""
    bobs, alices = signed_in("bob"), signed_in("alice")
    assert alices.post(f"/configuracoes/usuarios/{bob.pk}/sessoes/encerrar/").status_code == 302
    assert not bobs.is_in()
    assert alices.is_in()
    event = AuditEvent.objects.get(action="sessions.ended")
    assert (event.user, event.actor) == (bob, alice)


def test_but_only_of_the_own_account_and_only_an_administrator(bob: User, alice: User, charlie: User) -> None:
    """A-04."""
    alices, bobs = signed_in("alice"), signed_in("bob")
    assert alices.post(f"/configuracoes/usuarios/{charlie.pk}/sessoes/encerrar/").status_code == 404
    assert bobs.post(f"/configuracoes/usuarios/{alice.pk}/sessoes/encerrar/").status_code == 403
    assert alices.get(f"/configuracoes/usuarios/{bob.pk}/sessoes/encerrar/").status_code == 405
    assert (alices.is_in(), bobs.is_in()) == (True, True)
