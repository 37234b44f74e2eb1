"""The words: complete catalogues, the help page's own labels, and everybody told in their own language.

What a page says is read out of it by ``Reader``. A page is free of leftover English if it shares no fragment with
the same page in English, names and words that are the same in both languages excepted. That finds forgotten
translations as well as text that was never made translatable.
"""

import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation.template import templatize

from accounts import audit, overview
from accounts import composers as notices
from accounts import flows as accounts
from accounts import sentences as sentences_of_events
from accounts.models import Account, AuditEvent, Budget, Role, Session, User
from messaging.delivery import outbox
from messaging.delivery.models import Message, OpenCircuit, State
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, many, person
from tests.test_tokens import GSM_7, GSM_7_EXTENSION
from tests.tools import ROOT, let_pass
from twofactor import composers
from twofactor import words as sentences
from twofactor.exceptions import TokenWrong
from twofactor.models import Purpose

LOCALES = {"pt_BR": "pt-br", "es": "es"}
SIGN_IN = "/entrar/"
PHONE = "/entrar/telefone/"
CHANNEL = "/entrar/canal/"
TOKEN = "/entrar/token/"
PROFILE = "/meu-perfil/"
CONFIRM = "/meu-perfil/telefone/confirmar/"
ACCOUNT_SETTINGS = "/configuracoes/minha-conta/"
IDENTITY = "/confirmar-identidade/"
SESSIONS = "/meu-perfil/sessoes/"
ADDRESS = "/meu-perfil/email/"
MAILBOX = "/entrar/email/"
PASSWORD_CHANGE = "/senha/alterar/"
USERS = "/configuracoes/usuarios/"
AUDIT = "/configuracoes/auditoria/"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0.0.0 Safari/537.36"
NEW_NUMBER = "21 99887-7665"
OTHER_PASSWORD = {"old_password": PASSWORD, "new_password1": "another long one", "new_password2": "another long one"}

# The catalogues ---------------------------------------------------------------------------------

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


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_of_the_sources_is_in_the_catalogue_and_nothing_else(locale: str) -> None:
    known = {message.id for message in entries(catalog(locale))}
    texts = extracted()
    assert len(texts) > 200
    assert texts - known == set(), "run: make messages"
    assert known - texts == set(), "run: make messages"


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
    """The compiled one is kept in the repository, so that running needs no tool."""
    source = catalog(locale)
    with words_of(locale, "mo").open("rb") as file:
        compiled = read_mo(file)
    said = {several(message.id): several(message.string) for message in entries(compiled)}
    wanted = {several(message.id): several(message.string) for message in entries(source)}
    assert said == wanted, "run: make messages"
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


# What pages say ---------------------------------------------------------------------------------


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


# The walk: every page and answer of the four journeys, in one language ----------------------------


class Walk:
    """Somebody who goes everywhere with a browser of one language and notes what is said."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.pages: dict[str, Reader] = {}

    def browser(self, **options: Any) -> Browser:
        return Browser(headers={"accept-language": self.language}, **options)

    def note(self, name: str, response: Any, status: int = 200) -> None:
        assert response.status_code == status, (name, response.status_code, response.headers.get("Location"))
        self.hear(name, response.content.decode())

    def hear(self, name: str, page: str) -> None:
        assert name not in self.pages
        self.pages[name] = read(page)

    def everywhere(self) -> None:
        account = Account.objects.create(name="Padaria Aurora")
        alice = person("alice", account, Role.ADMINISTRATOR)
        bob = person("bob", account)
        self.before_the_door()
        self.without_policy(alice)
        Account.objects.update(two_factor_required=True)
        self.first_sign_in()
        let_pass(3600)
        self.later_sign_in_and_change(bob)
        enrol(alice, ALICES_NUMBER)
        self.administrator()
        self.limits(alice)
        self.home(alice, bob)
        self.errors()
        self.notices(bob)
        self.messages()

    def before_the_door(self) -> None:
        visitor = self.browser()
        self.note("sign-in", visitor.get(SIGN_IN))
        self.note("sign-in, nothing typed", visitor.post(SIGN_IN))
        self.note("sign-in, wrong password", visitor.post_password("bob", "wrong"))
        self.note("sign-in, too late", visitor.get(TOKEN, follow=True))
        self.note("forgotten password", visitor.get("/senha/esqueci/"))
        self.note("forgotten password, no address", visitor.post("/senha/esqueci/", {"email": "bob"}))
        self.note(
            "forgotten password, sent", visitor.post("/senha/esqueci/", {"email": "bob@example.com"}, follow=True)
        )
        self.note("new password, bad link", visitor.get("/senha/redefinir/MQ/set-password/"))
        link = re.search(r"/senha/redefinir/\S+", deliver()[0]["text"])
        assert link
        self.note("new password", form := visitor.get(link[0], follow=True))
        action = form.redirect_chain[-1][0]
        short = {"new_password1": "12345", "new_password2": "12345"}
        self.note("new password, too short", visitor.post(action, short))
        self.note("new password, two of them", visitor.post(action, {**short, "new_password2": "other"}))
        same = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        self.note("new password, done", visitor.post(action, same, follow=True))

    def without_policy(self, alice: User) -> None:
        browser = self.browser()
        self.note("home of an administrator", arrive(browser, "alice"))
        self.note("settings, off", browser.get(ACCOUNT_SETTINGS))
        self.note(
            "introduction to an administrator",
            browser.post(ACCOUNT_SETTINGS, {"two_factor_required": "on"}, follow=True),
        )

    def first_sign_in(self) -> None:
        browser = self.browser()
        self.note("introduction", arrive(browser, "bob"))
        self.note("phone", browser.post("/entrar/introducao/", follow=True))
        self.note("phone, nothing typed", browser.post(PHONE))
        for wrong in ("11 8765-4321", "987654321", "20 98765-4321", "11 3333-4444", "1", "+54 9 11 2345-6789"):
            self.note(f"phone, {wrong}", browser.post(PHONE, {"country": "BR", "number": wrong}))
        self.note("phone, not allowed", browser.post(PHONE, {"country": "AR", "number": "11 98765-4321"}))
        self.note("phone, no captcha", browser.post(PHONE, {"country": "BR", "number": "11 98765-4321"}))
        self.note("phone, bad captcha", browser.post_phone(altcha="e30="))
        browser.post_phone()
        self.note("first token", browser.get(TOKEN))
        self.note("first token, malformed", browser.post_token("12"))
        wrong = "000000" if last_token() != "000000" else "111111"
        for attempt in range(5):
            self.note(f"first token, wrong {attempt}", browser.post_token(wrong))
        self.note("first token, spent", browser.post_token(wrong))
        self.note("limit", browser.post("/entrar/token/reenviar/"), 429)
        let_pass(31)
        old = last_token()
        self.note("another token", browser.post("/entrar/token/reenviar/", follow=True))
        self.note("the token before", browser.post_token(old))
        token = last_token()
        let_pass(180)
        self.note("the token too late", browser.post_token(token))
        browser.post("/entrar/token/reenviar/")
        browser.post_token(last_token())
        self.note("home", browser.get("/"))

    def later_sign_in_and_change(self, bob: User) -> None:
        browser = self.browser()
        browser.post_password("bob")
        self.note("channel", browser.get(CHANNEL))
        self.note("channel, none", browser.post(CHANNEL, {"altcha": browser.captcha(CHANNEL)}))
        browser.post_channel("email")
        self.note("token by e-mail", browser.get(TOKEN))
        self.note("channel, unlocked", browser.get(CHANNEL))
        let_pass(61)
        browser.post(CHANNEL, {"channel": "sms"})
        self.note("token by SMS", browser.get(TOKEN))
        browser.post_token(last_token())
        self.note("forbidden", browser.get(ACCOUNT_SETTINGS), 403)
        self.note("profile", browser.get(PROFILE))
        other = self.browser()
        other.sign_in("bob", "email")
        self.note("sessions", browser.get(SESSIONS))
        other_id = Session.objects.latest("pk").pk
        self.note("sessions, one ended", browser.post(f"{SESSIONS}{other_id}/encerrar/", follow=True))
        self.note("sessions, all ended", browser.post(f"{SESSIONS}encerrar-outras/", follow=True))
        self.note("password", browser.get(PASSWORD_CHANGE))
        self.note("password, nothing typed", browser.post(PASSWORD_CHANGE, {"new_password1": "bob"}))
        self.note(
            "phone, the same", browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "11 98765-4321"})
        )
        wanted = {"country": "BR", "number": NEW_NUMBER}
        self.note("change", browser.post("/meu-perfil/telefone/", wanted, follow=True))
        self.note("change, wrong password", browser.post(CONFIRM, {"password": "wrong", "channel": "sms"}))
        self.note("change, cancelled", browser.post(CONFIRM, {"action": "cancel"}, follow=True))
        self.note("change, over", browser.get(CONFIRM, follow=True))
        browser.post("/meu-perfil/telefone/", wanted)
        self.note("change, first token", browser.post(CONFIRM, {"password": PASSWORD, "channel": "email"}, follow=True))
        self.note("change, new number", browser.post(CONFIRM, {"token": last_token()}, follow=True))
        self.note("change, done", browser.post(CONFIRM, {"token": last_token()}, follow=True))
        self.note("profile, saved", browser.post(PROFILE, {"language": ""}, follow=True))
        self.note("password, changed", browser.post(PASSWORD_CHANGE, OTHER_PASSWORD, follow=True))

    def administrator(self) -> None:
        browser = self.browser()
        browser.sign_in("alice")
        self.note("settings, on", browser.get(ACCOUNT_SETTINGS))
        self.people_and_events(browser)
        bobs = f"/configuracoes/usuarios/{User.objects.get(username='bob').pk}/"
        self.note("sessions of somebody", browser.post(f"{bobs}sessoes/encerrar/", follow=True))
        browser.reauthenticate(f"{bobs}telefone/")
        self.note("reset", browser.post(f"{bobs}telefone/"))
        self.note("reset, done", browser.post(f"{bobs}telefone/", {"reason": "–"}, follow=True))
        self.mailbox_first()
        self.another_address(browser)
        self.note("options", browser.post(f"{ACCOUNT_SETTINGS}opcoes/", {"email_tokens": "on"}, follow=True))
        self.note("identity", browser.post(ACCOUNT_SETTINGS, follow=True))
        self.note("identity, token", browser.post(IDENTITY, {"password": PASSWORD, "channel": "sms"}, follow=True))
        self.note("settings, switched off", browser.post(IDENTITY, {"token": last_token()}, follow=True))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "SMS_GATEWAYS", [])
            self.note("settings, no gateway", browser.post(ACCOUNT_SETTINGS, {"two_factor_required": "on"}))
        browser.post(ACCOUNT_SETTINGS, {"two_factor_required": "on"})
        browser.prove_identity()
        self.note("settings, switched on", browser.get(ACCOUNT_SETTINGS))
        browser.post(ACCOUNT_SETTINGS)
        self.note("identity, cancelled", browser.post(IDENTITY, {"action": "cancel"}, follow=True))
        self.note("identity, over", browser.get(IDENTITY, follow=True))

    def mailbox_first(self) -> None:
        Budget.objects.all().delete()
        browser = self.browser()
        browser.post_password("bob", OTHER_PASSWORD["new_password1"])
        browser.post("/entrar/introducao/")
        self.note("mailbox", browser.get(MAILBOX))
        browser.post(MAILBOX, {"altcha": browser.captcha(MAILBOX)})
        self.note("mailbox, token", browser.get(TOKEN))

    def another_address(self, browser: Browser) -> None:
        self.note("address", browser.get(ADDRESS))
        self.note("address, the same", browser.post(ADDRESS, {"email": "alice@example.com"}))
        self.note("address, wished", browser.post(ADDRESS, {"email": "x@example.com"}, follow=True))
        proof = {"password": PASSWORD, "channel": "email"}
        self.note("address, first token", browser.post(f"{ADDRESS}confirmar/", proof, follow=True))
        self.note("address, new", browser.post(f"{ADDRESS}confirmar/", {"token": last_token()}, follow=True))
        self.note("address, cancelled", browser.post(f"{ADDRESS}confirmar/", {"action": "cancel"}, follow=True))
        self.note("address, over", browser.get(f"{ADDRESS}confirmar/", follow=True))

    def limits(self, alice: User) -> None:
        """Hear what is said at the end of a day's SMS, and while reCAPTCHA is silent."""
        browser = self.browser()
        browser.post_password("alice")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "LIMITS", {**settings.LIMITS, "system": [(0, 86_400)]})
            self.note("channel, no more SMS", browser.post_channel())
        silent = {"RECAPTCHA_DOMAIN": "127.0.0.1:1", "RECAPTCHA_PUBLIC_KEY": "k", "RECAPTCHA_PRIVATE_KEY": "s"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**silent, "RECAPTCHA_ENABLED": True, "CAPTCHA_FALLBACK": True}.items():
                patch.setattr(settings, name, value)
            self.note("channel, reCAPTCHA", browser.get(CHANNEL))
            refused = browser.post(CHANNEL, {"channel": "sms", "g-recaptcha-response": "x"})
            self.note("channel, reCAPTCHA silent", refused)
            self.note("channel, second door", browser.get(CHANNEL))
        facts: dict[str, Any] = {"used": 100, "limit": 200, "number": "•••21", "people": 3}
        with translation.override(self.language):
            for action in ("account_sms.half_spent", "account_sms.spent", "system_sms.nearly_spent", "phone.shared"):
                accounts.tell(alice, audit.record(action, user=alice, **facts))
        deliver()

    def people_and_events(self, browser: Browser) -> None:
        """Look at the lists, and at an event of every kind."""
        alice, bob = User.objects.get(username="alice"), User.objects.get(username="bob")
        gone = person("gone", alice.account, is_active=False, last_login=timezone.now())
        person("lost", alice.account, locked_at=timezone.now())
        many(alice.account, 30)
        self.note("users", browser.get(USERS))
        self.note("users, page 2", browser.get(f"{USERS}?after={bob.pk}"))
        self.note("users, nobody", browser.get(f"{USERS}?q=zzz"))
        self.note("user", browser.get(f"{USERS}{bob.pk}/"))
        self.note("user, deactivated", browser.get(f"{USERS}{gone.pk}/"))
        self.invited(browser)
        data = {"channel": "email", "purpose": "enrol", "reason": "phone.disowned", "hours": 1, "role": "member"}
        AuditEvent.objects.bulk_create(
            AuditEvent(account=alice.account, user=bob, actor=alice, action=action, data=data, user_agent=CHROME)
            for action in sentences_of_events.described()
        )
        last = 2**62
        for number in range(AuditEvent.objects.count() // 25 + 1):
            self.note(f"audit {number}", shown := browser.get(f"{AUDIT}?after={last}"))
            last = shown.context["page"].after or last
        self.note("audit, nobody", browser.get(f"{AUDIT}?person=zzz"))
        self.note("audit, nothing", browser.get(f"{AUDIT}?ip=203.0.113.9"))
        for name in (USERS, AUDIT):
            text = b"".join(browser.get(f"{name}exportar/")).decode()
            self.hear(f"table of {name}", text.replace(";", "<br>").replace(",", "<br>"))

    def invited(self, browser: Browser) -> None:
        """Act for a person; invite, remind, and join."""
        bob = User.objects.get(username="bob")
        for action in ("papel", "desativar", "reativar", "desbloquear"):
            Budget.objects.all().delete()  # each proof takes a token
            browser.reauthenticate(f"{USERS}{bob.pk}/{action}/")
            self.note(f"user, {action}", browser.get(f"{USERS}{bob.pk}/{action}/"))
        self.note("invite", browser.get(f"{USERS}convidar/"))
        self.note("invite, nobody", browser.post(f"{USERS}convidar/", {"addresses": ",", "language": "en"}))
        asked = {"addresses": "nina@example.com, x, bob@example.com", "language": self.language}
        self.note(
            "invite, many", browser.post(f"{USERS}convidar/", {**asked, "addresses": ",".join(map(str, range(501)))})
        )
        browser.post(f"{USERS}convidar/", asked)
        browser.post(f"{USERS}convidar/", {**asked, "addresses": "nina@example.com"})
        self.note("invite, report", browser.post(f"{USERS}convidar/", asked))
        self.note("invite, limited", browser.post(f"{USERS}convidar/", asked))
        self.note("users, invited", browser.get(f"{USERS}?state=invited"))
        self.note("remind", browser.get(f"{USERS}lembrar/"))
        self.note("reminded", browser.post(f"{USERS}lembrar/", follow=True))
        self.note("reminded, nobody", browser.post(f"{USERS}lembrar/", follow=True))
        link = re.search(r"/convite/\S+", next(entry["text"] for entry in deliver() if "nina@" in entry["to"]))
        assert link
        visitor = self.browser()
        same = {"first_name": "Nina", "new_password1": PASSWORD, "new_password2": PASSWORD}
        self.note("join", visitor.get(link[0]))
        self.note("join, done", visitor.post(link[0], same))
        self.note("join, over", visitor.post(link[0], same))

    def home(self, alice: User, bob: User) -> None:
        """Look at home with something to see: days, what needs doing, sign-ins of every kind."""
        rows = [("sign_in.verified", {"channel": way}) for way in ("sms", "email")] + [("sign_in.password_only", {})]
        events = [AuditEvent(account=bob.account, user=bob, actor=bob, action=name, data=data) for name, data in rows]
        AuditEvent.objects.bulk_create(events)
        facts: dict[str, Any] = {"channel": "sms", "kind": "token", "destination": "x", "subject_id": 0}
        facts |= {"language": "en", "owner_id": bob.account_id, "sent_at": timezone.now()}
        Message.objects.bulk_create(Message(state=state, **facts) for state in [State.SENT, State.FAILED] * 5)
        OpenCircuit.objects.create(name="outbox", fault="ours", open_until=timezone.now() + timedelta(minutes=1))
        User.objects.filter(pk=bob.pk).update(failures_until=timezone.now() + timedelta(minutes=1))
        for user in (alice, bob):
            browser = self.browser()
            browser.force_login(User.objects.get(pk=user.pk), backend="twofactor.backends.PhoneBackend")
            Account.objects.update(two_factor_required=False)
            self.note(f"home of {user}, off", browser.get("/?dias=30"))
            Account.objects.update(two_factor_required=True)
        with translation.override(self.language):
            context = overview.of_account(bob.account, 14) | {"user": alice}
            self.hear("home of the account, on", render_to_string("accounts/home_account.html", context))
        User.objects.update(failures_until=None)
        OpenCircuit.objects.all().delete()

    def notices(self, bob: User) -> None:
        """Hear the notice of everything that is told."""
        names = ("number", "before", "after", "reason", "channel", "purpose", "used", "limit", "people")
        data = dict.fromkeys(names, "•")
        event = AuditEvent(pk=1, account=bob.account, user=bob, actor=bob, at=timezone.now(), data=data)
        with translation.override(self.language):
            for starts in (None, "2026-12-10T12:00:00+00:00"):
                event.data = data | {"starts": starts, "by_date": starts}
                for event.action, write in notices._writers.items():
                    self.hear(f"notice {event.action} {starts}", write(event).content("email").html)

    def errors(self) -> None:
        self.note("no page", self.browser().get("/nowhere/"), 404)
        self.note("no token against forgery", self.browser(enforce_csrf_checks=True).post(SIGN_IN), 403)
        request = RequestFactory().get("/")
        with translation.override(self.language):
            for name in ("400", "500", "503"):
                self.hear(name, render_to_string(f"{name}.html", request=request))
            for seconds in (1, 59, 600, 9000):
                self.hear(f"limit of {seconds} s", render_to_string("429.html", {"retry_after": seconds}, request))

    def messages(self) -> None:
        """Hear the page of the outbox, which shows every message that has left; then the bodies in HTML."""
        self.note("outbox", self.browser().get("/caixa-de-saida/"))
        for number, entry in enumerate(outbox.entries()):
            self.hear(f"message {number}", "".join(f"<p>{line}</p>" for line in entry["text"].splitlines()))
        with translation.override(self.language):
            email = composers._email("000000", "login")
        self.hear("token in HTML", email.html)
        shutil.rmtree(settings.OUTBOX_DIR)
        self.note("outbox, empty", self.browser().get("/caixa-de-saida/"))
        settings.OUTBOX_DIR.mkdir()


@cache
def walk(language: str) -> dict[str, Reader]:
    """Return what every page says in a language; the database is left as it was."""
    walker = Walk(language)
    with forgotten():
        walker.everywhere()
    return walker.pages


# Names, addresses and examples: the same in every language.
SAME = re.compile(
    r"Messaging|Padaria Aurora|alice|bob|[ABPi]|English|[Ee]spañol|Português (Brasileiro|\(Brasil\))"
    r"|\S+@\S+(; \S+@\S+)*|s|@\S+ #\d{6}|\d\d:\d\d:\d\d UTC|\d+s|https?://\S+"
    # Lists: people, their initials, actions, requests, browsers, times for machines.
    r"|[GLP]|x|Nina|nina|gone|lost|p\d\d|(\w+ )?\(\w+\)|[a-z_]+(\.[a-z_]+)+|[0-9a-f]{16}|Mozilla/.*|CSV|[\d-]+T[\d:]+Z"
)


@pytest.mark.django_db
@pytest.mark.parametrize("locale", LOCALES)
def test_no_page_and_no_message_says_anything_in_english(locale: str) -> None:
    here, english = walk(LOCALES[locale]), walk("en")
    assert here.keys() == english.keys()
    leftovers = {
        (name, said.text)
        for name, page in here.items()
        for said in page.said
        if said.text in {other.text for other in english[name].said}
        and said.text.removesuffix(":") not in SAME_WORDS[locale]
        and not SAME.fullmatch(said.text)
    }
    assert leftovers == set()


@pytest.mark.django_db
@pytest.mark.parametrize("language", [*LOCALES.values(), "en"])
def test_every_page_says_which_language_it_is_in(language: str) -> None:
    pages = {name: page.language for name, page in walk(language).items() if not re.match(r"message \d|table", name)}
    assert pages == dict.fromkeys(pages, language)


@pytest.mark.django_db
@pytest.mark.parametrize("locale", LOCALES)
def test_the_walk_reads_a_good_part_of_the_catalogue(locale: str) -> None:
    """The guard above is worth what the walk sees."""
    seen = " ".join(said.text for page in walk(LOCALES[locale]).values() for said in page.said)
    shown = [
        message
        for message in entries(catalog(locale))
        if any(
            all(part.strip() in seen for part in TAG.split(PLACEHOLDER.sub("<b>", words)))
            for words in several(message.string)
        )
    ]
    assert len(shown) / len(entries(catalog(locale))) > 0.8, {m.id for m in entries(catalog(locale))} - {
        m.id for m in shown
    }


# The help page's own words ------------------------------------------------------------------------

HELP_PAGE = [
    # 1. The administrator switches it on.
    ("settings, off", "nav", "Configurações"),
    ("settings, off", "a", "Minha conta"),
    ("settings, off", "h1", "Account Settings"),
    ("settings, off", "label", "Two factor authentication"),
    ("settings, off", "button", "i"),
    # 2. First sign-in.
    ("sign-in", "button", "Login"),
    ("introduction", "button", "Next"),
    ("phone", "label", "Código do país"),
    ("phone", "label", "DDD + número"),
    ("phone", "p", "Código do país + DDD + número, por exemplo +55 11 98765-4321."),
    ("phone", "altcha-widget", "Não sou um robô"),
    ("first token", "label", "TOKEN"),
    ("first token", "button", "Validar token"),
    # 3. Every later sign-in.
    ("channel", "altcha-widget", "Não sou um robô"),
    ("channel", "button", "SMS"),
    ("channel", "button", "E-mail"),
    ("token by SMS", "label", "TOKEN"),
    ("token by SMS", "button", "Validar token"),
    ("token by e-mail", "button", "Validar token"),
    # 4. Changing the phone.
    ("home", "a", "Meu perfil"),
    ("profile", "h1", "Meu perfil"),
    ("profile", "h2", "Telefone"),
    ("profile", "label", "Código do país"),
    ("profile", "label", "DDD + número"),
    ("profile", "button", "Salvar"),
    ("change, first token", "label", "TOKEN"),
    ("change, first token", "button", "Validar token"),
    ("change, new number", "button", "Validar token"),
    # The rest of the portal.
    ("home", "a", "Tela inicial"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("page", "tag", "label"), HELP_PAGE)
def test_the_help_page_finds_its_words(page: str, tag: str, label: str) -> None:
    assert any(said.text == label and tag in said.inside for said in walk("pt-br")[page].said)


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["first token", "token by SMS", "token by e-mail", "change, new number"])
def test_the_180_seconds_are_told(page: str) -> None:
    assert any("180 segundos" in said.text for said in walk("pt-br")[page].said)


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
        text = composers.sms_text("012345", purpose)
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
def test_a_stranger_reads_the_browsers_language_else_portuguese(accepted: str | None, shown: str) -> None:
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
        ("en", "Nov. 24, 2026, 8:32 p.m."),
    ],
)
def test_dates_are_written_as_a_native_writes_them(language: str, written: str) -> None:
    with translation.override(language):
        assert date_format(datetime(2026, 11, 24, 20, 32), "DATETIME_FORMAT") == written  # noqa: DTZ001 (as shown)
