"""What people type or paste, and what is made of it."""

import pytest
from django.contrib.auth import get_user_model

from accounts.models import User
from messaging.typed_text import cleaned
from tests.conftest import PASSWORD, Browser
from twofactor.tokens import derive

INVISIBLE = "\u200b\u202e\ufeff\u2060\u00ad"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("  Ana\tMaria\n", "Ana Maria"),
        (f"A{INVISIBLE}na", "Ana"),
        ("Ａｎａ", "Ana"),
        ("Jose\u0301", "José"),
        (INVISIBLE, ""),
        ("\u3164\u2800", ""),
        ("a\x07b", "ab"),
        ("Ana\u00a0\u3000Maria", "Ana Maria"),
    ],
)
def test_one_function_cleans_what_is_typed(typed: str, expected: str) -> None:
    """W-08."""
    assert cleaned(typed) == expected


def test_a_login_is_found_however_it_was_pasted(browser: Browser, alice: User) -> None:
    """W-08: a blank or an invisible character from a chat does not make a wrong password of a right one."""
    response = browser.post("/entrar/", {"username": "\u200b alice\t", "password": PASSWORD})
    assert response.status_code == 302


def test_a_name_of_nothing_visible_is_no_name(browser: Browser, alice: User) -> None:
    """W-08: it would be an empty link in the list of people."""
    browser.post_password("alice")
    browser.post("/meu-perfil/", {"first_name": INVISIBLE, "last_name": f"So{INVISIBLE}uza", "language": ""})
    kept = get_user_model().objects.get(pk=alice.pk)
    assert (kept.first_name, kept.last_name, kept.full_name) == ("", "Souza", "Souza")


SMS = "Messaging: seu token de acesso e {0}. Vale 3 min. Nao compartilhe.\n\n@messaging.example #{0}"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (SMS.format("012345"), "012345"),
        ("O token 012345 vale 3 min", "012345"),
        (f"{INVISIBLE}012 345", "012345"),
        ("pedido 654321, token 012345", None),
        ("token 0123456", None),
        ("token 01234", None),
        ("abcd 012345", "012345"),
        ("abc 012345", None),  # too short for a sentence: a slip of the keys
        ("token 012345".ljust(400), "012345"),
        ("token 012345".ljust(401), None),
        ("12345６ token", None),
    ],
)
def test_a_pasted_sentence_gives_its_only_run_of_six_digits(typed: str, read: str | None) -> None:
    """W-08, T-08."""
    assert derive.read(typed) == read
