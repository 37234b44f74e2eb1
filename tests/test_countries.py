"""From which countries an account's phones may come: the administrator's choice within the operator's (P-03)."""

import re
from typing import Any

import pytest

from accounts.models import Account, AuditEvent, User
from tests.conftest import PASSWORD, Browser, enrol
from tests.tools import page
from twofactor.models import PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy", "three_countries")]

COUNTRIES = "/configuracoes/minha-conta/paises/"
IDENTITY = "/confirmar-identidade/"


@pytest.fixture
def three_countries(settings: Any) -> None:
    settings.ALLOWED_REGIONS = ["BR", "PT", "ES"]


@pytest.fixture
def alices(browser: Browser, alices_phone: PhoneDevice) -> Browser:
    browser.sign_in("alice")
    return browser


def regions(account: Account) -> list[str]:
    account.refresh_from_db()
    return account.regions


def ticked(browser: Browser) -> list[str]:
    shown = page(browser.get(COUNTRIES))
    return [region for region in ("BR", "ES", "PT") if f'name="regions" value="{region}" checked' in shown]


def test_countries_are_chosen_with_a_fresh_proof(alices: Browser, policy: Account) -> None:
    """P-03, A-01."""
    assert ticked(alices) == ["BR"]
    assert alices.post(COUNTRIES, {"regions": ["PT", "BR"]}).headers["Location"] == IDENTITY
    assert regions(policy) == ["BR"]
    assert alices.prove_identity().headers["Location"] == COUNTRIES
    assert regions(policy) == ["BR", "PT"]
    assert ticked(alices) == ["BR", "PT"]


def test_the_choice_decides_whose_phone_is_taken(
    alices: Browser, other_browser: Browser, bob: User, policy: Account
) -> None:
    """P-03: over HTTP, from the settings to the first phone of a colleague."""
    alices.post(COUNTRIES, {"regions": ["PT"]})
    alices.prove_identity()
    other_browser.post_password("bob")
    other_browser.post("/entrar/introducao/")
    assert "We send tokens only to: Portugal (+351)." in page(other_browser.post_phone())
    assert other_browser.post_phone("912 345 678", "PT").headers["Location"] == "/entrar/token/"


def test_a_phone_that_is_proved_stays_in_force(alices: Browser, bobs_phone: PhoneDevice, policy: Account) -> None:
    """A-02: nobody is locked out by a choice of countries."""
    alices.post(COUNTRIES, {"regions": ["PT"]})
    alices.prove_identity()
    bobs = Browser()
    bobs.sign_in("bob")
    assert bobs.is_in()


def test_a_choice_is_written_down_and_read_by_name(alices: Browser, alice: User, policy: Account) -> None:
    """J-01."""
    alices.post(COUNTRIES, {"regions": ["ES", "PT"]})
    alices.prove_identity()
    event = AuditEvent.objects.get(action="account.countries_changed")
    assert (event.actor, event.account) == (alice, policy)
    assert event.data == {"before": "BR", "after": "PT ES"}
    read = re.sub(r"</?strong>", "", page(alices.get("/configuracoes/auditoria/")))
    assert "from Brazil (+55) to Portugal (+351), Spain (+34)." in read


def test_with_none_ticked_it_is_the_operators_first(alices: Browser, policy: Account) -> None:
    """P-03."""
    Account.objects.filter(pk=policy.pk).update(allowed_regions=["ES"])
    alices.post(COUNTRIES, {})
    alices.prove_identity()
    assert regions(policy) == ["BR"]


@pytest.mark.parametrize("hostile", ["US", "br", "ZZ", "", "BR,PT", "\x00", "'; --", "9" * 9000, "<script>"])
def test_a_country_outside_the_operators_list_is_refused(alices: Browser, policy: Account, hostile: str) -> None:
    """P-03: never asked to prove anything for it, never kept."""
    assert alices.post(COUNTRIES, {"regions": ["PT", hostile]}).headers["Location"] == COUNTRIES
    assert "Choose among the countries of the list." in page(alices.get(COUNTRIES))
    assert regions(policy) == ["BR"]


def test_a_country_that_the_operator_takes_back_meanwhile_is_not_chosen(
    alices: Browser, policy: Account, settings: Any
) -> None:
    """P-03: the pending action was kept for minutes."""
    alices.post(COUNTRIES, {"regions": ["BR", "PT"]})
    settings.ALLOWED_REGIONS = ["BR"]
    alices.prove_identity()
    policy.refresh_from_db()
    assert policy.allowed_regions == ["BR"]
    shown = page(alices.get(COUNTRIES))
    assert "New phones come from Brazil (+55). The operator of Messaging allows no other country." in shown
    assert 'name="regions"' not in shown


def test_saving_an_unchanged_form_asks_for_nothing(alices: Browser, policy: Account) -> None:
    assert alices.post(COUNTRIES, {"regions": ["BR"]}).headers["Location"] == COUNTRIES
    assert not AuditEvent.objects.filter(action="reauthentication.started").exists()


def test_countries_are_the_administrators(browser: Browser, bobs_phone: PhoneDevice, policy: Account) -> None:
    """A-01."""
    browser.sign_in("bob")
    assert browser.post(COUNTRIES, {"regions": ["PT"]}).status_code == browser.get(COUNTRIES).status_code == 403
    assert regions(policy) == ["BR"]


def test_another_accounts_administrator_chooses_for_their_own(browser: Browser, charlie: User, policy: Account) -> None:
    """A-04."""
    enrol(charlie)
    browser.sign_in("charlie")
    browser.post(COUNTRIES, {"regions": ["PT"], "account": policy.pk, "id": policy.pk})
    browser.prove_identity()
    assert regions(policy) == ["BR"]
    assert regions(charlie.account) == ["PT"]


def test_neither_a_get_nor_a_forged_form_chooses_countries(alices: Browser, policy: Account) -> None:
    """C-07, A-01."""
    assert alices.get(COUNTRIES, {"regions": ["PT"]}).status_code == 200
    assert regions(policy) == ["BR"]
    alices.handler.enforce_csrf_checks = True
    assert alices.post(COUNTRIES, {"regions": ["PT"], "password": PASSWORD}).status_code == 403
    assert regions(policy) == ["BR"]
