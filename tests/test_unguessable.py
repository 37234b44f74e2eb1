"""What nobody can guess waits for no pause, and is the way back after a hundred wrong tokens (B-12, L-03)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.models import RateLimit, User
from accounts.users.flows import lock_user
from tests.authenticator import Authenticator, give_passkey, options_in
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, enrol, last_token, sent_to
from tests.test_known_browsers import known_browser_of, link_to
from tests.tools import page
from twofactor.factors.codes import flows
from twofactor.models import PhoneDevice
from twofactor.tokens import unguessable

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CODE = "/entrar/codigo/"
NO_CODE = "0000-0000-0000-0000"
NEW_PASSWORD = "Another-apple-9-window"
THIEF = "203.0.113.9"
CLOSED = "After a hundred wrong tokens no token opens"
LOCKED = "Your login is locked after a hundred wrong tokens"


@pytest.fixture
def codes(bob: User, bobs_phone: PhoneDevice) -> list[str]:
    return flows.issue(bob)


def half_way(password: str = PASSWORD, **defaults: Any) -> Browser:
    browser = Browser(**defaults)
    browser.post_password("bob", password)
    return browser


def failures(bob: User) -> int:
    bob.refresh_from_db()
    return bob.failures


def pause(bob: User, count: int = 10) -> None:
    until = timezone.now() + timedelta(hours=1)
    User.objects.filter(pk=bob.pk).update(failures=count, failures_until=until)


def fail_for_the_hundredth_time(bob: User) -> None:
    """Let a thief who knows the password type the last of a hundred wrong tokens."""
    User.objects.filter(pk=bob.pk).update(failures=99)
    thief = half_way(REMOTE_ADDR=THIEF)
    thief.post_channel()
    thief.post_token(f"{(int(last_token()) + 1) % 1_000_000:06}")
    bob.refresh_from_db()
    assert (bob.failures, bob.locked_at is None) == (100, False)


def choose_a_password() -> None:
    """Choose a new one by the link that a stranger's browser asks for."""
    reader = Browser()
    reader.post("/senha/esqueci/", {"email": "bob@example.com"})
    links = [re.search(r"/senha/redefinir/\S+/", entry["text"]) for entry in sent_to("bob@example.com")]
    link = next(found[0] for found in links if found)
    form = reader.get(link, follow=True)
    reader.post(form.request["PATH_INFO"], {"new_password": NEW_PASSWORD})


# The pause ----------------------------------------------------------------------------------------


def test_a_code_opens_a_new_browser_during_the_pause_of_a_thief(codes: list[str], bob: User) -> None:
    """B-12: no administrator is needed."""
    pause(bob)
    mine = half_way()
    told = page(mine.post_channel())
    assert "A recovery code or a passkey works during the break, too" in told
    mine.post(CODE, {"token": codes[0]})
    assert mine.is_in()
    assert failures(bob) == 0
    assert half_way().post_channel().status_code == 302, "it has ended the pause"


def test_wrong_codes_during_the_pause_are_five_a_day_for_each_place(codes: list[str], bob: User) -> None:
    """B-12: a thief uses up their own network's, makes the pause no longer, and comes no nearer to the hundred."""
    pause(bob)
    thief = half_way(REMOTE_ADDR=THIEF)
    answers = [thief.post(CODE, {"token": NO_CODE}).status_code for _time in range(6)]
    assert answers == [200] * 5 + [429]
    assert failures(bob) == 10
    assert [entry["subject"] for entry in sent_to("bob@example.com")].count("Somebody is failing at your second step")
    mine = half_way(REMOTE_ADDR=THIEF)
    mine.post(CODE, {"token": codes[0]})
    assert mine.is_in(), "a right one waits for nobody, in the same network either"


def test_a_thief_with_the_cookie_holds_up_no_right_code(codes: list[str], bob: User) -> None:
    """B-12."""
    mine = known_browser_of("bob")
    pause(bob)
    mine.post_password("bob")
    answers = [mine.post(CODE, {"token": NO_CODE}).status_code for _time in range(6)]
    assert answers == [200] * 5 + [429]
    mine.post(CODE, {"token": codes[0]})
    assert mine.is_in()


def test_a_right_code_in_a_session_ends_no_pause_of_others(codes: list[str], bob: User) -> None:
    """L-04: a re-authentication by a code during the pause takes back nothing that was not counted."""
    mine = known_browser_of("bob")
    mine.sign_in("bob")
    pause(bob)
    mine.post("/meu-perfil/segunda-etapa/codigos/")
    mine.post("/confirmar-identidade/", {"password": PASSWORD, "channel": "recovery"})
    assert mine.post("/confirmar-identidade/", {"token": codes[0]}).status_code == 200
    assert failures(bob) == 10
    assert bob.failures_until
    assert not RateLimit.objects.filter(key__startswith="recovery ", used__gt=0).exists()


def test_wrong_codes_from_many_networks_leave_few_rows(codes: list[str], bob: User, monkeypatch: Any) -> None:
    """B-12: a million rows, and no new password could be chosen: deleting them took longer than a statement may."""
    monkeypatch.setattr(unguessable, "NETWORK_COUNTS", 3)
    mine = known_browser_of("bob")
    pause(bob)
    for number in range(12):
        thief = Browser(REMOTE_ADDR=f"198.51.{number}.1")
        thief.post_password("bob")
        thief.post(CODE, {"token": NO_CODE})
    mine.post_password("bob")
    mine.post(CODE, {"token": NO_CODE})
    names = RateLimit.objects.filter(key__startswith="recovery ").values_list("key", flat=True)
    networks = {name for name in names if " network " in name}
    assert 1 < len(networks) <= 3
    assert sum(" browser " in name for name in names) == 1, "a known browser has a count of its own"


# The hundredth ------------------------------------------------------------------------------------


def test_after_the_hundredth_the_page_says_what_to_do_to_whoever_knows_the_password(
    codes: list[str], bob: User
) -> None:
    """L-03: a wrong password gets the usual answer."""
    fail_for_the_hundredth_time(bob)
    assert LOCKED in page(Browser().post_password("bob"))
    assert LOCKED not in page(Browser().post_password("bob", "wrong"))
    told = sent_to("bob@example.com")[0]
    assert told["subject"] == "Your login is locked"
    assert "/senha/esqueci/" in told["text"]


def test_a_new_password_and_a_code_are_the_way_back(codes: list[str], bob: User) -> None:
    """L-03: without anybody's help; the old password, and tokens, open nothing."""
    fail_for_the_hundredth_time(bob)
    choose_a_password()
    assert half_way().get("/entrar/canal/").status_code == 302, "the old password"
    mine = half_way(NEW_PASSWORD)
    assert CLOSED in page(mine.post_channel())
    mine.post(CODE, {"token": codes[0]})
    assert mine.is_in()
    assert failures(bob) == 0
    mine.post("/sair/")
    again = half_way(NEW_PASSWORD)
    assert again.post_channel().status_code == 302


def test_a_new_password_and_a_passkey_are_the_way_back(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-03."""
    key: Authenticator = give_passkey(bob)
    fail_for_the_hundredth_time(bob)
    choose_a_password()
    mine = half_way(NEW_PASSWORD)
    mine.post("/entrar/chave/", {"credential": key.sign(options_in(mine.get("/entrar/chave/")))})
    assert mine.is_in()
    assert failures(bob) == 0


def test_whoever_reads_the_mailbox_has_no_guess_beyond_the_hundred(bob: User, bobs_phone: PhoneDevice) -> None:
    """NIST SP 800-63B, 3.2.2: not by new passwords, nor by links that make a browser known."""
    fail_for_the_hundredth_time(bob)
    for _time in range(2):
        choose_a_password()
        reader = Browser()
        reader.post(link_to(bob, reader))
        reader.post_password("bob", NEW_PASSWORD)
        assert CLOSED in page(reader.post_channel())
        assert reader.post_token("123456").headers["Location"] == "/entrar/canal/"
    assert failures(bob) == 100


def test_whoever_has_neither_is_unlocked_by_an_administrator(bob: User, bobs_phone: PhoneDevice, alice: User) -> None:
    """L-03: the person's page says what holds them up, after the new password too."""
    enrol(alice, ALICES_NUMBER)
    office = Browser()
    office.sign_in("alice")
    fail_for_the_hundredth_time(bob)
    choose_a_password()
    assert "an administrator unlocks them; a recovery code" in page(office.get(f"/configuracoes/usuarios/{bob.pk}/"))
    office.reauthenticate(f"/configuracoes/usuarios/{bob.pk}/desbloquear/")
    assert failures(bob) == 0
    mine = half_way(NEW_PASSWORD)
    assert mine.post_channel().status_code == 302
    assert mine.post_token(last_token()).headers["Location"] == "/"


def test_a_disavowal_is_ended_by_no_new_password(bob: User, bobs_phone: PhoneDevice) -> None:
    """R-03: also of somebody whom wrong tokens had locked before."""
    fail_for_the_hundredth_time(bob)
    lock_user(bob, reason="phone.disowned")
    assert LOCKED not in page(Browser().post_password("bob"))
    Browser().post("/senha/esqueci/", {"email": "bob@example.com"})
    assert not [entry for entry in sent_to("bob@example.com") if "/senha/redefinir/" in entry["text"]]
    bob.refresh_from_db()
    assert bob.locked_at


def test_the_operator_is_told_too(bob: User, bobs_phone: PhoneDevice, capsys: Any) -> None:
    fail_for_the_hundredth_time(bob)
    call_command("limits", "--of", "bob")
    assert "only a recovery code or a passkey opens" in capsys.readouterr().out
    assert settings.FAILURES_DISABLED_AT == 100
