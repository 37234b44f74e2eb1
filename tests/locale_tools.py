"""What the tests of words and languages share: the catalogues, and what a page says."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po
from django.conf import settings
from django.db import transaction
from django.utils.translation.template import templatize

from tests.conftest import PASSWORD, Browser
from tests.tools import ROOT

LOCALES = {"pt_BR": "pt-br", "es": "es"}
SIGN_IN = "/entrar/"
PHONE = "/entrar/telefone/"
CHANNEL = "/entrar/canal/"
TOKEN = "/entrar/token/"
PROFILE = "/meu-perfil/"
CONFIRM = "/meu-perfil/telefone/confirmar/"
ACCOUNT_SETTINGS = "/configuracoes/minha-conta/"
IDENTITY = "/confirmar-identidade/"
SECOND_STEP = "/meu-perfil/segunda-etapa/"
SESSIONS = "/meu-perfil/sessoes/"
ADDRESS = "/meu-perfil/email/"
CODE = "/entrar/codigo/"
MAILBOX = "/entrar/email/"
PASSWORD_CHANGE = "/senha/alterar/"
USERS = "/configuracoes/usuarios/"
AUDIT = "/configuracoes/auditoria/"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0.0.0 Safari/537.36"
NEW_NUMBER = "21 99887-7665"
OTHER_PASSWORD = {"old_password": PASSWORD, "new_password": "another long one"}
# Names, addresses and examples: the same in every language.
SAME = re.compile(
    r"Messaging|Padaria Aurora|alice|bob|[ABPi]|English|[Ee]spañol|Português (Brasileiro|\(Brasil\))"
    r"|\S+@\S+(; \S+@\S+)*|s|@\S+ #\d{6}|\d\d:\d\d:\d\d UTC|\d+s|https?://\S+"
    # Lists: people, their initials, actions, requests, browsers, times for machines.
    r"|[GLP]|x|laptop|work phone|X{4}(-X{4}){3}|([0-9A-Z]{4}-){3}[0-9A-Z]{4}"
    r"|SMS, E-mail"
    r"|Nina|nina|gone|lost|p\d\d|(\w+ )?\(\w+\)|[a-z_]+(\.[a-z_]+)+|[0-9a-f]{16}|Mozilla/.*|CSV|[\d-]+T[\d:]+Z"
)

Key = str | tuple[str, ...]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|{\w*}")
TAG = re.compile(r"</?[a-z][^>]*>")
NO_PACKAGES = {"benchmarks", "tests"}
# The help page's English words stay in Portuguese; the rest is one word in both languages.
SAME_WORDS = {
    "pt_BR": {"Account Settings", "E-mail", "Login", "Menu", "Next", "SMS", "TOKEN", "Two factor authentication"}
    | {"e-mail", "login"},
    "es": {"Error", "SMS", "TOKEN"},
}
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def words_of(locale: str, suffix: str = "po") -> Path:
    return ROOT / "messaging" / "locale" / locale / "LC_MESSAGES" / f"django.{suffix}"


@cache
def catalog(locale: str) -> Catalog:
    with words_of(locale).open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


def entries(source: Catalog) -> list[Entry]:
    """Return the entries of a catalogue without its header."""
    return [message for message in source if message.id]


def several(words: Any) -> tuple[str, ...]:
    """Return the one form of an entry, or its plural forms."""
    return (words,) if isinstance(words, str) else tuple(words)


def sources() -> Iterator[Path]:
    packages = [found.parent for found in ROOT.glob("*/__init__.py") if found.parent.name not in NO_PACKAGES]
    for package in packages:
        yield from package.rglob("*.py")
    for folder in [ROOT / "templates", *packages]:
        yield from folder.rglob("*.html")
        yield from folder.rglob("*.txt")


def extracted() -> set[Key]:
    """Return every translatable text of the sources, as ``makemessages`` finds them but without gettext's tools."""
    found: set[Key] = set()
    for path in sources():
        code = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            # Django turns a template into what looks like code; brackets make its indentation mean nothing.
            code = f"(\n{templatize(code, origin=str(path))}\n)"
        for _line, words, _comments, _context in extract("python", io.BytesIO(code.encode()), KEYWORDS):
            found.add(words)
    return found


class Said(NamedTuple):
    """A fragment of a page's words and the tags it stands in."""

    text: str
    inside: frozenset[str]


class Reader(HTMLParser):
    """Read what a page says to eyes and to screen readers."""

    SPOKEN = {"alt", "aria-label", "data-copied", "data-copy", "placeholder", "title"}
    SILENT = {"script", "style"}
    VOID = {"br", "hr", "img", "input", "link", "meta"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[Said] = []
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in self.SPOKEN:
                self.hear(value or "")
            elif name == "strings":  # the words of the captcha's box
                for words in json.loads(value or "{}").values():
                    self.hear(words)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self.SILENT & set(self.open):
            self.hear(data)

    def hear(self, words: str) -> None:
        words = " ".join(words.split()).removesuffix(" · Messaging")
        if re.search(r"[^\W\d_]", words):
            self.said.append(Said(words, frozenset(self.open)))


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def arrive(browser: Browser, login: str) -> Any:
    """Type login and password; return the page that comes next."""
    return browser.post(SIGN_IN, {"username": login, "password": PASSWORD}, follow=True)


@contextmanager
def forgotten() -> Iterator[None]:
    """Undo what happens inside, also in the outbox."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    shutil.rmtree(settings.OUTBOX_DIR)
