"""How often a password may be wrong: kept in the database, the same for who exists and who does not."""

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import RateLimit, User
from accounts.passwords import limits as password_limits
from accounts.rate_limits import purge
from accounts.request import context as request_context
from tests.altcha import challenge_on, solve
from tests.conftest import PASSWORD, Browser, last_token, sent_to
from tests.tools import let_pass, page

pytestmark = pytest.mark.django_db

CONFIRM = "/meu-perfil/telefone/confirmar/"
OTHER_ADDRESS = "203.0.113.9"
NAMES = ("bob", "bob@example.com", "nobody", "nobody@example.com")


def wrong(times: int, login: str = "bob") -> list[int]:
    """Type a wrong password so often; return the answers."""
    return [Browser().post("/entrar/", {"username": login, "password": f"wrong {n}"}).status_code for n in range(times)]


def guess_a_hundred_times(person: User) -> None:
    """Type a hundred wrong passwords from twenty networks, past every captcha."""
    for number in range(100):
        origin = request_context.Origin(ip=f"2001:db8:{number % 20:x}::1")
        before = request_context.current.set(origin)
        assert (
            authenticate(username=person.username, password=f"wrong {number}", require_captcha=lambda step: None)
            is None
        )
        request_context.current.reset(before)


def subjects_to(person: User) -> list[str]:
    return [entry["subject"] for entry in sent_to(person.email)]


def let_windows_pass() -> None:
    """Let every window run out."""
    RateLimit.objects.update(until=0)


def test_after_five_wrong_passwords_the_right_one_waits_too(bob: User) -> None:
    """C-08: 5 failures in 5 minutes per login and address."""
    assert wrong(6) == [200] * 5 + [429]
    answer = Browser().post_password("bob")
    assert answer.status_code == 429
    assert 290 <= int(answer.headers["Retry-After"]) <= 300
    let_windows_pass()
    assert Browser().post_password("bob").status_code == 302


def test_the_login_of_nobody_is_limited_just_the_same(bob: User) -> None:
    """C-09: the limit does not tell who exists."""
    assert wrong(6, "nobody") == [200] * 5 + [429]


def test_another_address_is_not_kept_out(bob: User) -> None:
    """ASVS 6.1.1: an outsider does not lock a person out."""
    wrong(6)
    answer = Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob")
    assert answer.status_code == 302


def test_a_hundred_from_everywhere_send_a_new_browser_to_the_mailbox(bob: User) -> None:
    """B-04, NIST SP 800-63B 3.2.2: from however many addresses; the person is told once."""
    guess_a_hundred_times(bob)
    answer = Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob")
    assert answer.status_code == 429
    assert "have a link sent to your mailbox" in page(answer)
    assert subjects_to(bob) == ["Somebody is trying to guess your password"]


def test_case_and_spaces_do_not_give_another_limit(bob: User) -> None:
    wrong(5, "bob")
    assert wrong(1, " BOB ") == [429]


# Two names of one person --------------------------------------------------------------------------


def slip(name: str) -> None:
    """Type five wrong passwords for a name, and wait until it may be tried again."""
    assert wrong(5, name) == [200] * 5
    let_pass(301)


def post_with_captcha(login: str, **facts: str) -> Any:
    """Post the right password with the captcha that its page asks for."""
    asked = Browser(**facts).post_password(login)
    return Browser(**facts).post_password(login, altcha=solve(challenge_on(asked)))


def test_login_and_address_of_a_person_share_one_limit_by_the_hour(bob: User) -> None:
    """C-08: ten in an hour are ten, whichever name they are typed for; the right password waits, too."""
    slip("bob")
    slip("bob@example.com")
    for name in ("bob", "bob@example.com"):
        assert post_with_captcha(name).status_code == 200
    assert Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob").status_code == 302
    let_pass(3600)
    assert Browser().post_password("bob").status_code == 302


def test_a_hundred_an_hour_are_a_hundred_for_both_names(bob: User) -> None:
    """ASVS 4.0.3, 2.2.1: from however many addresses."""
    for number in range(100):
        password_limits.count_wrong_password(("bob", "bob@example.com")[number % 2], f"198.51.100.{number}", bob)
    assert post_with_captcha("bob", REMOTE_ADDR=OTHER_ADDRESS).status_code == 200


def test_nobody_learns_by_it_that_two_names_are_one_persons(bob: User) -> None:
    """C-09: the answers are those of two names that nobody has."""

    def answers(login: str) -> list[tuple[int, str]]:
        said = []
        for name in (login, f"{login}@example.com", login, f"{login}@example.com"):
            for guess in range(6):
                answer = Browser(REMOTE_ADDR=f"198.51.100.{len(login)}").post_password(name, f"wrong {guess}")
                said.append((answer.status_code, page(answer).replace(login, "NAME")))
            let_pass(301)
        return said

    assert answers("bob") == answers("nobody")


def test_outsiders_do_not_keep_a_signed_in_person_from_re_authenticating(browser: Browser, bob: User) -> None:
    """B-01: a signed-in person has a counter of their own."""
    browser.post_password("bob")
    guess_a_hundred_times(bob)
    fields = {"new_password": "an owners own new password"}
    assert browser.post("/senha/alterar/", {"old_password": PASSWORD, **fields}).status_code == 302


def test_a_right_password_uses_up_no_limit(bob: User) -> None:
    for _ in range(10):
        assert Browser().post_password("bob").status_code == 302
    assert not RateLimit.objects.exclude(key__startswith="events ").exists(), "what is counted for the audit log only"


def test_seven_wrong_passwords_count_as_seven(bob: User) -> None:
    """L-05: one upsert, no reading first."""
    for _ in range(7):
        password_limits.count_wrong_password("bob", "192.0.2.1", bob)
    assert set(RateLimit.objects.values_list("used", flat=True)) == {7}


def test_no_login_stands_in_the_table(bob: User) -> None:
    """J-02: people type passwords into the wrong field."""
    wrong(1, PASSWORD)
    assert not [key for key in RateLimit.objects.values_list("key", flat=True) if "horse" in key]


def test_expired_windows_are_deleted(bob: User) -> None:
    """J-05."""
    wrong(1)
    assert purge() == 0
    let_windows_pass()
    assert purge() == 14
    assert not RateLimit.objects.exists()


@pytest.mark.usefixtures("policy")
def test_a_stolen_session_has_ten_guesses_a_day(browser: Browser, bob: User, settings: Any) -> None:
    """C-08: from however many addresses, and the sign-in page goes on."""
    settings.LIMITS = {**settings.LIMITS, "reauthentication": [(2, 86_400)]}
    browser.enrol("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    answers = [
        browser.post(CONFIRM, {"password": f"wrong {n}"}, REMOTE_ADDR=f"198.51.100.{n}").status_code for n in range(3)
    ]
    assert answers == [200, 200, 429]
    assert Browser().post_password("bob").status_code == 302


@pytest.mark.usefixtures("policy")
def test_a_stolen_session_has_five_guesses_in_five_minutes(browser: Browser, bob: User) -> None:
    """R-01: and then the right password waits, too."""
    browser.enrol("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    answers = [browser.post(CONFIRM, {"password": f"wrong {n}"}).status_code for n in range(6)]
    assert answers == [200] * 5 + [429]
    assert browser.post(CONFIRM, {"password": PASSWORD}).status_code == 429


# A hundred in a row -------------------------------------------------------------------------------


def guesses(count: int, person: User, block: int) -> None:
    """Type so many wrong passwords from networks of their own, past every captcha."""
    for number in range(count):
        before = request_context.current.set(request_context.Origin(ip=f"2001:db8:{block:x}{number % 20:02x}::1"))
        assert (
            authenticate(username=person.username, password=f"wrong {number}", require_captcha=lambda step: None)
            is None
        )
        request_context.current.reset(before)


def in_a_row(person: User) -> int:
    """Return how many wrong passwords in new browsers count towards the hundred."""
    key = f"password_anywhere {password_limits.names_of(person)[0]}"
    return RateLimit.objects.filter(key=key).values_list("used", flat=True).first() or 0


@pytest.mark.usefixtures("policy", "bobs_phone")
def test_a_sign_in_of_a_new_browser_ends_the_series(bob: User) -> None:
    """B-04: "in a row": 90 slips of somebody without cookies, a sign-in, and 90 more send nobody to the mailbox."""
    for block in (1, 2):
        guesses(90, bob, block)
        browser = Browser(REMOTE_ADDR=OTHER_ADDRESS)
        solved = solve(challenge_on(browser.post_password("bob")))
        browser.post_password("bob", altcha=solved)
        browser.post_channel()
        assert in_a_row(bob) == 90
        assert browser.post_token(last_token()).status_code == 302
        assert in_a_row(bob) == 0
        let_pass(3601)
    assert subjects_to(bob) == []


@pytest.mark.usefixtures("policy", "bobs_phone")
def test_a_sign_in_of_a_known_browser_gives_outsiders_no_guesses(bob: User) -> None:
    """B-04: a person who signs in each morning must not give a hundred more each morning."""
    browser = Browser()
    browser.sign_in("bob")
    browser.post("/sair/")
    let_pass(60)
    guesses(60, bob, 1)
    browser.sign_in("bob")
    assert browser.is_in()
    assert in_a_row(bob) == 60
    guesses(40, bob, 2)
    assert Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob").status_code == 429


@pytest.mark.usefixtures("policy", "bobs_phone")
def test_a_right_password_alone_ends_no_series(bob: User) -> None:
    """B-04, L-04: only a completed sign-in does."""
    wrong(3)
    browser = Browser()
    browser.post_password("bob")
    assert in_a_row(bob) == 3


def test_without_the_policy_the_right_password_ends_the_series(bob: User) -> None:
    """B-04: it is the whole sign-in there; four slips from this address are forgotten, too."""
    for _ in range(2):
        assert wrong(4) == [200] * 4
        assert Browser().post_password("bob").status_code == 302
        assert in_a_row(bob) == 0
    assert RateLimit.objects.filter(key__startswith="password ").exists(), "the captcha's count stays"


def statements_of(path: str, **typed: str) -> tuple[int, Any]:
    """Return how many statements a post in a new browser runs, and its answer."""
    with CaptureQueriesContext(connection) as asked:
        answer = Browser().post(path, typed)
    return len(asked), answer


def test_a_login_of_nobody_takes_as_many_statements_as_one_of_somebody(bob: User) -> None:
    """C-09: three more told who exists, by 4 ms, without a captcha and as often as one liked to ask."""
    Browser().get("/entrar/")  # each process looks once a minute whether a passkey alone may sign in
    wrong_ones = {login: statements_of("/entrar/", username=login, password="wrong")[0] for login in NAMES}
    assert len(set(wrong_ones.values())) == 1, wrong_ones
    RateLimit.objects.filter(key__startswith="address_passwords ").update(used=10)
    told = [statements_of("/entrar/", username=login, password=PASSWORD) for login in NAMES]
    assert len({count for count, _answer in told}) == 1, told
    assert all(challenge_on(answer) for _count, answer in told), "a captcha is due for all of them"


def test_a_link_for_the_login_of_nobody_takes_as_many_statements(bob: User) -> None:
    """C-09."""
    path = "/entrar/navegador/"
    solved = {login: solve(challenge_on(Browser().get(path))) for login in NAMES}
    asked = [statements_of(path, username=login, altcha=solved[login]) for login in NAMES]
    assert len({count for count, _answer in asked}) == 1, [count for count, _answer in asked]
    assert [answer.status_code for _count, answer in asked] == [200] * len(NAMES)


@pytest.mark.parametrize("given", [{}, {"username": "bob"}, {"password": PASSWORD}], ids=str)
def test_credentials_of_another_kind_are_left_to_other_backends(bob: User, given: dict[str, Any]) -> None:
    assert authenticate(**given) is None
    assert not RateLimit.objects.exists()


def test_nobody_at_all_is_refused(db: None) -> None:
    """An installation whose first person is still to be made answers as any other."""
    assert not User.objects.exists()
    assert "Login or password is wrong" in page(Browser().post_password("bob"))


@pytest.mark.parametrize("login", ["nobody", "nobody@example.com", "alice@example.com ."])
def test_the_password_of_the_first_person_opens_no_login_of_nobody(bob: User, login: str) -> None:
    """The row that carries the counters of a login that nobody has is somebody's; it signs nobody in."""
    assert User.objects.order_by("pk")[0].check_password(PASSWORD)
    assert "Login or password is wrong" in page(Browser().post_password(login))
