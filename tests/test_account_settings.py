"""Journey 1: the administrator switches the policy, over HTTP with literal paths."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Account, AuditEvent, Role, User
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, person
from tests.tools import let_pass, page
from twofactor.models import PendingSignIn, PhoneDevice

pytestmark = pytest.mark.django_db

SETTINGS = "/configuracoes/minha-conta/"
ON = {"two_factor_required": "on"}
JSON = {"accept": "application/json"}


def is_on(account: Account) -> bool:
    account.refresh_from_db()
    return account.two_factor_required


def switch(browser: Browser, fields: dict[str, str]) -> Any:
    """Save the settings as somebody whose session is verified: with a fresh proof (A-01)."""
    assert browser.post(SETTINGS, fields).headers["Location"] == "/confirmar-identidade/"
    return browser.prove_identity()


@pytest.fixture
def verified(browser: Browser, alices_phone: PhoneDevice, policy: Account) -> Browser:
    """Return Alice's browser where the policy is on already."""
    browser.sign_in("alice")
    return browser


def test_switching_on_begins_with_ones_own_phone(browser: Browser, alice: User, account: Account) -> None:
    """A-02, D6."""
    browser.post_password("alice")
    assert browser.get(SETTINGS).status_code == 200
    response = browser.post(SETTINGS, ON)
    assert response.headers["Location"] == "/entrar/introducao/"
    assert not is_on(account)
    assert "Set up your own phone first" in page(browser.get("/entrar/introducao/"))

    browser.post("/entrar/introducao/")
    browser.post_phone(ALICES_NUMBER)
    response = browser.post_token(last_token())
    assert response.headers["Location"] == SETTINGS
    assert is_on(account)
    shown = page(browser.get(SETTINGS))
    assert re.search(r'name="two_factor_required"[^>]* checked', shown)


def test_switching_on_asks_for_a_token_where_the_phone_is_known(
    browser: Browser, alices_phone: PhoneDevice, account: Account
) -> None:
    """A-01, A-02: the session has not proved the second factor."""
    browser.post_password("alice")
    assert browser.post(SETTINGS, ON).headers["Location"] == "/entrar/canal/"
    assert not is_on(account)
    browser.post_channel("email")
    assert browser.post_token(last_token()).headers["Location"] == SETTINGS
    assert is_on(account)


def test_an_ordinary_sign_in_switches_nothing_on(browser: Browser, alices_phone: PhoneDevice, account: Account) -> None:
    """A-02: only the pending sign-in that came from the switch does."""
    browser.post_password("alice")
    browser.post(SETTINGS, ON)
    browser.post_password("alice")
    assert browser.is_in()
    assert not is_on(account)


# A-01: who may, how, and what is written down ---------------------------------------------------


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete"])
def test_members_have_no_account_settings(browser: Browser, bob: User, account: Account, method: str) -> None:
    """A-01."""
    browser.post_password("bob")
    assert getattr(browser, method)(SETTINGS, ON).status_code == 403
    assert not is_on(account)
    assert SETTINGS not in page(browser.get("/"))


def test_members_do_not_switch_it_off(browser: Browser, bobs_phone: PhoneDevice, policy: Account) -> None:
    """A-01."""
    browser.sign_in("bob")
    assert browser.post(SETTINGS, {}).status_code == 403
    assert is_on(policy)


def test_anonymous_are_sent_to_the_password(browser: Browser, account: Account) -> None:
    assert browser.post(SETTINGS, ON).headers["Location"] == "/entrar/"
    assert not is_on(account)


def test_a_get_never_switches_the_policy(browser: Browser, alice: User, account: Account) -> None:
    """A-01."""
    browser.post_password("alice")
    browser.get(SETTINGS, ON)
    browser.head(SETTINGS, ON)
    assert browser.put(SETTINGS, ON).status_code == 405
    assert browser.is_in()
    assert not is_on(account)
    assert not PendingSignIn.objects.exists()


def test_looking_never_switches_off(verified: Browser, policy: Account) -> None:
    """A-01."""
    verified.get(SETTINGS)
    verified.get(SETTINGS, {"two_factor_required": ""})
    assert is_on(policy)


def test_switching_needs_the_csrf_token(verified: Browser, policy: Account) -> None:
    """A-01."""
    verified.handler.enforce_csrf_checks = True
    assert verified.post(SETTINGS, {}).status_code == 403
    assert is_on(policy)


def test_each_switch_is_written_down_with_before_and_after(verified: Browser, alice: User, policy: Account) -> None:
    """A-01, J-01."""
    switch(verified, {})
    assert "Two factor authentication is off." in page(verified.get(SETTINGS))
    let_pass(61)
    switch(verified, ON)
    assert "Two factor authentication is on." in page(verified.get(SETTINGS))
    off, on = AuditEvent.objects.filter(action__startswith="policy.switched").order_by("pk")
    assert (off.action, off.data) == ("policy.switched_off", {"before": True, "after": False})
    assert (on.action, on.data) == ("policy.switched_on", {"before": False, "after": True})
    assert {(event.actor, event.account) for event in (off, on)} == {(alice, policy)}
    assert on.ip == "127.0.0.1"


def test_saving_an_unchanged_form_changes_and_records_nothing(verified: Browser, policy: Account) -> None:
    before = policy.two_factor_changed_at
    assert verified.post(SETTINGS, ON).headers["Location"] == SETTINGS
    assert is_on(policy)
    assert policy.two_factor_changed_at == before
    assert not AuditEvent.objects.filter(action__startswith="policy.").exists()


# A-02: nobody is locked out ---------------------------------------------------------------------


def test_abandoning_the_set_up_leaves_the_policy_off(
    browser: Browser, other_browser: Browser, alice: User, bob: User, account: Account
) -> None:
    """A-02, D6."""
    browser.post_password("alice")
    browser.post(SETTINGS, ON)
    browser.post("/entrar/introducao/")
    browser.post_phone(ALICES_NUMBER)
    browser.post("/sair/")
    assert not is_on(account)
    assert browser.post_password("alice").headers["Location"] == "/"
    assert other_browser.post_password("bob").headers["Location"] == "/"


def test_half_way_through_the_set_up_nobody_is_signed_in(browser: Browser, alice: User) -> None:
    """S-02, D6."""
    browser.post_password("alice")
    browser.post(SETTINGS, ON)
    assert not browser.is_in()
    assert browser.get(SETTINGS, headers=JSON).json() == {"detail": "second_factor_required"}


def test_an_administrator_demoted_meanwhile_switches_nothing_on(
    browser: Browser, alice: User, account: Account
) -> None:
    """A-01, D6."""
    browser.post_password("alice")
    browser.post(SETTINGS, ON)
    browser.post("/entrar/introducao/")
    browser.post_phone(ALICES_NUMBER)
    User.objects.filter(pk=alice.pk).update(role=Role.MEMBER)
    browser.post_token(last_token())
    assert not is_on(account)
    assert browser.get(SETTINGS).status_code == 403
    assert not AuditEvent.objects.filter(action__startswith="policy.").exists()


def test_without_an_sms_gateway_it_is_refused_with_the_reason(
    browser: Browser, alice: User, account: Account, settings: Any
) -> None:
    """A-02."""
    settings.SMS_GATEWAYS = []
    browser.post_password("alice")
    assert "It cannot be switched on now, because no SMS gateway is configured" in page(browser.get(SETTINGS))
    response = browser.post(SETTINGS, ON)
    assert response.status_code == 200
    assert "No SMS gateway is configured: nobody could get a token." in page(response)
    assert not is_on(account)
    assert browser.is_in()


def test_without_an_sms_gateway_it_can_still_be_switched_off(verified: Browser, policy: Account, settings: Any) -> None:
    settings.SMS_GATEWAYS = []
    verified.post(SETTINGS, {})
    verified.prove_identity("email")
    assert not is_on(policy)


def test_switching_off_keeps_the_phones(
    verified: Browser, alice: User, bobs_phone: PhoneDevice, policy: Account
) -> None:
    switch(verified, {})
    assert not is_on(policy)
    assert PhoneDevice.objects.count() == 2
    assert verified.is_in()
    verified.post("/sair/")
    assert verified.post_password("alice").headers["Location"] == "/"
    verified.post(SETTINGS, ON)
    assert verified.get("/").headers["Location"] == "/entrar/canal/"


# In force at once -------------------------------------------------------------------------------


def test_open_sessions_are_gated_at_their_next_request(
    verified: Browser, other_browser: Browser, bob: User, policy: Account
) -> None:
    """S-05."""
    switch(verified, {})
    other_browser.post_password("bob")
    assert other_browser.is_in()
    switch(verified, ON)

    change = {"first_name": "Robert", "language": "en"}
    response = other_browser.post("/meu-perfil/", change, headers=JSON)
    assert (response.status_code, response.json()) == (403, {"detail": "second_factor_required"})
    assert other_browser.get("/").headers["Location"] == "/entrar/introducao/"
    bob.refresh_from_db()
    assert bob.first_name == ""


def test_a_gated_page_leads_on_to_itself(verified: Browser, other_browser: Browser, bob: User, policy: Account) -> None:
    """S-05: the person lands where they wanted to go."""
    switch(verified, {})
    other_browser.post_password("bob")
    switch(verified, ON)
    assert other_browser.get("/meu-perfil/").headers["Location"] == "/entrar/introducao/"
    other_browser.post("/entrar/introducao/")
    other_browser.post_phone()
    assert other_browser.post_token(last_token()).headers["Location"] == "/meu-perfil/"


def test_sessions_are_free_again_once_it_is_off(
    verified: Browser, other_browser: Browser, bob: User, policy: Account
) -> None:
    other_browser.post_password("bob")
    assert not other_browser.is_in()
    switch(verified, {})
    other_browser.post_password("bob")
    assert other_browser.is_in()


# A-04: one's own account only -------------------------------------------------------------------


def test_another_accounts_administrator_cannot_touch_this_one(
    browser: Browser, charlie: User, account: Account
) -> None:
    """A-04."""
    enrol(charlie)
    browser.sign_in("charlie")
    ids = {"id": account.pk, "pk": account.pk, "account": account.pk, "account_id": account.pk}
    browser.post(f"{SETTINGS}?id={account.pk}&account={account.pk}", {**ON, **ids})
    assert not is_on(account)
    Account.objects.filter(pk=account.pk).update(two_factor_required=True)
    browser.post(f"{SETTINGS}?id={account.pk}", ids)
    browser.prove_identity()
    assert is_on(account)
    assert not is_on(charlie.account)
    assert account.name not in page(browser.get(SETTINGS))


def test_the_form_changes_nothing_but_the_policy(verified: Browser, policy: Account) -> None:
    """A-04."""
    switch(verified, {"name": "Other", "is_active": "", "two_factor_changed_at": "2001-01-01"})
    policy.refresh_from_db()
    assert (policy.name, policy.is_active, policy.two_factor_required) == ("Padaria Aurora", True, False)


def routes(patterns: Any, before: str = "") -> Iterator[str]:
    for pattern in patterns:
        path = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path


def test_no_address_of_the_portal_names_an_object() -> None:
    """A-04: there is no id to swap, but in signed links, for operators, and where the tests of the pages swap it."""
    named = {route for route in routes(get_resolver().url_patterns) if "<" in route or "(?P" in route}
    assert {route for route in named if not route.startswith("admin/")} == {
        "senha/redefinir/<uidb64>/<token>/",  # signed
        "logotipos/<slug:name>.png",  # the hash of what it shows
        # looked for among the account's own
        "configuracoes/usuarios/<int:user_id>/",
        "configuracoes/usuarios/<int:user_id>/papel/",
        "configuracoes/usuarios/<int:user_id>/desativar/",
        "configuracoes/usuarios/<int:user_id>/reativar/",
        "configuracoes/usuarios/<int:user_id>/senha/",
        "configuracoes/usuarios/<int:user_id>/codigo/",
        "configuracoes/usuarios/<int:user_id>/apagar/",
        "configuracoes/usuarios/<int:user_id>/dados/",
        "configuracoes/usuarios/<int:user_id>/desbloquear/",
        "configuracoes/usuarios/<int:user_id>/lembrar/",
        "configuracoes/usuarios/convites/<int:invitation_id>/reenviar/",
        "configuracoes/usuarios/convites/<int:invitation_id>/revogar/",
        "convite/<str:signed>/",  # signed
        "nao-fui-eu/<str:signed>/",  # signed
        "entrar/navegador/<str:signed>/",  # signed
        "retorno/twilio/<int:message_id>/<int:tries>/",  # signed by Twilio; tells nothing back
        "retorno/sinch/<str:signed>/",  # its address is signed by us
        "meu-perfil/sessoes/<int:session_id>/encerrar/",  # one's own
        "meu-perfil/segunda-etapa/<str:kind>/<int:device_id>/nome/",  # one's own
        "meu-perfil/segunda-etapa/<str:kind>/<int:device_id>/remover/",  # one's own
        "configuracoes/usuarios/<int:user_id>/sessoes/encerrar/",  # of the account
        "configuracoes/usuarios/<int:user_id>/telefone/",
    }


# What the page says -----------------------------------------------------------------------------


def figures(browser: Browser) -> list[tuple[str, str]]:
    return re.findall(r"<strong>(\d+)</strong> ([^<]+)</p>", page(browser.get(SETTINGS)))


def test_the_page_counts_the_active_people_of_this_account(
    browser: Browser, alice: User, bob: User, charlie: User, account: Account
) -> None:
    """A-04: and how many of them have no phone yet."""
    person("dora", account)
    person("gone", account, is_active=False)
    enrol(charlie)
    browser.post_password("alice")
    assert "Switch on for 3 users" in page(browser.get(SETTINGS))
    assert ("3", "set a second step up at the next sign-in") in figures(browser)
    enrol(bob)
    enrol(alice, ALICES_NUMBER)
    assert ("1", "sets a second step up at the next sign-in") in figures(browser)
    Account.objects.filter(pk=account.pk).update(two_factor_required=True)
    browser.sign_in("alice")
    assert "Switch off for 3 users" in page(browser.get(SETTINGS))
    assert figures(browser) == [("3", "users on this account"), ("1", "has no second step that counts yet")]


def test_the_switch_explains_itself(browser: Browser, alice: User) -> None:
    browser.post_password("alice")
    shown = page(browser.get(SETTINGS))
    assert "Account Settings" in shown
    assert "Two factor authentication" in shown
    tip = re.search(r'aria-describedby="([^"]+)">i</button>', shown)
    assert tip
    assert f'role="tooltip" id="{tip[1]}"' in shown
    assert "You come first" in shown
    assert not re.search(r'name="two_factor_required"[^>]* checked', shown)


def test_the_switch_sends_nothing_by_itself(browser: Browser, alice: User) -> None:
    """C-07."""
    browser.post_password("alice", PASSWORD)
    browser.post(SETTINGS, ON)
    browser.get("/entrar/introducao/")
    assert deliver() == []
