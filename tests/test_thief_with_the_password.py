"""Whoever has only the password neither ends its owner's sign-in nor uses up their tokens, and is told of (B-12)."""

import re
from typing import Any

import pytest

from accounts.models import Account, AuditEvent, Session, User
from messaging.database import clock_plus
from tests.conftest import PASSWORD, Browser, last_token, person, sent_to
from tests.test_factors_that_count import only
from tests.test_known_browsers import known_browser_of, link_to
from tests.tools import let_pass
from twofactor.models import PendingSignIn, PhoneDevice
from twofactor.sign_in.query import MAX_UNUSED

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy", "bobs_phone")]

THIEF = "203.0.113.9"
LINK = "/entrar/navegador/"
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


def test_right_passwords_from_another_network_displace_nobody(bob: User) -> None:
    """B-12: five in 0.33 s, repeated; before the token was asked for, however long that takes."""
    mine = Browser()
    mine.post_password("bob")
    let_pass(121)
    crowd(REMOTE_ADDR=THIEF)
    assert can_go_on(mine)


def test_right_passwords_from_the_same_network_do_not_reach_a_known_browser(bob: User) -> None:
    """B-12: a thief behind the same address."""
    mine = known_browser_of("bob")
    mine.post_password("bob")
    crowd()
    assert can_go_on(mine)


@pytest.fixture
def colleagues(account: Account) -> list[User]:
    return [person(f"colleague{number}", account) for number in range(6)]


def test_colleagues_behind_one_address_crowd_nobody_out(bob: User, colleagues: list[User]) -> None:
    """B-12, F55: nor does what is over."""
    mine = Browser()
    mine.post_password("bob")
    for _time in range(6):
        gone = Browser()
        gone.post_password("bob")
        gone.post("/sair/")
    let_pass(125)
    for colleague in colleagues:
        Browser().post_password(colleague.username)
    assert can_go_on(mine)


def test_a_token_of_another_sign_in_extends_none(bob: User) -> None:
    """B-12, C-08: only one that waits for its own token stays."""
    mine, another = Browser(), Browser()
    mine.post_password("bob")
    another.post_password("bob")
    let_pass(100)
    another.post_channel()
    let_pass(25)
    crowd(5)
    assert not can_go_on(mine)
    assert another.get("/entrar/token/").status_code == 200
    let_pass(181)
    assert another.get("/entrar/token/").status_code == 302, "its token is over"


def test_the_same_network_does_not_displace_a_person_at_the_captcha(bob: User) -> None:
    """B-12: five right passwords a second kept a new browser from ever asking for a token."""
    mine = Browser()
    mine.post_password("bob")
    let_pass(100)
    crowd()
    assert can_go_on(mine)
    assert mine.post_channel().status_code == 302


def test_a_sign_in_with_a_live_token_is_not_displaced_by_the_same_network(asked: Browser) -> None:
    """B-12."""
    token = last_token()
    crowd()
    assert asked.post_token(token).status_code == 302
    assert asked.is_in()


def test_the_same_network_does_not_displace_a_person_who_has_proved_the_mailbox(bob: User, policy: Account) -> None:
    """B-12: they type a phone now, for which the mailbox counts only once."""
    PhoneDevice.objects.all().delete()
    User.objects.filter(pk=bob.pk).update(has_phone=False)
    Account.objects.filter(pk=policy.pk).update(mailbox_before_phone=True)
    mine = Browser()
    mine.post_password("bob")
    mine.post("/entrar/introducao/")
    mine.post("/entrar/email/", {"altcha": mine.captcha("/entrar/email/")})
    let_pass(100)
    mine.post_token(last_token())
    let_pass(25)
    crowd(5)
    assert mine.post_phone().headers["Location"] == "/entrar/token/"
    assert mine.post_token(last_token()).headers["Location"] == "/"


@pytest.mark.parametrize(("kind", "place"), [("app", "aplicativo"), ("passkey", "chave")])
def test_the_same_network_does_not_displace_a_person_who_sets_up_a_factor(
    bob: User, policy: Account, kind: str, place: str
) -> None:
    """B-12: installing an app takes more than two minutes."""
    PhoneDevice.objects.all().delete()
    User.objects.filter(pk=bob.pk).update(has_phone=False)
    only(policy, "app", "passkey")
    mine = Browser()
    mine.post_password("bob")
    mine.post("/entrar/introducao/")
    mine.post("/entrar/configurar/", {"kind": kind})
    let_pass(130)
    crowd(5)
    assert mine.get(f"/entrar/configurar/{place}/").status_code == 200


def test_five_newer_ones_from_the_same_place_displace_one(bob: User) -> None:
    """A66: the number of live sign-ins of one browser or network stays bounded."""
    first = Browser()
    first.post_password("bob")
    let_pass(121)
    crowd(4)
    assert can_go_on(first)
    crowd(1)
    assert not can_go_on(first)


def kept() -> tuple[int, int]:
    """Return how many sign-ins of Bob's, and how many sessions, the database has."""
    return PendingSignIn.objects.filter(user__username="bob").count(), Session.objects.count()


def test_right_passwords_do_not_fill_the_disk(bob: User) -> None:
    """B-12: beyond fifty, those that are over go with the next right password, and their sessions with them."""
    crowd(MAX_UNUSED)
    let_pass(601)
    assert kept() == (MAX_UNUSED, MAX_UNUSED)
    crowd(1)
    assert kept() == (1, 1)


def test_what_is_deleted_for_a_thief_is_nothing_of_the_owner_s(bob: User) -> None:
    """B-12: neither a sign-in that waits, nor one that a token was sent for, nor a session, nor a few old ones."""
    at_home = known_browser_of("bob")
    at_home.sign_in("bob")
    asked, waits = Browser(), Browser()
    asked.post_password("bob")
    asked.post_channel()
    crowd(MAX_UNUSED - 1)
    let_pass(601)
    waits.post_password("bob")
    before = kept()
    crowd(1)
    assert kept()[0] == before[0] - (MAX_UNUSED - 1) + 1
    assert can_go_on(waits)
    assert at_home.is_in()
    assert PendingSignIn.objects.filter(sends=1, completed_at__isnull=True).exists()


# Tokens -------------------------------------------------------------------------------------------


def use_up_all_tokens(cookie: str = "") -> None:
    """Ask for tokens as a thief, who may have copied the cookie of a known browser, until none is left for a day."""
    for _hour in range(3):
        for number in range(20):
            browser = Browser(REMOTE_ADDR=THIEF)
            browser.cookies["browser"] = cookie
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


def lock(user: User) -> None:
    """Let a thief have typed ten wrong tokens."""
    User.objects.filter(pk=user.pk).update(failures=10, failures_until=clock_plus(900))


def test_a_newcomer_whose_second_step_is_locked_is_told_of_the_link(alice: User) -> None:
    """B-01, B-12: known browsers have tries of their own, and the page named only the wait and the administrator."""
    lock(alice)
    mine = Browser()
    mine.post_password("alice")
    mine.post("/entrar/introducao/")
    told = mine.post_phone("21 98765-1234")
    assert told.status_code == 429
    assert LINK in told.content.decode()
    mine.post(link_to(alice, mine))
    mine.enrol("alice", "21 98765-1234")
    assert mine.is_in()


def copied(mine: Browser) -> Browser:
    """Return the browser of a thief who has copied the cookie of a known one."""
    thief = Browser(REMOTE_ADDR=THIEF)
    thief.cookies["browser"] = mine.cookies["browser"].value
    return thief


def test_a_link_gives_tries_to_a_known_browser_whose_cookie_a_thief_has_copied(bob: User) -> None:
    """B-01, B-12: the thief has used up the tries of that browser, and the link kept its counter."""
    mine = known_browser_of("bob")
    lock(bob)
    thief = copied(mine)
    thief.post_password("bob")
    thief.post_channel()
    for _try in range(5):
        thief.post_token("000000" if last_token() != "000000" else "000001")
    told = ask(mine)
    assert told.status_code == 429
    assert LINK in told.content.decode()
    mine.post(link_to(bob, mine))
    assert ask(mine).status_code == 302
    assert mine.post_token(last_token()).headers["Location"] == "/"


def test_a_new_password_gives_tokens_to_a_known_browser_whose_cookie_a_thief_has_copied(bob: User) -> None:
    """B-01, B-12: such a thief uses up the tokens of all known browsers; what ends them stands on the page."""
    mine = known_browser_of("bob")
    use_up_all_tokens(mine.cookies["browser"].value)
    told = ask(mine)
    assert told.status_code == 429
    assert "/senha/esqueci/" in told.content.decode()
    mine.post("/senha/esqueci/", {"email": bob.email})
    link = re.search(r"/senha/redefinir/\S+", sent_to(bob.email)[0]["text"])
    assert link
    form = mine.get(link[0]).headers["Location"]
    mine.post(form, {"new_password": "another horse and battery"})
    mine.post_password("bob", "another horse and battery")
    assert mine.post_channel("sms").status_code == 302
    assert mine.post_token(last_token()).headers["Location"] == "/"


CHANGES = [
    ("number", "11 98765-0002", "telefone", "email"),
    ("email", "robert@example.com", "email", "sms"),
]


def test_an_owner_who_is_locked_after_each_sign_in_keeps_their_attempts(bob: User) -> None:
    """B-01, L-04: the sixth sign-in in a quarter of an hour was refused, and the eleventh in a day."""
    mine = known_browser_of("bob")
    for _time in range(12):
        User.objects.filter(pk=bob.pk).update(failures=10, failures_until=clock_plus(900))
        mine.post_password("bob")
        assert mine.post_channel().status_code == 302
        assert mine.post_token(last_token()).headers["Location"] == "/"
        mine.post("/sair/")
        let_pass(31)


def test_re_authentications_of_a_locked_owner_keep_their_attempts(bob: User) -> None:
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


def test_the_person_is_notified_of_three_unfinished_sign_ins_once_a_day(bob: User) -> None:
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


def test_nobody_is_notified_of_what_colleagues_did_not_finish(bob: User, colleagues: list[User]) -> None:
    """B-12: whom it must not reach."""
    for colleague in colleagues:
        Browser().post_password(colleague.username)
    crowd(1)
    assert warnings() == 0


def test_right_passwords_of_colleagues_leave_no_note_out(account: Account, bob: User, colleagues: list[User]) -> None:
    """B-16: ten in a minute are those of one person; and of one minute."""
    for colleague in colleagues:
        for _time in range(2):
            Browser().post_password(colleague.username)
    crowd(10)
    let_pass(61)
    crowd(1)
    assert AuditEvent.objects.filter(action="sign_in.pending", user=bob).count() == 11


def test_the_owner_s_own_browser_is_not_the_third(bob: User) -> None:
    """B-12: after two of somebody else's the owner types the password in a known browser."""
    mine = known_browser_of("bob")
    crowd(2, REMOTE_ADDR=THIEF)
    mine.post_password("bob")
    assert warnings() == 0


def test_nobody_is_notified_of_finished_sign_ins(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-12: whom it must not reach: three new browsers in an hour, each signed in."""
    for _ in range(4):
        Browser().sign_in("bob")
        let_pass(300)
    assert warnings() == 0


def test_nobody_is_notified_of_known_browsers_and_slow_hours(bob: User) -> None:
    """B-12: somebody who does not finish in their own browser, or three times in a long day."""
    mine = known_browser_of("bob")
    for _ in range(6):
        mine.post_password("bob")
    for _ in range(4):
        Browser().post_password("bob")
        let_pass(3601)
    assert warnings() == 0
