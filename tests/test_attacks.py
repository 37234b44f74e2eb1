"""Ways round, up and out that a reviewer tried; each one worked before its guard."""

from collections.abc import Iterator

import pytest
from django.db import connection

from accounts.models import Account, AuditEvent, User
from messaging.delivery.models import Message
from tests.conftest import PASSWORD, Browser
from tests.tools import let_pass, page, refuse_nul
from twofactor.models import PendingSignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_strict_as_postgresql() -> Iterator[None]:
    with connection.execute_wrapper(refuse_nul):
        yield


@pytest.mark.usefixtures("as_strict_as_postgresql", "policy")
@pytest.mark.parametrize("target", ["/\x00", "/a\x00b", "/a\r\nb", "/\u2028"])
def test_the_page_to_go_back_to_holds_nothing_that_cannot_be_kept(browser: Browser, bob: User, target: str) -> None:
    """Never 500: PostgreSQL refuses the row of a pending sign-in whose address has a NUL."""
    assert browser.post_password("bob", next=target).headers["Location"] == "/entrar/introducao/"
    assert PendingSignIn.objects.get().next_url == "/"


@pytest.mark.usefixtures("as_strict_as_postgresql")
@pytest.mark.parametrize("cookie", ['"aaaaaaaaaaaaaaaa\\000aaaaaaaaaaaaaaa"', "a" * 31, "é" * 32, "a" * 4000])
@pytest.mark.parametrize("path", ["/", "/entrar/token/", "/entrar/"])
def test_a_session_id_that_was_never_made_here_is_nobody(db: None, cookie: str, path: str) -> None:
    """Never 500: a quoted cookie may hold any byte."""
    answer = Browser().get(path, headers={"cookie": f"session={cookie}"})
    assert answer.status_code in {200, 302}


def test_a_stolen_session_cannot_guess_the_password(browser: Browser, bob: User) -> None:
    """Changing the password asks for today's: with the budget of the sign-in page, and written down."""
    browser.post_password("bob")
    fields = {"new_password1": "a thiefs own password", "new_password2": "a thiefs own password"}
    for guess in range(5):
        assert browser.post("/senha/alterar/", {"old_password": f"guess {guess}", **fields}).status_code == 200
    answer = browser.post("/senha/alterar/", {"old_password": PASSWORD, **fields})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert AuditEvent.objects.filter(action="password.failed", user=bob).count() == 5
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_nobody_floods_a_mailbox_with_links(browser: Browser, bob: User) -> None:
    """The fourth request within an hour sends nothing, and its answer is the same."""
    answers = [browser.post("/senha/esqueci/", {"email": "bob@example.com"}) for _ in range(6)]
    unknown = browser.post("/senha/esqueci/", {"email": "nobody@example.com"})
    assert {answer.headers["Location"] for answer in answers} == {unknown.headers["Location"]}
    assert Message.objects.filter(kind="password.reset").count() == 3
    assert AuditEvent.objects.filter(action="password.reset_limited", user=bob).count() == 3
    let_pass(3601)
    browser.post("/senha/esqueci/", {"email": "bob@example.com"})
    assert Message.objects.filter(kind="password.reset").count() == 4


def test_a_refused_captcha_says_whose_it_was(browser: Browser, policy: Account, bob: User) -> None:
    """J-01."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    answer = browser.post_phone(altcha="nonsense")
    assert "no longer good" in page(answer)
    event = AuditEvent.objects.get(action="captcha.refused")
    assert (event.user, event.actor, event.account) == (bob, bob, bob.account)
    browser.post("/sair/")
    Browser().post_password("nobody")
    assert AuditEvent.objects.latest("pk").user is None


def test_no_number_is_too_long_to_page_by(browser: Browser, alice: User) -> None:
    """Never 500: Python reads no number of more than 4,300 digits."""
    browser.post_password("alice")
    for path in ("/configuracoes/auditoria/", "/configuracoes/usuarios/"):
        assert browser.get(path, {"after": "9" * 5000}).status_code == 200
