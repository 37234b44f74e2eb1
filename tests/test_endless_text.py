"""Text that takes long to read: combining marks without end, and what a person types in a place of 80 characters.

Python's time to normalise a run of combining marks grows with its square: 160,000 of them stopped the portal for 9 s.
"""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.invitations import flows as invitations
from accounts.models import User
from accounts.passwords import validators
from messaging.typed_text import MAX_LENGTH
from tests.conftest import PASSWORD, Browser, sent_to
from tests.test_invitations import INVITE, ask, link_to
from tests.test_passwords import FORGOTTEN, link, path_of
from tests.tools import page

pytestmark = pytest.mark.django_db

ENDLESS = "a" + "\u0301" * 40_000 + "\u0316" * 40_000


@pytest.fixture
def normalised(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Return the lengths of all texts that were normalised."""
    lengths: list[int] = []
    real = unicodedata.normalize

    def normalize(form: Any, text: str) -> str:
        lengths.append(len(text))
        return "" if len(text) > MAX_LENGTH else real(form, text)

    monkeypatch.setattr("unicodedata.normalize", normalize)
    yield lengths
    assert lengths, "something was normalised"
    assert max(lengths) <= MAX_LENGTH


@pytest.mark.usefixtures("normalised")
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/entrar/", {"username": ENDLESS, "password": PASSWORD}),
        ("/entrar/", {"username": "bob", "password": ENDLESS}),
        ("/entrar/navegador/", {"username": ENDLESS}),
        (FORGOTTEN, {"email": ENDLESS}),
    ],
    ids=["login", "password", "link to a browser", "forgotten password"],
)
def test_endless_text_is_refused_before_it_is_normalised(
    browser: Browser, bob: User, path: str, fields: dict[str, str]
) -> None:
    """W-08, PW-03: nobody has to be signed in for it."""
    assert browser.post(path, fields).status_code == 200
    assert not browser.is_in()
    assert browser.post("/entrar/", {"username": "bob", "password": PASSWORD}).status_code == 302


@pytest.mark.usefixtures("normalised")
def test_endless_text_for_a_new_user_is_refused_before_it_is_normalised(browser: Browser, alice: User) -> None:
    """W-08, PW-03."""
    browser.post_password("alice")
    ask(browser, "nina@example.com")
    path, stranger = link_to("nina@example.com"), Browser()
    for field in ("first_name", "last_name", "new_password"):
        fields = {"first_name": "Nina", "last_name": "Simone", "new_password": PASSWORD, field: ENDLESS}
        answer = stranger.post(path, {**fields, "altcha": stranger.captcha(path)})
        assert answer.status_code == 200
        assert "at most" in page(answer), field
    assert not User.objects.filter(email="nina@example.com").exists()


@pytest.mark.usefixtures("normalised")
def test_an_endless_new_password_is_refused_before_it_is_normalised(browser: Browser, bob: User) -> None:
    """PW-03."""
    browser.post(FORGOTTEN, {"email": "bob@example.com"})
    form = browser.get(path_of(link())).headers["Location"]
    assert "Use at most" in page(browser.post(form, {"new_password": ENDLESS}))


@pytest.mark.usefixtures("normalised")
def test_an_endless_name_of_oneself_is_refused_before_it_is_normalised(browser: Browser, bob: User) -> None:
    """W-08."""
    browser.post_password("bob")
    answer = browser.post("/meu-perfil/", {"first_name": ENDLESS, "last_name": "Tables", "language": ""})
    assert "at most 80 characters" in page(answer)


@pytest.mark.usefixtures("normalised")
def test_an_endless_name_in_a_pasted_list_is_cut_before_it_is_normalised(browser: Browser, alice: User) -> None:
    """W-08: the person is invited all the same."""
    browser.post_password("alice")
    browser.post(INVITE, {"addresses": f"{ENDLESS} <nina@example.com>", "language": "en"})
    assert sent_to("nina@example.com")


def test_a_long_name_with_its_accents_typed_apart_is_kept(browser: Browser, bob: User) -> None:
    """W-08: whom it must not touch."""
    browser.post_password("bob")
    browser.post("/meu-perfil/", {"first_name": "e\u0301" * 80, "last_name": "Tables", "language": ""})
    bob.refresh_from_db()
    assert bob.first_name == "é" * 80
    assert invitations.people(f"{'e' + chr(0x301)}lodie Silva <elodie@example.com>") == {
        "elodie@example.com": "élodie Silva"
    }


def test_the_estimator_reads_twenty_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """PW-05: for 40 of the characters that cost it most it takes 0.9 s, and an invitation's holder may ask at will."""
    read: list[str] = []

    def estimate(password: str, user_inputs: list[str]) -> dict[str, float]:
        read.append(password)
        return {"guesses_log10": 7}

    monkeypatch.setattr("zxcvbn.zxcvbn", estimate)
    judge: Callable[[str], None] = validators.GuessableValidator().validate
    with pytest.raises(ValidationError):
        judge("4@8({b<369&ex|705$++%27@80@[<369t!1b7d5$")
    assert read == ["4@8({b<369&ex|705$++"]
