"""Which passwords may be chosen, how they are spelled, and how an administrator has one reset."""

import unicodedata
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, make_password

from accounts.models import Account, AuditEvent, User
from messaging.delivery.models import Message
from tests.conftest import PASSWORD, Browser, deliver
from tests.test_passwords import CHANGE, ask, choose, link
from tests.tools import page

pytestmark = pytest.mark.django_db

ACCENTED = "padrões são tão irmãos ﬁéis"


@pytest.fixture
def bobs_browser(browser: Browser, bob: User) -> Browser:
    browser.post_password("bob")
    return browser


def change(browser: Browser, password: str) -> Any:
    return browser.post(CHANGE, {"old_password": PASSWORD, "new_password": password})


# Which are refused, and why --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        "83920174652839105746",  # no rule of composition (ASVS 6.2.5)
        "xkvqzjwmfhtrpdl",
        "cavalo bateria grampo",
        "🐎🔋📎🌧️🎻🧲🪜🧵🪁🛶🧭🪐🧊🎋🪗",
        "v" * 3 + "jq8 zW!m4 kd0-pp Rt7" * 50,
    ],
)
def test_any_text_of_the_right_length_that_is_not_guessable_is_taken(bobs_browser: Browser, password: str) -> None:
    """PW-01."""
    assert change(bobs_browser, password).status_code == 302
    assert bobs_browser.post_password("bob", password).status_code == 302


REFUSED = {
    "messaging2026": "It contains the name of this portal.",
    "Messaging1!": "It contains the name of this portal.",
    "padariaaurora": "It contains the name of your account.",
    "Padaría Áurora 77": "It contains the name of your account.",
    "marley roots 1945": "It contains your name.",
    "bob@example.com": "It contains your e-mail address.",
    "senha12345": "one of the passwords that are tried first",
    "Senha123456": "one of the passwords that are tried first",
    "corinthians10": "one of the passwords that are tried first",
    "Password123!": "one of the passwords that are tried first",
    "Brasil2026!": "one of the passwords that are tried first",
    "mudar12345": "one of the passwords that are tried first",
    "contraseña2024": "one of the passwords that are tried first",
    "palmeiras1914": "one of the passwords that are tried first",
    "eutequero123": "one of the passwords that are tried first",
    "deusefiel10": "one of the passwords that are tried first",
    "1234567890": "one of the passwords that are tried first",
    "aaaaaaaaaaaaaaaa": "easy to guess",
    "abcabcabcabcabc": "easy to guess",
    "auroraaurora": "easy to guess",
    "short": "Use at least 10 characters",
}


@pytest.mark.parametrize(("password", "reason"), REFUSED.items())
def test_what_is_easy_to_guess_is_refused_with_one_reason(
    browser: Browser, bob: User, policy: Account, password: str, reason: str
) -> None:
    """PW-05."""
    User.objects.filter(pk=bob.pk).update(last_name="Marley")
    ask(browser)
    answer = page(choose(browser, link(), password))
    assert reason in answer
    assert answer.count('class="field-errors"') == 1
    assert answer.count("form-errors") == 0
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_the_refusal_is_in_the_language_of_the_person(bobs_browser: Browser) -> None:
    bobs_browser.cookies["language"] = "pt-br"
    assert "É uma das senhas que se tentam primeiro" in page(change(bobs_browser, "senha12345678901"))
    bobs_browser.cookies["language"] = "es"
    assert "Es una de las contraseñas que se prueban primero" in page(change(bobs_browser, "senha12345678901"))


@pytest.mark.parametrize(("required", "least"), [(False, 15), (True, 10)])
def test_the_length_depends_on_what_stands_behind(browser: Browser, bob: User, required: bool, least: int) -> None:
    """PW-02."""
    Account.objects.filter(pk=bob.account_id).update(two_factor_required=required)
    ask(browser)
    password = "kvq7zjw mfhtrpdlx"[:least]
    address = link()
    assert f"Use at least {least} characters" in page(choose(browser, address, password[:-1]))
    assert choose(browser, address, password).status_code == 302


def test_an_operator_has_a_second_factor_whatever_the_account_says(browser: Browser, bob: User) -> None:
    """PW-02."""
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    ask(browser)
    assert choose(browser, link(), "kvq7zjw mf").status_code == 302


def test_the_longest_password_that_can_be_chosen_can_be_typed(bobs_browser: Browser, settings: Any) -> None:
    """PW-03."""
    longest = ("vjq8 zW!m4 kd0-pp Rt7" * 100)[: settings.PASSWORD_MAX_LENGTH]
    assert "Use at most 1024 characters" in page(change(bobs_browser, longest + "x"))
    assert change(bobs_browser, longest).status_code == 302
    other = Browser()
    assert other.post_password("bob", longest).headers["Location"] == "/"
    assert "maxlength" not in page(other.get(CHANGE)), "the browser cuts nothing off without a word"


# Spelling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_password_is_the_same_in_every_spelling(bobs_browser: Browser, form: Any) -> None:
    """PW-04."""
    assert change(bobs_browser, unicodedata.normalize("NFC", ACCENTED)).status_code == 302
    assert Browser().post_password("bob", unicodedata.normalize(form, ACCENTED)).status_code == 302
    assert Browser().post_password("bob", ACCENTED.replace(" ", "\N{NO-BREAK SPACE}")).status_code == 302


def test_a_hash_of_another_spelling_opens_once_more_and_is_renewed(bob: User) -> None:
    """PW-04."""
    typed = unicodedata.normalize("NFD", ACCENTED)
    User.objects.filter(pk=bob.pk).update(password=make_password(typed))
    assert Browser().post_password("bob", typed).headers["Location"] == "/"
    assert Browser().post_password("bob", unicodedata.normalize("NFC", ACCENTED)).headers["Location"] == "/"


@pytest.mark.parametrize(("login", "hashes"), [("bob", 2), ("nobody", 2)])
def test_another_spelling_costs_as_much_for_nobody(
    bob: User, login: str, hashes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-09: nobody learns by the time that an answer takes who exists."""
    encode, made = MD5PasswordHasher.encode, []

    def counted(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        made.append(password)
        return encode(hasher, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    assert Browser().post_password(login, "ﬁel").status_code == 200
    assert len(made) == hashes


# The pages -----------------------------------------------------------------------------------------


def test_the_pages_have_one_new_password_and_say_whose_it_is(bobs_browser: Browser, alice: User) -> None:
    """PW-07."""
    ask(bobs_browser, "alice@example.com")
    opened = bobs_browser.get(link().removeprefix("http://testserver"), follow=True)
    for shown, login in ((page(bobs_browser.get(CHANGE)), "bob"), (page(opened), "alice")):
        assert shown.count('autocomplete="new-password"') == 1
        assert f'name="username" value="{login}" autocomplete="username"' in shown
        assert "data-reveal" in shown


# An administrator sends the link --------------------------------------------------------------------


@pytest.fixture
def office(browser: Browser, alice: User) -> Browser:
    browser.post_password("alice")
    return browser


def test_an_administrator_has_the_link_sent_and_sees_none(office: Browser, bob: User) -> None:
    """R-14, ASVS 6.4.6, A-01."""
    User.objects.filter(pk=bob.pk).update(language="es")
    path = f"/configuracoes/usuarios/{bob.pk}/senha/"
    assert office.post(path).headers["Location"] == "/confirmar-identidade/"
    assert not Message.objects.exists()
    answer = office.get(office.prove_identity().headers["Location"])
    assert "The link to a new password is on its way." in page(answer)
    address = link()
    assert address not in page(answer)
    assert [entry["to"] for entry in deliver()] == ["bob@example.com"]
    assert (Message.objects.get().language, Message.objects.get().channel) == ("es", "email")
    assert AuditEvent.objects.get(action="password.reset_sent", user=bob, actor__username="alice").data == {}
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD), "today's password goes on"
    assert choose(Browser(), address).status_code == 302
    bob.refresh_from_db()
    assert bob.mailbox_suspect, "R-06"


def test_a_member_and_another_account_have_no_such_page(office: Browser, bob: User, charlie: User) -> None:
    """A-04."""
    assert office.get(f"/configuracoes/usuarios/{charlie.pk}/senha/").status_code == 404
    member = Browser()
    member.post_password("bob")
    assert member.get(f"/configuracoes/usuarios/{bob.pk}/senha/").status_code == 403


def test_a_person_who_cannot_sign_in_gets_no_link(office: Browser, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    path = f"/configuracoes/usuarios/{bob.pk}/senha/"
    assert office.reauthenticate(path).status_code == 404
    assert not Message.objects.filter(kind="password.reset").exists()


def test_three_links_an_hour_go_to_a_mailbox_whoever_sends_them(office: Browser, bob: User) -> None:
    path = f"/configuracoes/usuarios/{bob.pk}/senha/"
    for _time in range(3):
        ask(Browser())
    refused = office.reauthenticate(path)
    assert refused.status_code == 429
    assert 3000 < int(refused.headers["Retry-After"]) <= 3600
    hit = AuditEvent.objects.get(action="limit.hit")
    assert (hit.data, hit.user and hit.user.username) == ({"scope": "links"}, "alice")
