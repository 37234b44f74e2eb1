"""K-06: a kind that no longer counts opens nothing, and proves once who sets up one that does."""

import re
from base64 import b32decode
from typing import Any

import pytest

from accounts.models import Account, AuditEvent, RateLimit, User
from accounts.users import query as user_query
from tests.authenticator import Authenticator, give_passkey, options_in
from tests.conftest import PASSWORD, Browser, deliver, enrol, last_token, sent_to
from tests.test_app import give_app, token_now
from tests.tools import page
from twofactor.models import AppDevice, Challenge, Passkey, PendingSignIn, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

INTRODUCTION = "/entrar/introducao/"
SETUP = "/entrar/configurar/"
SETUP_APP = "/entrar/configurar/aplicativo/"
SETUP_PASSKEY = "/entrar/configurar/chave/"
CHANNEL = "/entrar/canal/"
LIST = "/meu-perfil/segunda-etapa/"
COLUMNS = {"sms": "sms_tokens", "email": "email_tokens", "app": "app_tokens", "passkey": "passkeys"}


def only(account: Account, *kinds: str) -> None:
    """Let only these kinds count."""
    Account.objects.filter(pk=account.pk).update(**{column: kind in kinds for kind, column in COLUMNS.items()})


def shown_token(browser: Browser, at: str = SETUP_APP) -> str:
    """Read the secret of the page as an app does, and return its token of now."""
    (secret,) = re.findall(r'<code id="secret" class="secret">([A-Z2-7 ]+)</code>', page(browser.get(at)))
    return token_now(b32decode(secret.replace(" ", "")))


def set_app_up(browser: Browser) -> Any:
    assert browser.post(SETUP, {"kind": "app"}).headers["Location"] == SETUP_APP
    return browser.post(SETUP_APP, {"token": shown_token(browser), "name": "work"})


def set_passkey_up(browser: Browser, key: Authenticator) -> Any:
    assert browser.post(SETUP, {"kind": "passkey"}).headers["Location"] == SETUP_PASSKEY
    answer = key.register(options_in(browser.get(SETUP_PASSKEY)))
    return browser.post(SETUP_PASSKEY, {"credential": answer, "name": "laptop"})


# The first set-up where the phone does not count --------------------------------------------------


def test_where_phones_count_the_first_set_up_is_the_phone(browser: Browser, bob: User) -> None:
    """K-06, M5: nothing changes for accounts that let phones count."""
    browser.post_password("bob")
    assert browser.post(INTRODUCTION).headers["Location"] == "/entrar/telefone/"
    for address in (SETUP, SETUP_APP, SETUP_PASSKEY):
        assert browser.get(address).headers["Location"] == "/entrar/telefone/"
        assert browser.post(address, {"kind": "app", "token": "000000"}).headers["Location"] == "/entrar/telefone/"


def test_where_phones_do_not_count_an_app_is_set_up_at_the_sign_in(
    browser: Browser, bob: User, policy: Account
) -> None:
    """K-06: nobody is locked out, and no SMS leaves."""
    only(policy, "app", "passkey")
    browser.post_password("bob")
    assert "SMS do not" in page(browser.get(INTRODUCTION))
    assert browser.post(INTRODUCTION).headers["Location"] == SETUP
    assert browser.get("/entrar/telefone/").headers["Location"] == SETUP
    assert set_app_up(browser).headers["Location"] == "/"
    assert browser.is_in()
    bob.refresh_from_db()
    assert (bob.has_app, bob.has_phone, bob.failures) == (True, False, 0)
    assert Challenge.objects.count() == 0
    assert AuditEvent.objects.get(action="sign_in.verified").data["channel"] == "app"
    browser.post("/sair/")
    assert browser.post_password("bob").headers["Location"] == "/entrar/app/"


def test_where_phones_do_not_count_a_passkey_is_set_up_at_the_sign_in(
    browser: Browser, bob: User, policy: Account
) -> None:
    """K-06."""
    only(policy, "passkey")
    browser.post_password("bob")
    browser.post(INTRODUCTION)
    shown = page(browser.get(SETUP))
    assert 'value="passkey"' in shown
    assert 'value="app"' not in shown
    key = Authenticator()
    assert set_passkey_up(browser, key).headers["Location"] == "/"
    assert browser.is_in()
    browser.post("/sair/")
    browser.post_password("bob")
    browser.post("/entrar/chave/", {"credential": key.sign(options_in(browser.get("/entrar/chave/")))})
    assert browser.is_in()


def test_what_does_not_count_is_not_set_up_by_hand(browser: Browser, bob: User, policy: Account) -> None:
    """K-06: neither by a posted kind nor by its page."""
    only(policy, "passkey")
    browser.post_password("bob")
    browser.post(INTRODUCTION)
    for kind in ("app", "sms", "email", "recovery", "nonsense"):
        browser.post(SETUP, {"kind": kind})
    assert browser.get(SETUP_APP).headers["Location"] == SETUP
    assert not browser.is_in()
    assert not AppDevice.objects.exists()


def test_a_wrong_first_token_of_the_app_binds_nothing(browser: Browser, bob: User, policy: Account) -> None:
    """K-06, L-04: nor does it forgive a failure from before."""
    only(policy, "app")
    User.objects.filter(pk=bob.pk).update(failures=3)
    browser.post_password("bob")
    browser.post(INTRODUCTION)
    browser.post(SETUP, {"kind": "app"})
    right = shown_token(browser)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    assert browser.post(SETUP_APP, {"token": wrong}).status_code == 200
    assert not browser.is_in()
    assert not AppDevice.objects.exists()
    browser.post(SETUP_APP, {"token": right})
    assert browser.is_in()
    bob.refresh_from_db()
    assert bob.failures == 3


def test_a_first_app_whose_key_is_gone_is_set_up_anew(
    browser: Browser, bob: User, policy: Account, settings: Any
) -> None:
    only(policy, "app")
    browser.post_password("bob")
    browser.post(INTRODUCTION)
    browser.post(SETUP, {"kind": "app"})
    settings.FACTOR_KEYS = ["new" * 20]
    assert browser.get(SETUP_APP).headers["Location"] == SETUP
    assert set_app_up(browser).headers["Location"] == "/"


def test_the_mailbox_still_comes_before_a_first_device(browser: Browser, bob: User, policy: Account) -> None:
    """D3, K-06."""
    only(policy, "app")
    Account.objects.filter(pk=policy.pk).update(mailbox_before_phone=True)
    browser.post_password("bob")
    assert browser.post(INTRODUCTION).headers["Location"] == "/entrar/email/"
    assert browser.get(SETUP).headers["Location"] == "/entrar/email/"
    browser.post("/entrar/email/", {"altcha": browser.captcha("/entrar/email/")})
    assert browser.post_token(last_token()).headers["Location"] == SETUP
    set_app_up(browser)
    assert browser.is_in()


# An old factor: proved once, and it opens nothing --------------------------------------------------


def test_an_old_phone_opens_nothing_but_the_enrolment(
    browser: Browser, bobs_phone: PhoneDevice, policy: Account
) -> None:
    """K-06: its right token leads to the set-up; no page of the portal, and no second sign-in comes of it."""
    only(policy, "app", "passkey")
    browser.post_password("bob")
    for address in (INTRODUCTION, SETUP, SETUP_APP, SETUP_PASSKEY, "/entrar/telefone/"):
        assert browser.get(address).headers["Location"] == CHANNEL, "what is there is proved first"
        assert browser.post(address, {"kind": "app"}).headers["Location"] == CHANNEL
    shown = page(browser.get(CHANNEL))
    assert "no longer counts" in shown
    assert 'value="email"' not in shown
    browser.post_channel("sms")
    assert browser.post_token(last_token()).headers["Location"] == INTRODUCTION
    assert not browser.is_in()
    assert Challenge.objects.get().purpose == "old_factor"
    browser.post(INTRODUCTION)
    assert set_app_up(browser).headers["Location"] == "/"
    assert browser.is_in()
    assert AuditEvent.objects.get(action="factor.old_proved").data["channel"] == "sms"


def test_a_right_token_of_an_old_phone_is_no_failure_and_costs_no_send(
    browser: Browser, bobs_phone: PhoneDevice, policy: Account
) -> None:
    """L-04, B-07: only its own attempt is taken back; what is set up next has a captcha and sends of its own (C-06)."""
    only(policy, "app")
    User.objects.filter(username="bob").update(failures=2)
    browser.post_password("bob")
    browser.post_channel("sms")
    assert counted_sends() == {1}
    browser.post_token(last_token())
    assert User.objects.get(username="bob").failures == 2
    assert counted_sends() == {0}
    assert PendingSignIn.objects.values_list("sends", "sends_allowed", "sends_until").get() == (0, 0, None)


def counted_sends() -> set[int]:
    """Return what is counted of the person: of all sends, and of those by one channel."""
    return set(RateLimit.objects.filter(key__startswith="user").values_list("used", flat=True))


def test_a_password_alone_does_not_get_around_an_old_factor(
    browser: Browser, other_browser: Browser, bobs_phone: PhoneDevice, policy: Account
) -> None:
    """K-06: five wrong tokens, another sign-in, the mailbox: no way to the set-up."""
    only(policy, "email", "app")
    browser.post_password("bob")
    browser.post_channel("sms")
    right = last_token()
    for wrong in range(5):
        browser.post_token(f"{(int(right) + 1 + wrong) % 1_000_000:06}")
    assert browser.post_token(right).status_code == 200
    assert browser.get(SETUP).headers["Location"] == "/entrar/token/"
    assert User.objects.get(username="bob").failures == 5
    other_browser.post_password("bob")
    assert other_browser.post_channel("email").status_code == 200
    assert other_browser.get(SETUP).headers["Location"] == CHANNEL
    assert [entry for entry in sent_to("bob@example.com") if "token" in entry["text"].split("\n")[0]] == []
    assert not AppDevice.objects.exists()


def test_an_old_app_is_proved_before_the_first_phone(browser: Browser, bob: User, policy: Account) -> None:
    """K-06: the other way round; the phone is the first set-up again."""
    give_app(bob)
    only(policy, "sms", "email")
    browser.post_password("bob")
    assert browser.get("/entrar/telefone/").headers["Location"] == "/entrar/app/"
    assert "no longer counts" in page(browser.get("/entrar/app/"))
    assert browser.post("/entrar/app/", {"token": token_now()}).headers["Location"] == INTRODUCTION
    assert not browser.is_in()
    browser.post(INTRODUCTION)
    browser.post_phone()
    browser.post_token(last_token())
    assert browser.is_in()


def test_an_old_app_typed_twice_opens_nothing_either(browser: Browser, bob: User, policy: Account) -> None:
    """K-06: its proof is taken; another right token on its page completes no sign-in."""
    give_app(bob)
    only(policy, "passkey")
    browser.post_password("bob")
    browser.post("/entrar/app/", {"token": token_now()})
    AppDevice.objects.update(last_step=0)
    browser.post("/entrar/app/", {"token": token_now()})
    assert not browser.is_in()
    assert not AuditEvent.objects.filter(action="sign_in.verified").exists()
    assert browser.get(SETUP).status_code == 302, "the introduction comes first"


def test_a_token_of_an_old_app_is_used_up(browser: Browser, other_browser: Browser, bob: User, policy: Account) -> None:
    """K-06, T-03: whoever saw it typed proves nothing with it."""
    give_app(bob)
    only(policy, "passkey")
    token = token_now()
    browser.post_password("bob")
    assert browser.post("/entrar/app/", {"token": token}).headers["Location"] == INTRODUCTION
    other_browser.post_password("bob")
    assert other_browser.post("/entrar/app/", {"token": token}).status_code == 200
    assert PendingSignIn.objects.filter(old_factor_proved=True).count() == 1


def test_an_old_passkey_is_proved_before_the_app(browser: Browser, bob: User, policy: Account) -> None:
    """K-06."""
    key = give_passkey(bob)
    only(policy, "app")
    browser.post_password("bob")
    answer = key.sign(options_in(browser.get("/entrar/chave/")))
    assert browser.post("/entrar/chave/", {"credential": answer}).headers["Location"] == INTRODUCTION
    assert not browser.is_in()
    browser.post(INTRODUCTION)
    set_app_up(browser)
    assert browser.is_in()


def test_the_proof_of_an_old_factor_serves_its_own_sign_in_only(
    browser: Browser, other_browser: Browser, bobs_phone: PhoneDevice, policy: Account
) -> None:
    """K-06: another browser that knows the password has to prove it as well."""
    only(policy, "app")
    browser.post_password("bob")
    browser.post_channel("sms")
    browser.post_token(last_token())
    other_browser.post_password("bob")
    assert other_browser.get(SETUP).headers["Location"] == CHANNEL


def test_once_something_counts_the_old_factor_proves_nothing(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, policy: Account
) -> None:
    """K-06: with an app that counts, the old phone is neither offered nor taken."""
    give_app(bob)
    only(policy, "app")
    browser.post_password("bob")
    shown = page(browser.get(CHANNEL))
    assert 'value="sms"' not in shown
    assert "captcha" not in shown, "nothing is sent, so nothing is unlocked"
    assert browser.post(CHANNEL, {"channel": "sms"}).status_code == 200
    assert deliver() == []
    browser.post("/entrar/app/", {"token": token_now()})
    assert browser.is_in()


def test_open_sessions_of_an_old_factor_are_stopped_at_their_next_click(
    browser: Browser, bobs_phone: PhoneDevice, policy: Account
) -> None:
    """K-06, S-05: read at each request."""
    browser.sign_in("bob")
    only(policy, "app")
    assert browser.get("/meu-perfil/").headers["Location"] == CHANNEL
    assert not browser.is_in()


def test_an_old_phone_is_removed_by_its_owner_and_one_that_counts_is_not(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, policy: Account
) -> None:
    """K-06: what no longer counts may always go; the phone that counts is changed instead (R-02)."""
    give_app(bob)
    browser.post_password("bob")
    browser.post("/entrar/app/", {"token": token_now()})
    removal = f"{LIST}sms/{bobs_phone.pk}/remover/"
    assert removal not in page(browser.get(LIST))
    assert browser.post(removal).headers["Location"] == "/confirmar-identidade/"
    only(policy, "app")
    assert removal in page(browser.get(LIST))
    AppDevice.objects.update(last_step=0)
    browser.post("/confirmar-identidade/", {"password": PASSWORD, "channel": "app"})
    browser.post("/confirmar-identidade/", {"token": token_now()})
    browser.post(removal)
    assert not PhoneDevice.objects.exists()
    bob.refresh_from_db()
    assert (bob.has_phone, browser.is_in()) == (False, True)
    assert any("phone was removed" in entry["text"] for entry in sent_to("bob@example.com"))


def test_a_factor_is_added_in_the_profile_where_phones_do_not_count(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, policy: Account
) -> None:
    """K-06: without the policy, too, the old factor proves who adds one that counts."""
    only(policy, "app")
    Account.objects.filter(pk=policy.pk).update(two_factor_required=False)
    browser.post_password("bob")
    assert browser.post(f"{LIST}app/").headers["Location"] == "/confirmar-identidade/"
    browser.post("/confirmar-identidade/", {"password": PASSWORD, "channel": "sms"})
    assert browser.get(f"{LIST}app/").status_code == 302, "the password alone is no proof"
    browser.post("/confirmar-identidade/", {"token": last_token()})
    confirm = f"{LIST}app/"
    browser.post(confirm, {"token": shown_token(browser, confirm), "name": "work"})
    assert AppDevice.objects.get().user == bob


# Operators -----------------------------------------------------------------------------------------


def test_operators_need_what_the_setting_says(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, settings: Any
) -> None:
    """K-06: whatever their account lets count."""
    settings.OPERATOR_FACTORS = ["app", "passkey"]
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    browser.post_password("bob")
    browser.post_channel("sms")
    assert browser.post_token(last_token()).headers["Location"] == INTRODUCTION
    browser.post(INTRODUCTION)
    set_passkey_up(browser, Authenticator())
    assert browser.is_in()
    assert Passkey.objects.get().user == bob


def test_everybody_else_does_not(browser: Browser, bobs_phone: PhoneDevice, settings: Any) -> None:
    """K-06."""
    settings.OPERATOR_FACTORS = ["app", "passkey"]
    browser.sign_in("bob")
    assert browser.is_in()


# Lists ---------------------------------------------------------------------------------------------


def factors_of(account: Account) -> dict[str, str]:
    people: list[Any] = list(user_query.of(account))
    return {person.username: person.factor for person in people}


def test_lists_tell_who_has_a_factor_that_counts(alice: User, bob: User, policy: Account) -> None:
    """K-06: of phone, app and passkey, as the account lets them count."""
    enrol(alice)
    User.objects.filter(pk=bob.pk).update(has_app=True)
    found = factors_of(policy)
    assert found == {"alice": "confirmed", "bob": "confirmed"}
    only(policy, "app")
    policy.refresh_from_db()
    found = factors_of(policy)
    assert found == {"alice": "never", "bob": "confirmed"}
    assert [person.username for person in user_query.without_factor(policy)] == ["alice"]


# Open sessions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("with_phone", [True, False], ids=["phone", "passkey alone"])
def test_a_session_that_the_mailbox_opened_is_stopped_when_e_mail_no_longer_counts(
    browser: Browser, bob: User, policy: Account, with_phone: bool
) -> None:
    """K-06: its device is the phone or the passkey, which count; whoever has the mailbox has neither."""
    give_passkey(bob)
    if with_phone:
        enrol(bob)
    browser.sign_in("bob", "email")
    assert browser.is_in()
    only(policy, "sms", "app", "passkey")
    assert not browser.is_in()
    assert browser.get("/").headers["Location"].startswith("/entrar/")


def test_a_session_goes_on_with_what_was_set_up_in_it(browser: Browser, bob: User, policy: Account) -> None:
    """K-06, K-02: an app that was just proved here counts for the session, whatever opened it."""
    enrol(bob)
    browser.sign_in("bob", "email")
    browser.reauthenticate(f"{LIST}app/")
    confirm = f"{LIST}app/"
    assert browser.post(confirm, {"token": shown_token(browser, confirm), "name": "work"}).headers["Location"] == LIST
    only(policy, "app", "passkey")
    assert browser.is_in()


def test_what_takes_the_place_of_a_removed_device_opened_nothing(browser: Browser, bob: User, policy: Account) -> None:
    """K-06: the app opened the session and is removed; the passkey was never asked for."""
    enrol(bob)
    give_passkey(bob)
    app = give_app(bob)
    browser.post_password("bob")
    assert browser.post("/entrar/app/", {"token": token_now()}).headers["Location"] == "/"
    browser.reauthenticate(f"{LIST}app/{app.pk}/remover/")
    assert not AppDevice.objects.exists()
    assert browser.is_in()
    only(policy, "passkey", "sms")
    assert not browser.is_in()


def test_a_recovery_code_proves_who_sets_up_what_counts(
    browser: Browser, other_browser: Browser, bob: User, policy: Account, bobs_phone: PhoneDevice
) -> None:
    """K-05, K-06: the phone is lost, too. The other sessions end, and this sign-in goes on."""
    other_browser.sign_in("bob")
    code = written_codes(other_browser)[0]
    only(policy, "app", "passkey")
    browser.post_password("bob")
    assert browser.post("/entrar/codigo/", {"token": code}).headers["Location"] == INTRODUCTION
    assert not other_browser.is_in()
    assert not browser.is_in()
    assert browser.post(INTRODUCTION).headers["Location"] == SETUP
    assert set_app_up(browser).headers["Location"] == "/"
    assert browser.is_in()


def written_codes(browser: Browser) -> list[str]:
    made = page(browser.reauthenticate(f"{LIST}codigos/"))
    return re.findall(r"<li[^>]*>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</li>", made)
