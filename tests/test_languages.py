"""Who reads which language, on pages, in messages and in dates."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format

from accounts.models import Account, User
from tests.conftest import PASSWORD, Browser, deliver, last_token, person
from tests.locale_tools import (
    CONFIRM,
    NEW_NUMBER,
    OTHER_PASSWORD,
    PASSWORD_CHANGE,
    PROFILE,
    SAME,
    SIGN_IN,
    arrive,
    forgotten,
    read,
)
from tests.tools import let_pass

# Whose language -----------------------------------------------------------------------------------


def language_of(response: Any) -> str:
    assert read(response.content.decode()).language == response.headers["Content-Language"]
    return str(response.headers["Content-Language"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "shown"),
    [
        (None, "pt-br"),
        ("", "pt-br"),
        ("de", "pt-br"),
        ("pt", "pt-br"),
        ("pt-PT", "pt-br"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-br"),
        ("en-GB,en;q=0.9", "en"),
        ("es-MX", "es"),
        ("de,es;q=0.5,en;q=0.4", "es"),
    ],
)
def test_an_anonymous_person_reads_the_browsers_language_else_portuguese(accepted: str | None, shown: str) -> None:
    client = Client(headers={"accept": "text/html"} | ({} if accepted is None else {"accept-language": accepted}))
    assert language_of(client.get(SIGN_IN)) == shown


@pytest.mark.django_db
@pytest.mark.usefixtures("policy")
def test_a_person_reads_their_own_language_wherever_they_sign_in(browser: Browser, bob: User) -> None:
    User.objects.update(language="es")
    assert language_of(browser.get(SIGN_IN)) == "en"
    assert language_of(arrive(browser, "bob")) == "es"
    browser.enrol("bob")
    assert language_of(browser.get(PROFILE)) == "es"


@pytest.mark.django_db
@pytest.mark.usefixtures("policy")
def test_a_person_without_a_language_reads_that_of_the_browser(browser: Browser, bob: User) -> None:
    assert language_of(arrive(browser, "bob")) == "en"


@pytest.mark.django_db
def test_the_language_of_the_profile_is_in_force_at_once(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    saved = browser.post(PROFILE, {"language": "es"}, follow=True)
    assert language_of(saved) == "es"
    assert "Se guardó su perfil." in saved.content.decode()
    assert language_of(browser.post(PROFILE, {"language": ""}, follow=True)) == "en"


def switch(browser: Browser, language: str, **fields: str) -> Any:
    return browser.post("/idioma/", {"language": language, "next": "/senha/esqueci/", **fields})


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["pt-br", "es", "en"])
def test_the_language_can_be_switched_before_signing_in(browser: Browser, language: str) -> None:
    response = switch(browser, language)
    assert response.status_code == 302
    assert response.headers["Location"] == "/senha/esqueci/"
    assert language_of(browser.get("/senha/esqueci/")) == language


@pytest.mark.django_db
def test_the_sign_in_page_offers_every_language(browser: Browser) -> None:
    page = browser.get(SIGN_IN).content.decode()
    for code, _name in settings.LANGUAGES:
        assert f'name="language" value="{code}"' in page
    assert 'action="/idioma/"' in page


@pytest.mark.django_db
@pytest.mark.usefixtures("policy")
def test_the_switch_outlives_the_password(browser: Browser, bob: User) -> None:
    """Whoever has no language of their own keeps the one just chosen."""
    switch(browser, "es")
    assert language_of(arrive(browser, "bob")) == "es"


@pytest.mark.django_db
def test_the_switch_takes_only_our_languages_and_our_addresses(browser: Browser) -> None:
    switch(browser, "de")
    assert language_of(browser.get(SIGN_IN)) == "en"
    elsewhere = switch(browser, "es", next="https://evil.example/")
    assert "evil" not in elsewhere.headers["Location"]
    browser.get("/idioma/?language=pt-br")
    assert language_of(browser.get(SIGN_IN)) == "es", "only a POST switches"


# Messages in the reader's language ----------------------------------------------------------------


def told(browser_language: str, own_language: str) -> list[str]:
    """Walk whatever sends something, and return the lines of all of it, without what differs from time to time."""
    with forgotten():
        account = Account.objects.create(name="Padaria Aurora", two_factor_required=True)
        person("bob", account, language=own_language)
        browser = Browser(headers={"accept-language": browser_language})
        browser.post_password("bob")
        switch(browser, browser_language)  # for since the password it speaks bob's language
        browser.post("/entrar/introducao/")
        browser.post_phone()
        browser.post_token(last_token())
        let_pass(3600)
        browser.post_password("bob")
        switch(browser, browser_language)
        browser.post_channel("email")
        browser.post_token(last_token())
        browser.post("/meu-perfil/telefone/", {"country": "BR", "number": NEW_NUMBER})
        browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
        browser.post(CONFIRM, {"token": last_token()})
        browser.post(CONFIRM, {"token": last_token()})
        browser.post(PASSWORD_CHANGE, OTHER_PASSWORD)
        browser.post("/senha/esqueci/", {"email": "bob@example.com"})
        sent = deliver()
    assert sorted(entry["channel"] for entry in sent) == ["email"] * 5 + ["sms"] * 4
    lines = [line for entry in sent for line in (entry["subject"], *entry["text"].splitlines())]
    return [re.sub(r"\d", "0", line) for line in lines if re.search(r"[^\W\d_]", line) and not SAME.fullmatch(line)]


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["pt-br", "es"])
@pytest.mark.parametrize("process", ["en", "pt-br", "es"])
def test_tokens_and_notices_go_out_in_the_readers_language(language: str, process: str) -> None:
    """Whatever the browser's language is, and that of the process that sends."""
    with translation.override(process):
        own, browsers, english = told("en", language), told(language, ""), told(language, "en")
    assert own == browsers, "without a language of one's own it is that of the browser"
    assert set(own) & set(english) == set()
    assert len(own) == len(english) > 15


# Dates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("pt-br", "24/11/2026 às 20:32"),
        ("es", "24 de noviembre de 2026 a las 20:32"),
        ("en", "24 Nov 2026, 20:32"),
    ],
)
def test_dates_are_written_as_a_native_writes_them(language: str, written: str) -> None:
    with translation.override(language):
        assert date_format(datetime(2026, 11, 24, 20, 32), "DATETIME_FORMAT") == written  # noqa: DTZ001 (as shown)
