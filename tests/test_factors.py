"""K-01: one interface for every kind of second factor; what a person has, and what of it the account lets count."""

import pytest
from django.urls import reverse

from accounts.factors import FactorKind
from accounts.models import Account, User
from tests.conftest import PASSWORD, Browser, deliver, last_token
from twofactor.factors import catalogue, held
from twofactor.factors.base import Factor
from twofactor.models import FactorDevice, PendingSignIn, PhoneDevice, Proof
from twofactor.sign_in.addresses import PAGES
from twofactor.steps import Step

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

SIGN_OUT = "/sair/"


def no_longer_counts(monkeypatch: pytest.MonkeyPatch, *kinds: FactorKind) -> None:
    monkeypatch.setattr(Account, "accepts", lambda _account, kind, due=False: kind not in kinds)


def kinds(factors: list[Factor]) -> list[str]:
    return [factor.kind for factor in factors]


def test_every_kind_has_one_entry_and_its_device_one() -> None:
    assert set(catalogue.FACTORS) == set(FactorKind.values)
    assert set(held.DEVICES) == set(FactorDevice.__subclasses__())


def test_every_step_has_a_page() -> None:
    assert set(PAGES) == set(Step)
    assert all(reverse(name).startswith("/entrar/") for name in PAGES.values())


def test_the_mailbox_is_no_factor_of_its_own(bob: User) -> None:
    """P-05: it stands in for a device that was proved."""
    assert catalogue.open_to(bob) == []


def test_with_a_phone_the_phone_and_the_mailbox_are_open(bob: User, bobs_phone: PhoneDevice) -> None:
    assert kinds(catalogue.open_to(bob)) == ["sms", "email"]


def test_an_account_without_tokens_by_email_opens_the_phone_alone(bob: User, bobs_phone: PhoneDevice) -> None:
    bob.account.email_tokens = False
    assert kinds(catalogue.open_to(bob)) == ["sms"]


def test_after_a_reset_by_email_the_mailbox_is_not_open(bob: User, bobs_phone: PhoneDevice) -> None:
    """R-06."""
    bob.mailbox_suspect = True
    assert kinds(catalogue.open_to(bob)) == ["sms"]


def test_a_kind_that_no_longer_counts_keeps_no_session_open(
    browser: Browser, bobs_phone: PhoneDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read at each request: the open session has to prove a factor that counts."""
    browser.sign_in("bob")
    assert browser.is_in()
    no_longer_counts(monkeypatch, FactorKind.SMS)
    assert browser.get("/meu-perfil/").status_code == 302


def test_a_kind_that_no_longer_counts_opens_no_sign_in(
    browser: Browser, bobs_phone: PhoneDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.post_password("bob")
    browser.post_channel("sms")
    token = last_token()
    no_longer_counts(monkeypatch, FactorKind.SMS)
    browser.post_token(token)
    assert not browser.is_in()
    assert PhoneDevice.objects.get() == bobs_phone


def test_a_kind_that_still_counts_goes_on(
    browser: Browser, bobs_phone: PhoneDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in("bob")
    no_longer_counts(monkeypatch, FactorKind.EMAIL)
    assert browser.is_in()
    browser.post(SIGN_OUT)
    browser.sign_in("bob")
    assert browser.is_in()


@pytest.mark.parametrize("kind", ["email", "carrier pigeon"])
def test_a_proof_by_what_opens_nothing_is_refused_and_sends_nothing(
    browser: Browser, policy: Account, bobs_phone: PhoneDevice, kind: str
) -> None:
    Account.objects.filter(pk=policy.pk).update(email_tokens=False)
    browser.sign_in("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    sent = len(deliver())
    refused = browser.post("/meu-perfil/telefone/confirmar/", {"password": PASSWORD, "channel": kind})
    assert refused.status_code == 200
    assert 'name="password"' in refused.content.decode(), "the first step again"
    assert len(deliver()) == sent


@pytest.mark.parametrize("kind", ["sms", "email"])
def test_a_proof_remembers_the_kind_that_was_chosen(browser: Browser, bobs_phone: PhoneDevice, kind: str) -> None:
    browser.sign_in("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    browser.post("/meu-perfil/telefone/confirmar/", {"password": PASSWORD, "channel": kind})
    (change,) = [journey for model in Proof.__subclasses__() for journey in model._default_manager.all()]
    assert change.factor == kind


def test_what_was_completed_by_a_factor_that_sends_nothing_is_over(
    browser: Browser, other_browser: Browser, bobs_phone: PhoneDevice
) -> None:
    """The one that was not completed goes on."""
    browser.post_password("bob")
    first = PendingSignIn.objects.get()
    other_browser.post_password("bob")
    PendingSignIn.objects.filter(pk=first.pk).update(completed_at=first.created_at)
    assert browser.get("/entrar/canal/").headers["Location"] == "/entrar/"
    assert other_browser.get("/entrar/canal/").status_code == 200


def test_leaving_ends_what_such_a_factor_opened_in_the_same_moment(
    browser: Browser, other_browser: Browser, bobs_phone: PhoneDevice
) -> None:
    """F53: the sign-out comes from the page before, and its session must not live on."""
    other_browser.sign_in("bob")
    browser.post_password("bob")
    leaving = Browser()
    leaving.post_password("bob")
    leaving.post(SIGN_OUT)
    assert other_browser.is_in(), "nothing was completed: only the half-way one ends"
    half = PendingSignIn.objects.order_by("pk")[1]
    PendingSignIn.objects.filter(pk=half.pk).update(completed_at=half.created_at)
    browser.post(SIGN_OUT)
    assert not other_browser.is_in()
