"""A limit keeps people where they are, with the true wait and with what else they can do (B-13)."""

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest

from accounts import rate_limits
from accounts.models import AuditEvent, RateLimit, User
from tests.altcha import challenge_on
from tests.conftest import PASSWORD, Browser, last_token
from tests.tools import ROOT, let_pass, page
from twofactor.models import PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CHANNEL, TOKEN, RESEND = "/entrar/canal/", "/entrar/token/", "/entrar/token/reenviar/"
CONFIRM = "/meu-perfil/telefone/confirmar/"
POP_UP = '<dialog open class="popup"'
ADMINISTRATOR = "An administrator of your account sees what holds you up"
OTHER_WAY = "You need not wait for it"
LINK = "/entrar/navegador/"


def told(answer: Any) -> int:
    """Return the seconds that a page tells; they are those of its header."""
    assert answer.status_code == 429
    found = re.search(r'data-wait-clock="(\d+)"', answer.content.decode())
    assert found, "no running clock"
    assert found[1] == answer.headers["Retry-After"]
    assert "Back to sign-in" not in page(answer)
    return int(found[1])


def use_up(scope: str, name: object, seconds: int, left: int) -> None:
    """Let a window be used up, with so many seconds left."""
    RateLimit.objects.filter(key=f"{scope} {name}").delete()
    RateLimit.objects.create(key=f"{scope} {name}", seconds=seconds, used=999, until=2**32)
    let_pass(0)
    now = AuditEvent.objects.latest("pk").at.timestamp()
    RateLimit.objects.filter(key=f"{scope} {name}").update(until=int(now) + left)


@pytest.mark.usefixtures("bobs_phone")
@pytest.mark.parametrize(
    ("scope", "seconds", "left"), [("user", 900, 700), ("user_sms", 3600, 3000), ("user_sms", 86_400, 80_000)]
)
def test_the_wait_is_that_of_the_window_that_refuses(bob: User, scope: str, seconds: int, left: int) -> None:
    """B-13: to a second, whichever of a person's windows it is; and then it is over."""
    browser = Browser()
    browser.post_password("bob")
    use_up(scope, bob.pk, seconds, left)
    wait = told(browser.post_channel())
    assert abs(wait - left) <= 2
    let_pass(wait + 1)
    again = Browser()
    again.post_password("bob")
    assert again.post_channel().status_code == 302


@pytest.mark.usefixtures("bobs_phone")
def test_of_two_limits_the_longer_wait_is_shown(bob: User) -> None:
    """B-13: after the shorter one nothing would leave."""
    browser = Browser()
    browser.post_password("bob")
    use_up("user", bob.pk, 900, 100)
    use_up("user_sms", bob.pk, 3600, 3000)
    assert abs(told(browser.post_channel()) - 3000) <= 2


def test_the_choice_of_the_channel_stays_open(asked: Browser, bob: User) -> None:
    """B-13: in the pop-up, with the other channel, the administrator and the link that makes the browser known."""
    use_up("user_sms", bob.pk, 3600, 1800)
    let_pass(31)
    answer = asked.post(CHANNEL, {"channel": "sms"})
    assert abs(told(answer) - 1769) <= 2
    shown = page(answer)
    for words in (POP_UP, 'value="email"', OTHER_WAY, ADMINISTRATOR, LINK):
        assert words in shown, words
    assert asked.post(CHANNEL, {"channel": "email"}).status_code == 302


def test_the_token_stays_while_another_one_has_to_wait(asked: Browser) -> None:
    """B-13: the pause between two tokens; the one that was sent can still be typed, and its wait is the button's."""
    answer = asked.post(RESEND)
    assert 28 <= told(answer) <= 30
    shown = page(answer)
    for words in (POP_UP, 'name="token"', OTHER_WAY, "One token at a time"):
        assert words in shown, words
    assert ADMINISTRATOR not in shown
    assert f'data-wait="{told(answer)}"' in answer.content.decode()
    assert asked.post_token(last_token()).status_code == 302


def test_wrong_tokens_in_a_row_are_shown_on_the_token_page(asked: Browser, bob: User) -> None:
    """B-13, L-08."""
    User.objects.filter(pk=bob.pk).update(failures=9)
    asked.post_token(f"{(int(last_token()) + 1) % 1_000_000:06}")
    let_pass(31)
    for answer in (asked.post_token("123456"), asked.post(RESEND)):
        assert abs(told(answer) - 900) <= 2
        for words in (POP_UP, 'name="token"', ADMINISTRATOR):
            assert words in page(answer), words


def test_what_was_typed_is_kept(bob: User) -> None:
    """B-13: the number of a first phone, in its pop-up."""
    browser = Browser()
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    use_up("numbers", bob.pk, 86_400, 5000)
    answer = browser.post_phone("11 98765-4321")
    assert abs(told(answer) - 5000) <= 2
    for words in (POP_UP, 'value="11 98765-4321"', ADMINISTRATOR, "as many different numbers"):
        assert words in page(answer), words


# Signed in ----------------------------------------------------------------------------------------


@pytest.fixture
def inside(bobs_phone: PhoneDevice) -> Browser:
    browser = Browser()
    browser.sign_in("bob")
    let_pass(60)
    return browser


def begin_phone_change(browser: Browser) -> None:
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})


def wrong_passwords(browser: Browser) -> Any:
    begin_phone_change(browser)
    for number in range(5):
        browser.post(CONFIRM, {"password": f"wrong {number}"})
    return browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})


def too_soon(browser: Browser) -> Any:
    begin_phone_change(browser)
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    return browser.post(CONFIRM, {"action": "resend"})


@pytest.mark.parametrize(
    ("run_into", "wait", "words"),
    [
        (wrong_passwords, 300, ("Too many wrong passwords", ADMINISTRATOR, 'name="password"')),
        (too_soon, 30, ("One token at a time", 'name="token"')),
    ],
)
def test_a_signed_in_person_stays_in_the_pop_up(
    inside: Browser, run_into: Callable[[Browser], Any], wait: int, words: tuple[str, ...]
) -> None:
    """B-13."""
    answer = run_into(inside)
    assert abs(told(answer) - wait) <= 2
    for word in (POP_UP, *words):
        assert word in page(answer), word
    assert inside.is_in()


def test_wrong_passwords_keep_one_on_the_page_of_the_password(inside: Browser) -> None:
    """B-13."""
    for number in range(5):
        inside.post("/senha/alterar/", {"old_password": f"wrong {number}", "new_password": "x"})
    answer = inside.post("/senha/alterar/", {"old_password": PASSWORD, "new_password": "an owners own new password"})
    assert abs(told(answer) - 300) <= 2
    assert 'name="new_password"' in page(answer)


# Nobody yet ---------------------------------------------------------------------------------------


def test_a_forgotten_password_keeps_one_on_its_page(bob: User) -> None:
    """B-13: what was typed stays beside the captcha that has become due."""
    rate_limits.count(rate_limits.windows("address_links", "127.0.0.1"), uses=60)
    answer = Browser().post("/senha/esqueci/", {"email": "bob@example.com"})
    assert answer.status_code == 200
    assert challenge_on(answer)
    for words in ('value="bob@example.com"', "Tick “I'm not a robot” to go on."):
        assert words in page(answer), words


@pytest.mark.parametrize("path", [RESEND, CHANNEL])
def test_programs_get_the_wait_as_json(asked: Browser, path: str) -> None:
    """B-13: half-way."""
    answer = asked.post(path, {"channel": "sms"}, headers={"accept": "application/json"})
    assert answer.status_code == 429
    assert answer.json() == {"detail": "limited", "retry_after": int(answer.headers["Retry-After"])}


def test_each_limit_is_written_down_once(asked: Browser) -> None:
    """J-01: by whichever way it is told."""
    asked.post(RESEND)
    assert AuditEvent.objects.filter(action="limit.hit").count() == 1
    asked.post(RESEND, headers={"accept": "application/json"})
    assert AuditEvent.objects.filter(action="limit.hit").count() == 2


def test_every_view_that_tries_a_flow_tells_its_limit() -> None:
    """B-13: a form keeps the limit that its flow ran into; a page that forgets it would answer 200 without a word."""
    for path in (ROOT / "twofactor").rglob("*views.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and ".attempt(" in (code := ast.unparse(node)):
                pages = ("answer(", "channel_page(", "_token_page(", "_sign_in_page(", "raise form.limited")
                assert any(page in code for page in pages), f"{path.name}: {node.name}"
