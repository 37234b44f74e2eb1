"""SECRET_KEY is rotated in two rounds, as docs/operations.md says: nobody is signed out, nobody has to begin anew."""

from typing import Any

import pytest

from accounts.models import Session, User
from tests.conftest import Browser, last_token
from twofactor.models import PhoneDevice

OLD, NEW = "the old key " * 4, "the new key " * 4

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def old_key(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []


def rotate(settings: Any, *, keeps_the_old: bool = True) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD] if keeps_the_old else []


@pytest.fixture
def half_way(bob: User, bobs_phone: PhoneDevice, policy: object, old_key: None) -> tuple[Browser, str]:
    """Return a browser whose captcha is solved but not posted yet, and the captcha."""
    browser = Browser()
    browser.post_password("bob")
    return browser, browser.captcha("/entrar/canal/")


def go_on(browser: Browser, captcha: str) -> Any:
    return browser.post("/entrar/canal/", {"channel": "sms", "altcha": captcha})


def test_a_sign_in_under_way_goes_on(half_way: tuple[Browser, str], settings: Any) -> None:
    """O-07."""
    rotate(settings)
    assert go_on(*half_way).headers["Location"] == "/entrar/token/"
    half_way[0].post_token(last_token())
    assert half_way[0].is_in()


def test_without_the_old_key_it_ends(half_way: tuple[Browser, str], settings: Any) -> None:
    rotate(settings, keeps_the_old=False)
    assert go_on(*half_way).headers["Location"] == "/entrar/"


def test_a_password_typed_under_another_key_opens_nothing(half_way: tuple[Browser, str], settings: Any) -> None:
    """S-06: a changed password ends the sign-in, whichever key its hash was made under."""
    rotate(settings)
    person = User.objects.get(username="bob")
    person.set_password("another horse, another battery")
    person.save()
    assert go_on(*half_way).headers["Location"] == "/entrar/"


@pytest.mark.parametrize("keeps_the_old", [True, False])
def test_a_session_stays_open_and_listed_as_long_as_the_old_key_is_known(
    bob: User, settings: Any, *, keeps_the_old: bool
) -> None:
    browser = Browser()
    browser.post_password("bob")
    session = Session.objects.get(user=bob)
    rotate(settings, keeps_the_old=keeps_the_old)
    assert session.holds_for(bob) is keeps_the_old
    assert browser.is_in() is keeps_the_old


def test_a_process_with_the_new_key_second_reads_what_others_sign_with_it(bob: User, settings: Any) -> None:
    """The first round: old and new processes answer beside each other in the second."""
    rotate(settings)
    browser = Browser()
    browser.post_password("bob")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, [NEW]
    assert browser.is_in()
    rotate(settings)
    assert browser.is_in()
