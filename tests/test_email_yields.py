"""K-06: e-mail goes off by itself for whoever has an app or a passkey that counts, where the account wants that."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import policy
from accounts.models import Account, AuditEvent, User
from messaging.database import clock_plus
from tests.authenticator import give_passkey
from tests.conftest import PASSWORD, Browser, deliver, enrol, last_token, sent_to
from tests.test_app import give_app, token_now
from tests.test_factors_that_count import only
from tests.tools import page
from twofactor.factors import catalogue, held
from twofactor.models import Passkey

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

SETTINGS, SWITCH = "/configuracoes/minha-conta/", "/configuracoes/minha-conta/sem-email/"
CONFIRM, FACTORS = "/confirmar-identidade/", "/meu-perfil/segunda-etapa/"
TITLE = "E-mail for whoever has something stronger"


GIVE: dict[str, Callable[[User], object]] = {"app": give_app, "passkey": give_passkey}


def let(account: Account, yields: bool = True) -> None:
    Account.objects.filter(pk=account.pk).update(email_yields=yields)


@pytest.fixture
def yielding(account: Account) -> Account:
    let(account)
    return account


@pytest.fixture
def bobs(bob: User) -> User:
    """Return Bob, who has a phone."""
    enrol(bob)
    return bob


def opens(user: User) -> list[str]:
    """Return the kinds that are open to a person, as a request loads them."""
    found = held.joined(User.objects.with_policy().select_related("account")).get(pk=user.pk)
    return [str(factor.kind) for factor in catalogue.open_to(found)]


# What opens -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["app", "passkey"])
def test_the_switch_is_off_until_an_administrator_sets_it(bobs: User, account: Account, kind: str) -> None:
    GIVE[kind](bobs)
    assert "email" in opens(bobs)
    let(account)
    assert "email" not in opens(bobs)
    assert {"sms", kind} <= set(opens(bobs)), "all else stays"


def test_who_has_nothing_stronger_keeps_the_mailbox(bobs: User, yielding: Account) -> None:
    assert opens(bobs) == ["sms", "email"]


@pytest.mark.parametrize("kind", ["app", "passkey"])
def test_what_does_not_count_switches_nothing_off(bobs: User, yielding: Account, kind: str) -> None:
    """K-06: else nothing but the phone would be left, or nothing at all."""
    GIVE[kind](bobs)
    only(yielding, "sms", "email")
    assert opens(bobs) == ["sms", "email"]


def test_a_passkey_of_an_earlier_host_switches_nothing_off(bobs: User, yielding: Account) -> None:
    give_passkey(bobs)
    Passkey.objects.update(rp_id="old.example.com")
    assert "email" in opens(bobs)


def test_it_comes_back_when_the_app_is_removed(browser: Browser, bobs: User, yielding: Account) -> None:
    device = give_app(bobs)
    browser.post_password("bob")
    browser.post("/entrar/app/", {"token": token_now()})
    browser.post(f"{FACTORS}app/{device.pk}/remover/")
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    browser.post(CONFIRM, {"token": last_token()})
    assert opens(bobs) == ["sms", "email"]


@pytest.mark.parametrize("kind", ["app", "passkey"])
def test_the_only_device_stays_usable(bob: User, yielding: Account, kind: str) -> None:
    """K-02: the mailbox is never the last factor, for it stands in for a device."""
    GIVE[kind](bob)
    assert opens(bob) == [kind]


# The sign-in -------------------------------------------------------------------------------------------


def test_the_channel_page_offers_no_mailbox_and_says_why(browser: Browser, bobs: User, yielding: Account) -> None:
    browser.post_password("bob")
    assert 'value="email"' in page(browser.get("/entrar/canal/"))
    give_app(bobs)
    shown = page(browser.get("/entrar/canal/"))
    assert 'value="sms"' in shown
    assert 'value="email"' not in shown
    assert "no tokens by e-mail to whoever has an authenticator app or a passkey" in shown


def test_a_mailbox_that_is_off_is_refused_and_sends_nothing(browser: Browser, bobs: User, yielding: Account) -> None:
    give_app(bobs)
    browser.post_password("bob")
    browser.post_channel("email")
    assert not [entry for entry in deliver() if entry["to"] == bobs.email]


def test_a_token_that_was_sent_before_opens_nothing_after(browser: Browser, bobs: User, yielding: Account) -> None:
    """T-05: read when it is typed."""
    browser.post_password("bob")
    browser.post_channel("email")
    token = last_token()
    give_app(bobs)
    browser.post_token(token)
    assert not browser.is_in()


def test_a_sign_in_that_began_with_the_mailbox_begins_with_what_is_left(
    browser: Browser, bobs: User, yielding: Account
) -> None:
    User.objects.filter(pk=bobs.pk).update(preferred_factor="email", last_factor="email")
    give_app(bobs)
    browser.post_password("bob")
    browser.post("/entrar/app/", {"token": token_now()})
    assert browser.is_in()


@pytest.mark.parametrize("path", ["/entrar/canal/", "/meu-perfil/"])
def test_the_switch_costs_no_statement(browser: Browser, bobs: User, account: Account, path: str) -> None:
    give_app(bobs)
    browser.post_password("bob")
    if path != "/entrar/canal/":
        browser.post("/entrar/app/", {"token": token_now()})
    asked = []
    for yields in (False, True):
        let(account, yields)
        with CaptureQueriesContext(connection) as statements:
            assert browser.get(path).status_code == 200
        asked.append(len(statements))
    assert asked[0] == asked[1]


def test_a_proof_is_not_asked_of_the_mailbox(browser: Browser, bobs: User, yielding: Account) -> None:
    give_app(bobs)
    browser.post_password("bob")
    browser.post("/entrar/app/", {"token": token_now()})
    browser.post("/meu-perfil/sessoes/encerrar-outras/")
    assert 'value="email"' not in page(browser.get(CONFIRM))
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "email"})
    assert not [entry for entry in deliver() if entry["to"] == bobs.email and "token" in entry["subject"].lower()]


# What the pages say --------------------------------------------------------------------------------------


def test_the_own_list_says_that_it_is_off_and_why(browser: Browser, bobs: User, yielding: Account) -> None:
    give_app(bobs)
    browser.post_password("bob")
    browser.post("/entrar/app/", {"token": token_now()})
    shown = page(browser.get(FACTORS))
    assert "Off, because you have an authenticator app or a passkey" in shown
    assert shown.count("Does not count now") == 1
    let(yielding, False)
    assert "Off, because" not in page(browser.get(FACTORS))


@pytest.fixture
def alices(browser: Browser, alice: User) -> Browser:
    enrol(alice)
    browser.sign_in("alice")
    return browser


def test_the_persons_page_says_it(alices: Browser, bobs: User, yielding: Account) -> None:
    path = f"/configuracoes/usuarios/{bobs.pk}/"
    assert "no tokens by e-mail" not in page(alices.get(path))
    give_app(bobs)
    assert "no tokens by e-mail" in page(alices.get(path))
    only(yielding, "sms", "email", "passkey")
    assert "no tokens by e-mail" not in page(alices.get(path))


# The switch ------------------------------------------------------------------------------------------------


def prove(browser: Browser) -> Any:
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    return browser.post(CONFIRM, {"token": last_token()}, follow=True)


def test_an_administrator_proves_and_switches_it(alices: Browser, alice: User, account: Account) -> None:
    """A-01, R-12."""
    assert TITLE in page(alices.get(SETTINGS))
    assert alices.post(SWITCH, {"email_yields": "on"}).headers["Location"] == CONFIRM
    account.refresh_from_db()
    assert not account.email_yields, "not before the proof"
    assert "gets no tokens by e-mail" in page(prove(alices))
    account.refresh_from_db()
    assert account.email_yields
    assert AuditEvent.objects.get(action="policy.factors_email_off").actor == alice
    assert alices.post(SWITCH, {"email_yields": "on"}).headers["Location"] == SETTINGS, "it is so already"


def test_members_may_not_switch_it(browser: Browser, bobs: User, account: Account) -> None:
    """A-01."""
    browser.sign_in("bob")
    assert browser.post(SWITCH, {"email_yields": "on"}).status_code == 403


@pytest.mark.parametrize("kinds", [["sms", "app", "passkey"], ["sms", "email"]])
def test_where_there_is_nothing_to_switch_off_there_is_no_switch(
    alices: Browser, account: Account, kinds: list[str]
) -> None:
    only(account, *kinds)
    assert TITLE not in page(alices.get(SETTINGS))


def told(user: User, words: str) -> int:
    return sum(words in entry["subject"] for entry in sent_to(user.email))


def test_administrators_and_everybody_are_told(alice: User, bob: User, account: Account) -> None:
    """A-01, K-07: everybody once a day."""
    assert policy.set_email_yields(account, True, actor=alice)
    assert not policy.set_email_yields(account, True, actor=alice)
    assert policy.set_email_yields(account, False, actor=alice)
    assert told(alice, "The second steps that count were changed") == 2
    assert told(bob, "What counts as your second step changes") == 1
    changes = AuditEvent.objects.filter(action__startswith="policy.factors_email").order_by("pk")
    assert [event.action for event in changes] == ["policy.factors_email_off", "policy.factors_email_on"]


def test_what_everybody_is_told_names_who_gets_no_tokens_by_email(alice: User, bob: User, account: Account) -> None:
    policy.set_email_yields(account, True, actor=alice)
    (text,) = [entry["text"] for entry in sent_to(bob.email)]
    assert "Whoever has an authenticator app or a passkey gets no tokens by e-mail." in text
    Account.objects.filter(pk=account.pk).update(two_factor_announced_at=clock_plus(-90_000))
    policy.set_email_yields(account, False, actor=alice)
    assert sum("gets no tokens by e-mail" in entry["text"] for entry in sent_to(bob.email)) == 1
