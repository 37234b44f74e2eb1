"""How often one may guess: five times a token, however the guesses come, and each refusal says why."""

import re
from html import unescape
from typing import Any

import pytest

from accounts.models import AuditEvent, User
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, PASSWORD, Browser, last_token
from tests.tools import let_pass, page
from twofactor import error_messages
from twofactor import exceptions as refusals
from twofactor.models import Challenge, ChallengeQuerySet, PendingSignIn, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CONFIRM = "/meu-perfil/telefone/confirmar/"
USED_UP = "Too many attempts with this token. Ask for another one."


def wrong(token: str, turn: int = 1) -> str:
    """Return another token than the right one, a different one each turn."""
    return f"{(int(token) + turn) % 10**6:06}"


def said(response: Any) -> str:
    """Return the one sentence at the field of a refused token."""
    assert response.status_code == 200
    found = re.search(r'class="field-errors".*?<span>(.*?)</span>', response.content.decode(), re.DOTALL)
    assert found
    return unescape(found[1])


@pytest.fixture
def asking(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    """Bob's browser at the token page of a later sign-in."""
    browser.post_password("bob")
    browser.post_channel("sms")
    return browser


@pytest.fixture
def enrolling(browser: Browser, bob: User) -> Browser:
    """Bob's browser at the token page of the first set-up."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    browser.post_phone(BOBS_NUMBER)
    return browser


@pytest.fixture
def changing(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    """Bob's browser at the proof that it is still him."""
    browser.sign_in("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": ALICES_NUMBER})
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    return browser


# Five attempts (L-01, L-05) -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journey", "path"), [("asking", "/entrar/token/"), ("enrolling", "/entrar/token/"), ("changing", CONFIRM)]
)
def test_after_five_wrong_tokens_the_right_one_is_refused(
    request: pytest.FixtureRequest, journey: str, path: str
) -> None:
    """L-01."""
    browser: Browser = request.getfixturevalue(journey)
    token = last_token()
    for turn in range(1, 6):
        assert browser.post(path, {"token": wrong(token, turn)}).status_code == 200
    assert said(browser.post(path, {"token": token})) == USED_UP
    newest = Challenge.objects.order_by("-pk")[0]
    assert newest.attempts == 5
    assert newest.verified_at is None


def test_the_fifth_attempt_may_be_right(asking: Browser) -> None:
    """L-01."""
    token = last_token()
    for turn in range(1, 5):
        asking.post_token(wrong(token, turn))
    assert asking.post_token(token).status_code == 302
    assert asking.is_in()


def test_every_wrong_token_counts_up_to_five(asking: Browser) -> None:
    """L-05, one after the other; the parallel part is tried on PostgreSQL."""
    token = last_token()
    counted = []
    for turn in range(1, 9):
        asking.post_token(wrong(token, turn))
        counted.append(Challenge.objects.get().attempts)
    assert counted == [1, 2, 3, 4, 5, 5, 5, 5]


def test_the_same_wrong_token_counts_each_time(asking: Browser) -> None:
    """L-01."""
    token = last_token()
    for _ in range(3):
        asking.post_token(wrong(token))
    assert Challenge.objects.get().attempts == 3


def test_another_browser_with_the_same_cookie_has_no_attempts_of_its_own(
    asking: Browser, other_browser: Browser
) -> None:
    """L-05."""
    token = last_token()
    other_browser.cookies["session"] = asking.cookies["session"].value
    for turn in range(1, 6):
        (asking, other_browser)[turn % 2].post_token(wrong(token, turn))
    assert said(asking.post_token(token)) == USED_UP
    assert said(other_browser.post_token(token)) == USED_UP


def test_a_right_token_of_another_person_counts_as_wrong(
    asking: Browser, other_browser: Browser, alices_phone: PhoneDevice
) -> None:
    """T-05, L-01."""
    other_browser.post_password("alice")
    other_browser.post_channel("sms")
    asking.post_token(last_token())
    assert [row.attempts for row in Challenge.objects.order_by("pk")] == [1, 0]


def test_the_page_counts_the_attempts_down(asking: Browser) -> None:
    """L-01."""
    token = last_token()
    answers = [said(asking.post_token(wrong(token, turn))) for turn in range(1, 6)]
    assert answers == [
        "Wrong token. Check the six digits and try again.",
        "Wrong token. You have 3 more attempts.",
        "Wrong token. You have 2 more attempts.",
        "Wrong token. You have 1 more attempt.",
        USED_UP,
    ]


def test_when_the_attempts_are_used_up_another_token_opens(asking: Browser) -> None:
    """L-01."""
    token = last_token()
    for turn in range(1, 6):
        asking.post_token(wrong(token, turn))
    assert 'data-countdown="0"' in page(asking.get("/entrar/token/")), "no time is promised to a dead token"
    let_pass(31)
    assert asking.post("/entrar/token/reenviar/").headers["Location"] == "/entrar/token/"
    assert last_token() != token
    assert asking.post_token(last_token()).status_code == 302
    assert asking.is_in()


def test_when_the_token_is_too_late_another_one_opens(asking: Browser) -> None:
    """T-02."""
    late = last_token()
    let_pass(181)
    assert asking.post_token(late).status_code == 200
    asking.post("/entrar/token/reenviar/")
    assert asking.post_token(last_token()).status_code == 302


# Each refusal says why ------------------------------------------------------------------------


def test_each_refusal_has_its_own_sentence(asking: Browser) -> None:
    """T-02, T-03, T-04, T-08, L-01."""
    first = last_token()
    let_pass(31)
    asking.post("/entrar/token/reenviar/")
    second = last_token()
    told = {
        "malformed": said(asking.post_token("12345")),
        "superseded": said(asking.post_token(first)),
        "wrong": said(asking.post_token(wrong(second))),
        "used": error_messages.of(refusals.TokenUsed()),
    }
    let_pass(181)
    told["late"] = said(asking.post_token(second))
    told["used up"] = USED_UP
    assert told == {
        "malformed": "The token has six digits. Enter them as they came.",
        "superseded": "A newer token was sent to you. Use the newest one.",
        "wrong": "Wrong token. You have 3 more attempts.",
        "used": "This token was already used. Ask for another one.",
        "late": "This token is too old. Ask for another one.",
        "used up": USED_UP,
    }
    assert len(set(told.values())) == len(told)


def test_a_token_that_was_used_in_the_same_instant_is_called_used(asking: Browser, monkeypatch: Any) -> None:
    """T-03: another request consumes the token between the comparison and the consumption."""
    close = ChallengeQuerySet.close

    def close_twice(queryset: ChallengeQuerySet, challenge: Challenge) -> bool:
        close(queryset, challenge)
        return close(queryset, challenge)

    monkeypatch.setattr(ChallengeQuerySet, "close", close_twice)
    assert said(asking.post_token(last_token())) == "This token was already used. Ask for another one."
    assert not asking.is_in()


def test_a_late_and_used_up_token_is_called_used_up(asking: Browser) -> None:
    """L-01: what was tried five times stays refused for that, whatever the time."""
    token = last_token()
    for turn in range(1, 6):
        asking.post_token(wrong(token, turn))
    let_pass(181)
    assert said(asking.post_token(token)) == USED_UP


def test_a_superseded_token_costs_an_attempt(asking: Browser) -> None:
    """T-04, L-01: the answer "a newer one was sent" is no free oracle for guesses."""
    first = last_token()
    let_pass(31)
    asking.post("/entrar/token/reenviar/")
    for _ in range(5):
        asking.post_token(first)
    assert said(asking.post_token(last_token())) == USED_UP


def test_refused_tokens_are_in_the_audit_log(asking: Browser, bob: User) -> None:
    """J-01: without the digits."""
    token = last_token()
    asking.post_token(wrong(token))
    event = AuditEvent.objects.get(action="token.refused")
    assert event.user == bob
    assert wrong(token) not in str(event.data)


# The second step is behind the first (L-06) ---------------------------------------------------


def test_wrong_passwords_do_not_touch_the_second_step(asking: Browser, make_browser: Any) -> None:
    """L-06."""
    for _ in range(4):
        make_browser().post_password("bob", "wrong password")
    assert Challenge.objects.get().attempts == 0
    assert PendingSignIn.objects.count() == 1
    assert asking.post_token(last_token()).status_code == 302


@pytest.mark.parametrize("path", ["/entrar/token/", "/entrar/token/reenviar/", "/entrar/canal/"])
def test_without_a_right_password_no_attempt_can_be_made(asking: Browser, make_browser: Any, path: str) -> None:
    """L-06."""
    anonymous = make_browser()
    response = anonymous.post(path, {"token": last_token(), "channel": "sms"})
    assert response.headers["Location"] == "/entrar/"
    assert Challenge.objects.get().attempts == 0


def test_used_up_attempts_are_not_called_time(asking: Browser) -> None:
    """L-01: the countdown ends for either reason, and names the right one."""
    token = last_token()
    *_before, last = [page(asking.post_token(wrong(token, turn))) for turn in range(1, 6)]
    assert "The attempts are used up." in last
    assert "The time is up." not in last
