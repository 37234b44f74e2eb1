"""What the second factor costs in SQL: nothing on a gated page, and a counted few in a whole sign-in."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from accounts.models import User
from messaging.delivery import flows as delivery
from messaging.delivery.models import Message
from tests.authenticator import give_passkey, options_in
from tests.conftest import PASSWORD, Browser, last_token
from tests.test_app import give_app, token_now
from twofactor.factors.passkeys.alone import is_offered
from twofactor.models import PhoneDevice


def bare(request: HttpRequest) -> HttpResponse:
    """Ask for nothing but a person who is signed in: ``request.user`` is what any portal pays for."""
    return HttpResponse(f"hello {request.user}")


@login_not_required
def open_to_all(request: HttpRequest) -> HttpResponse:
    """Ask for nothing at all."""
    return HttpResponse("hello")


urlpatterns = [path("bare/", bare), path("open/", open_to_all), path("", include("messaging.urls"))]

TRANSACTION = re.compile(r"\A(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)")

# What a statement asks another table on its way, brackets in brackets included.
SUBQUERY = re.compile(r"\(SELECT [^()]*(?:\((?:[^()]|\([^()]*\))*\)[^()]*)*\)")

# The exact figures. Fewer is good news: lower them. More needs a reason in the commit.
SIGN_IN_STATEMENTS, MAX_STATEMENTS = 24, 24
SIGN_IN_TRANSACTION_STATEMENTS, MAX_TRANSACTION_STATEMENTS = 6, 12


class Ledger:
    """The statements of one or more requests, transaction statements apart."""

    def __init__(self, context: CaptureQueriesContext) -> None:
        self.context = context

    @property
    def all(self) -> list[str]:
        return [query["sql"] for query in self.context.captured_queries]

    @property
    def transactions(self) -> list[str]:
        return [sql for sql in self.all if TRANSACTION.match(sql)]

    @property
    def statements(self) -> list[str]:
        return [sql for sql in self.all if not TRANSACTION.match(sql)]

    def tables(self) -> Counter[str]:
        """Return how often each kind of statement went to each table."""
        found = re.compile(r"\A(\w+).*?(?:FROM|INTO|UPDATE) \"(\w+)\"|\A(UPDATE) \"(\w+)\"", re.DOTALL)
        matches = (found.match(SUBQUERY.sub("", sql)) for sql in self.statements)
        return Counter(" ".join(part for part in match.groups() if part) for match in matches if match)

    def __str__(self) -> str:
        return f"{len(self.statements)} + {len(self.transactions)}:\n" + "\n".join(sql[:150] for sql in self.all)


@contextmanager
def counted() -> Iterator[Ledger]:
    with CaptureQueriesContext(connection) as context:
        yield Ledger(context)


@pytest.fixture(autouse=True)
def offer_looked_up(db: None) -> None:
    """Look up whether passkeys alone sign in: each process does so once a minute, whoever comes (K-04)."""
    is_offered()


@pytest.fixture
def signed_in(browser: Browser, bobs_phone: PhoneDevice, policy: object) -> Browser:
    browser.sign_in("bob")
    browser.get("/")
    return browser


def test_a_gated_page_costs_the_session_and_the_person(signed_in: Browser) -> None:
    """Architecture, decision 5: the gate is in the one statement Django makes anyway."""
    with counted() as ledger:
        assert signed_in.get("/meu-perfil/").status_code == 200
    assert len(ledger.statements) == 2, str(ledger)
    assert ledger.transactions == []
    assert ledger.tables() == {"SELECT accounts_session": 1, "SELECT accounts_user": 1}


@pytest.mark.urls("tests.test_statements")
def test_a_gated_page_costs_what_a_page_without_the_gate_costs(signed_in: Browser, settings: Any) -> None:
    """Architecture, decision 5: measured against Django's own login_required, without gate and second factor."""
    with counted() as gated:
        assert signed_in.get("/bare/").content == b"hello bob"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.startswith("twofactor.")] + [
        "django.contrib.auth.middleware.LoginRequiredMiddleware"
    ]
    plain = Browser()
    plain.cookies = signed_in.cookies
    with counted() as ungated:
        assert plain.get("/bare/").content == b"hello bob"
    assert len(gated.all) == len(ungated.all) == 2, f"{gated}\n{ungated}"


@pytest.mark.urls("tests.test_statements")
def test_a_page_open_to_the_world_costs_nothing(db: None) -> None:
    with counted() as ledger:
        assert Browser().get("/open/").status_code == 200
    assert ledger.all == []


def test_anonymous_without_a_cookie_costs_nothing(browser: Browser, bob: User, policy: object) -> None:
    with counted() as ledger:
        assert browser.get("/").status_code == 302
    assert ledger.all == [], str(ledger)


@pytest.mark.django_db(transaction=True)
def test_a_whole_sign_in_costs_a_counted_few_statements(
    browser: Browser, bobs_phone: PhoneDevice, policy: object, record_property: Any
) -> None:
    """From the password to a page (home draws more, see test_home.py): every statement, also of transactions."""
    with counted() as ledger:
        assert browser.get("/entrar/").status_code == 200
        assert browser.post("/entrar/", {"username": "bob", "password": PASSWORD}).status_code == 302
        captcha = browser.captcha("/entrar/canal/")
        assert browser.post("/entrar/canal/", {"channel": "sms", "altcha": captcha}).status_code == 302
        assert browser.get("/entrar/token/").status_code == 200
    token = last_token()
    with counted() as end:
        assert browser.post("/entrar/token/", {"token": token}).status_code == 302
        assert browser.get("/meu-perfil/").status_code == 200
    figures = (
        len(ledger.statements) + len(end.statements),
        len(ledger.transactions) + len(end.transactions),
    )
    record_property("statements", figures)
    assert figures == (SIGN_IN_STATEMENTS, SIGN_IN_TRANSACTION_STATEMENTS), f"{ledger}\n{end}"
    assert figures[0] <= MAX_STATEMENTS
    assert figures[1] <= MAX_TRANSACTION_STATEMENTS


APP_STATEMENTS, APP_TRANSACTION_STATEMENTS = 18, 8  # at most: nothing is sent (K-03)


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_by_app_costs_fewer(browser: Browser, bob: User, bobs_phone: PhoneDevice, policy: object) -> None:
    """From the password to a page, as above."""
    give_app(bob)
    User.objects.filter(pk=bob.pk).update(preferred_factor="app")
    token = token_now()
    with counted() as ledger:
        assert browser.get("/entrar/").status_code == 200
        assert browser.post("/entrar/", {"username": "bob", "password": PASSWORD}).status_code == 302
        assert browser.get("/entrar/app/").status_code == 200
        assert browser.post("/entrar/app/", {"token": token}).status_code == 302
        assert browser.get("/meu-perfil/").status_code == 200
    assert len(ledger.statements) <= APP_STATEMENTS, str(ledger)
    assert len(ledger.transactions) <= APP_TRANSACTION_STATEMENTS, str(ledger)


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_by_passkey_costs_fewer(browser: Browser, bob: User, bobs_phone: PhoneDevice, policy: object) -> None:
    """K-04. The challenge is issued and taken, and the passkey is read twice and counted once."""
    key = give_passkey(bob)
    User.objects.filter(pk=bob.pk).update(preferred_factor="passkey")
    with counted() as ledger:
        assert browser.get("/entrar/").status_code == 200
        assert browser.post("/entrar/", {"username": "bob", "password": PASSWORD}).status_code == 302
        answer = key.sign(options_in(browser.get("/entrar/chave/")))
        assert browser.post("/entrar/chave/", {"credential": answer}).status_code == 302
        assert browser.get("/meu-perfil/").status_code == 200
    assert len(ledger.statements) <= APP_STATEMENTS, str(ledger)
    assert len(ledger.transactions) <= APP_TRANSACTION_STATEMENTS, str(ledger)


# What one token costs the database on its way out, and what it would cost without ``Compiled``: the same.
DELIVERY = {
    "UPDATE delivery_message": 2,  # claimed, then sent
    "SELECT twofactor_challenge": 1,
    "SELECT delivery_blockedprefix": 1,
    "SELECT delivery_opencircuit": 1,
}


@pytest.mark.django_db(transaction=True)
def test_a_token_leaves_with_five_statements_and_no_transaction(
    browser: Browser, bobs_phone: PhoneDevice, policy: object
) -> None:
    """Performance budgets: a worker sends hundreds a second."""
    browser.post_password("bob")
    browser.post_channel("sms")
    message = Message.objects.get()
    with counted() as ledger:
        delivery.deliver(message.pk)
    assert ledger.tables() == DELIVERY, str(ledger)
    assert len(ledger.all) == sum(DELIVERY.values())
    with counted() as again:
        delivery.deliver(message.pk)
    assert again.tables() == {"UPDATE delivery_message": 1}, "a wake-up sent twice costs the look alone"


@pytest.mark.django_db(transaction=True)
def test_what_everybody_shares_is_locked_late(browser: Browser, bobs_phone: PhoneDevice, policy: object) -> None:
    """The limits of account and system stay locked until the commit: of what is written, only the message follows."""
    browser.post_password("bob")
    captcha = browser.captcha("/entrar/canal/")
    with counted() as ledger:
        browser.post("/entrar/canal/", {"channel": "sms", "altcha": captcha})
    begin = next(at for at, sql in enumerate(ledger.all) if sql.startswith("BEGIN"))
    written = re.findall(r'(?:INTO|UPDATE) "(\w+)"', "\n".join(ledger.all[begin:]))
    assert written[-2:] == ["accounts_budget", "delivery_message"], str(ledger)


@pytest.mark.django_db(transaction=True)
def test_transaction_statements_are_seen(bob: User) -> None:
    """The figure above would mean nothing if Django did not show BEGIN, SAVEPOINT and COMMIT."""
    with counted() as ledger, transaction.atomic(), transaction.atomic():
        User.objects.exists()
    assert [sql.split()[0] for sql in ledger.transactions] == ["BEGIN", "SAVEPOINT", "RELEASE", "COMMIT"]
    assert len(ledger.statements) == 1
