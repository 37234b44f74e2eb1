"""Whoever has only the password neither ends its owner's sign-in nor uses up their tokens, and is told of (B-12)."""

from typing import Any

import pytest

from accounts.models import Session, User
from messaging.database import clock_plus
from tests.conftest import PASSWORD, Browser, last_token, sent_to
from tests.test_known_browsers import known_browser_of, link_to
from tests.tools import let_pass
from twofactor.models import PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy", "bobs_phone")]

THIEF = "203.0.113.9"
WARNING = "Somebody may know your password"


def crowd(times: int = 20, **defaults: Any) -> None:
    """Type the right password so often, in browsers that are not known."""
    for _ in range(times):
        assert Browser(**defaults).post_password("bob").status_code == 302


def warnings() -> int:
    return [entry["subject"] for entry in sent_to("bob@example.com")].count(WARNING)


def can_go_on(browser: Browser) -> bool:
    """Tell whether a sign-in that was begun is still there."""
    return bool(browser.get("/entrar/canal/").status_code == 200)


def test_right_passwords_from_another_network_crowd_nobody_out(bob: User) -> None:
    """B-12: five in 0.33 s, repeated; before the token was asked for."""
    mine = Browser()
    mine.post_password("bob")
    crowd(REMOTE_ADDR=THIEF)
    assert can_go_on(mine)


def test_right_passwords_from_the_same_network_do_not_reach_a_known_browser(bob: User) -> None:
    """B-12: a thief behind the same address."""
    mine = known_browser_of("bob")
    mine.post_password("bob")
    crowd()
    assert can_go_on(mine)


def test_the_same_network_does_not_crowd_out_whoever_is_at_the_captcha(bob: User) -> None:
    """B-12: five right passwords a second kept a new browser from ever asking for a token."""
    mine = Browser()
    mine.post_password("bob")
    let_pass(100)
    crowd()
    assert can_go_on(mine)
    assert mine.post_channel().status_code == 302


def test_a_live_token_is_not_crowded_out_by_the_same_network(asked: Browser) -> None:
    """B-12."""
    token = last_token()
    crowd()
    assert asked.post_token(token).status_code == 302
    assert asked.is_in()


def test_five_newer_ones_from_the_same_place_crowd_one_out(bob: User) -> None:
    """A66: the number of live sign-ins of one browser or network stays bounded."""
    first = Browser()
    first.post_password("bob")
    let_pass(121)
    crowd(4)
    assert can_go_on(first)
    crowd(1)
    assert not can_go_on(first)


# Tokens -------------------------------------------------------------------------------------------


def use_up_all_tokens() -> None:
    """Ask for tokens as a thief until none is left for a day."""
    for _hour in range(3):
        for number in range(20):
            browser = Browser(REMOTE_ADDR=THIEF)
            browser.post_password("bob")
            browser.post_channel(("sms", "email")[number % 2])
            let_pass(181)
    let_pass(3601)


def test_a_thiefs_tokens_do_not_use_up_those_of_a_known_browser(bob: User) -> None:
    """B-12: by either channel; a thief has the part of the day of new browsers, the owner their own."""
    mine = known_browser_of("bob")
    use_up_all_tokens()
    assert ask(Browser(REMOTE_ADDR=THIEF)).status_code == 429, "the thief has none left"
    for channel in ("sms", "email"):
        mine.post_password("bob")
        assert mine.post_channel(channel).status_code == 302
        assert mine.post_token(last_token()).headers["Location"] == "/"
        mine.post("/sair/")
        let_pass(60)


def test_a_link_from_the_mailbox_gives_a_new_browser_tokens_again(bob: User) -> None:
    """B-01, B-12: one captcha and one mail away."""
    use_up_all_tokens()
    mine = Browser()
    told = ask(mine)
    assert told.status_code == 429
    assert "/entrar/navegador/" in told.content.decode()
    mine.post(link_to(bob, mine))
    assert ask(mine).status_code == 302
    assert mine.post_token(last_token()).status_code == 302
    assert mine.is_in()


def test_a_thiefs_tokens_do_not_keep_a_known_browser_from_changing_phone_and_address(bob: User) -> None:
    """B-01, B-12: both were refused for a day: a token to what is new was counted with those of new browsers."""
    mine = known_browser_of("bob")
    use_up_all_tokens()
    mine.sign_in("bob")
    for field, new, path, channel in CHANGES:
        mine.post(f"/meu-perfil/{path}/", {field: new, "country": "BR"})
        mine.post(f"/meu-perfil/{path}/confirmar/", {"password": PASSWORD, "channel": channel})
        for _proof in range(2):
            answer = mine.post(f"/meu-perfil/{path}/confirmar/", {"token": last_token()})
            assert answer.headers.get("Location", "").startswith("/meu-perfil/"), path


CHANGES = [
    ("number", "11 98765-0002", "telefone", "email"),
    ("email", "robert@example.com", "email", "sms"),
]


def test_an_owner_who_is_locked_anew_after_each_sign_in_keeps_their_tries(bob: User) -> None:
    """B-01, L-04: the sixth sign-in in a quarter of an hour was refused, and the eleventh in a day."""
    mine = known_browser_of("bob")
    for _time in range(12):
        User.objects.filter(pk=bob.pk).update(failures=10, failures_until=clock_plus(900))
        mine.post_password("bob")
        assert mine.post_channel().status_code == 302
        assert mine.post_token(last_token()).headers["Location"] == "/"
        mine.post("/sair/")
        let_pass(31)


def test_proofs_of_an_owner_who_is_locked_keep_their_tries(bob: User) -> None:
    """B-01, R-12: a right token of a proof is given back like one of a sign-in."""
    mine = Browser()
    mine.sign_in("bob")
    for _time in range(6):
        User.objects.filter(pk=bob.pk).update(failures=10, failures_until=clock_plus(900))
        Session.objects.update(proved_until=None)
        let_pass(61)
        assert mine.reauthenticate("/meu-perfil/sessoes/encerrar-outras/").status_code == 302


def ask(browser: Browser) -> Any:
    browser.post_password("bob")
    return browser.post_channel("sms")


# The notice ---------------------------------------------------------------------------------------


def test_three_unfinished_sign_ins_are_told_once_a_day(bob: User) -> None:
    """B-12, B-15, ASVS 6.3.5."""
    crowd(2, REMOTE_ADDR=THIEF)
    assert warnings() == 0
    crowd(5, REMOTE_ADDR=THIEF)
    assert warnings() == 1
    text = next(entry["text"] for entry in sent_to("bob@example.com") if entry["subject"] == WARNING)
    assert THIEF in text
    assert "/senha/esqueci/" in text
    let_pass(86_401)
    crowd(3, REMOTE_ADDR=THIEF)
    assert warnings() == 2


def test_the_owner_s_own_browser_is_not_the_third(bob: User) -> None:
    """B-12: after two of somebody else's the owner types the password in a known browser."""
    mine = known_browser_of("bob")
    crowd(2, REMOTE_ADDR=THIEF)
    mine.post_password("bob")
    assert warnings() == 0


def test_finished_sign_ins_are_not_told(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-12: whom it must not reach: three new browsers in an hour, each signed in."""
    for _ in range(4):
        Browser().sign_in("bob")
        let_pass(300)
    assert warnings() == 0


def test_known_browsers_and_slow_hours_are_not_told(bob: User) -> None:
    """B-12: somebody who does not finish in their own browser, or three times in a long day."""
    mine = known_browser_of("bob")
    for _ in range(6):
        mine.post_password("bob")
    for _ in range(4):
        Browser().post_password("bob")
        let_pass(3601)
    assert warnings() == 0
