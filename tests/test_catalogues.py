"""The catalogues of translations: complete, exact, in one tone; and what of them fits into an SMS."""

import re
from typing import Any

import pytest
from babel.messages.mofile import read_mo
from django.utils import translation

from tests.locale_tools import LOCALES, PLACEHOLDER, SAME_WORDS, TAG, catalog, entries, extracted, several, words_of
from tests.test_tokens import GSM_7, GSM_7_EXTENSION
from twofactor import error_messages as sentences
from twofactor.exceptions import TokenWrong
from twofactor.models import Purpose
from twofactor.tokens import texts


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_of_the_sources_is_in_the_catalogue_and_nothing_else(locale: str) -> None:
    known = {message.id for message in entries(catalog(locale))}
    texts = extracted()
    assert len(texts) > 200
    assert texts - known == set(), "run: make dev"
    assert known - texts == set(), "run: make dev"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_entry_is_translated(locale: str) -> None:
    assert [message.id for message in entries(catalog(locale)) if not all(several(message.string))] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_entry_is_a_guess_or_a_leftover(locale: str) -> None:
    source = catalog(locale)
    assert [message.id for message in source if message.fuzzy] == []
    assert list(source.obsolete) == []
    assert source.header_comment.count("fuzzy") == 0


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_the_same_as_in_english_is_so_on_purpose(locale: str) -> None:
    same = {message.id for message in entries(catalog(locale)) if several(message.string) == several(message.id)}
    assert same == SAME_WORDS[locale]


@pytest.mark.parametrize(
    ("language", "count", "words"),
    [
        ("pt-br", 1, "Você tem mais 1 tentativa."),
        ("pt-br", 2, "Você tem mais 2 tentativas."),
        ("es", 1, "Le queda 1 intento."),
        ("es", 2, "Le quedan 2 intentos."),
    ],
)
def test_one_is_not_many(language: str, count: int, words: str) -> None:
    with translation.override(language):
        assert sentences.of(TokenWrong(count)).endswith(words)


@pytest.mark.parametrize("locale", LOCALES)
def test_placeholders_and_tags_agree(locale: str) -> None:
    for message in entries(catalog(locale)):
        for pattern in (PLACEHOLDER, TAG):
            wanted = sorted(pattern.findall(several(message.id)[-1]))
            for words in several(message.string):
                assert sorted(pattern.findall(words)) == wanted, words


@pytest.mark.parametrize("locale", LOCALES)
def test_sentences_end_as_in_english(locale: str) -> None:
    """A label has no full stop, a sentence has one."""
    for message in entries(catalog(locale)):
        for words in several(message.string):
            assert words == words.strip()
            assert words.endswith((".", ":")) == several(message.id)[-1].endswith((".", ":")), words


@pytest.mark.parametrize("locale", LOCALES)
def test_the_compiled_catalogue_says_what_the_words_say(locale: str) -> None:
    """It is compiled by ``make``, whichever the target."""
    source = catalog(locale)
    with words_of(locale, "mo").open("rb") as file:
        compiled = read_mo(file)
    said = {several(message.id): several(message.string) for message in entries(compiled)}
    wanted = {several(message.id): several(message.string) for message in entries(source)}
    assert said == wanted, "run: make dev"
    assert (compiled.num_plurals, compiled.plural_expr) == (source.num_plurals, source.plural_expr)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_catalogue_says_whose_words_it_holds(locale: str) -> None:
    head = words_of(locale).read_text(encoding="utf-8").partition("\n\n")[0]
    assert '"Project-Id-Version: Messaging\\n"' in head
    assert f'"Language: {locale}\\n"' in head
    assert '"Content-Type: text/plain; charset=UTF-8\\n"' in head
    assert not re.search("PACKAGE|YEAR|FULL NAME|EMAIL@ADDRESS|LANGUAGE", head)


@pytest.mark.parametrize("locale", LOCALES)
def test_spanish_and_portuguese_are_formal_and_friendly_throughout(locale: str) -> None:
    """Django's own form errors say "Su contraseña" and "Sua senha"; ours do not fall out of that."""
    familiar = {"es": r"\b(tú|tu|tus|ti|contigo|tuyo|tuya)\b", "pt_BR": r"\b(teu|tua|teus|tuas|tu|vós|vosso)\b"}[locale]
    for message in entries(catalog(locale)):
        for words in several(message.string):
            assert not re.search(familiar, words, re.IGNORECASE), words


# SMS ----------------------------------------------------------------------------------------------

LONGEST_HOST = "verificacao.portal-do-cliente.example.br"
KEEP_IT = {"pt-br": "Nao compartilhe", "en": "Do not share it", "es": "No lo comparta"}


@pytest.mark.parametrize("language", KEEP_IT)
@pytest.mark.parametrize("purpose", Purpose.values)
def test_every_token_sms_fits_into_one_segment_in_every_language(settings: Any, language: str, purpose: str) -> None:
    """T-10, T-11: with the longest host we plan for, and the longest validity that the standards allow."""
    settings.PUBLIC_HOST = LONGEST_HOST
    settings.TOKEN_LIFETIME_SECONDS = 600
    with translation.override(language):
        text = texts.sms_text("012345", purpose)
    assert len(LONGEST_HOST) == 40
    assert set(text) <= GSM_7
    assert len(text) <= 160
    *words, empty, last = text.split("\n")
    assert (len(words), empty) == (1, "")
    assert re.fullmatch(r"@[a-z0-9.-]+ #[0-9]{6}", last)
    assert "@" not in words[0]
    assert "#" not in words[0]
    assert "http" not in text
    assert words[0].startswith("Messaging: ")
    assert "012345" in words[0]
    assert " 10 min" in words[0]
    assert KEEP_IT[language] in words[0]
    assert not GSM_7_EXTENSION & set(text)


@pytest.mark.parametrize(("language", "locale"), [("pt-br", "pt_BR"), ("es", "es")])
def test_the_words_of_an_sms_are_plain_ascii(language: str, locale: str) -> None:
    """Cheaper than GSM-7 by table: what is ASCII arrives as it was written, on every telephone."""
    begins_with_brand = [m for m in entries(catalog(locale)) if several(m.id)[0].startswith("%(brand)s: ")]
    assert len(begins_with_brand) >= 4
    for message in begins_with_brand:
        assert str(message.string).isascii()
