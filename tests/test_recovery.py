"""A lost phone, the mailbox before the phone, tokens by SMS only, and another address (R-07, R-08, D1, D3)."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, AuditEvent, User
from accounts.users import email_address
from tests.authenticator import give_passkey
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, person, sent_to
from tests.tools import let_pass, page
from twofactor.models import EmailChange, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

IDENTITY, SETTINGS = "/confirmar-identidade/", "/configuracoes/minha-conta/"
MAILBOX, ADDRESS, CONFIRM = "/entrar/email/", "/meu-perfil/email/", "/meu-perfil/email/confirmar/"
WHY = {"reason": "phone stolen"}
NEW = "robert@example.com"


@pytest.fixture
def alices(browser: Browser, alices_phone: PhoneDevice) -> Browser:
    browser.sign_in("alice")
    return browser


def reset_page(user: User) -> str:
    return f"/configuracoes/usuarios/{user.pk}/telefone/"


def reset(browser: Browser, user: User) -> Any:
    return browser.reauthenticate(reset_page(user), **WHY)


# An administrator resets a phone (R-07) -------------------------------------------------------


@pytest.mark.usefixtures("no_trigger")
def test_a_reset_takes_the_phone_tells_the_person_and_ends_their_sessions(
    alices: Browser, alice: User, bob: User, bobs_phone: PhoneDevice
) -> None:
    """R-07."""
    bobs = Browser()
    bobs.sign_in("bob")
    shown = page(alices.get(reset_page(bob)))
    assert "•••••••21" in shown
    assert "with it the authenticator app, the passkeys and the recovery codes" in shown
    assert reset(alices, bob).status_code == 200
    assert not PhoneDevice.objects.filter(user=bob).exists()
    assert not User.objects.get(pk=bob.pk).has_phone
    assert bobs.get("/").headers["Location"] == "/entrar/", "back to the password, not to the next step"
    assert alices.is_in()
    event = AuditEvent.objects.get(action="phone.reset")
    assert (event.user, event.actor, event.data["reason"]) == (bob, alice, "phone stolen")
    code, told = sent_to("bob@example.com")[:2]
    assert code["subject"] == "A recovery code was made"
    assert told["subject"] == "Your phone was removed from your login"
    assert "phone stolen" in told["text"]
    assert "your passkeys and your recovery codes no longer work" in told["text"]
    assert BOBS_NUMBER[3:] not in told["text"]


def test_a_reset_of_somebody_without_a_phone_names_none(alices: Browser, bob: User) -> None:
    """K-04: only a passkey is there to be taken away."""
    give_passkey(bob)
    reset(alices, bob)
    told = next(mail for mail in sent_to("bob@example.com") if "Reason given" in mail["text"])
    assert "removed your second step" in told["text"]


def test_after_a_reset_the_mailbox_comes_before_the_next_phone(
    alices: Browser, bob: User, bobs_phone: PhoneDevice
) -> None:
    """R-07: whoever knows the password alone binds nothing."""
    reset(alices, bob)
    bobs = Browser()
    bobs.post_password("bob")
    bobs.post("/entrar/introducao/")
    for path in ("/entrar/telefone/", "/entrar/token/", "/entrar/canal/", "/"):
        assert bobs.get(path).headers["Location"] == MAILBOX
    number = {"country": "BR", "number": "31 98765-0000", "altcha": bobs.captcha(MAILBOX)}
    assert bobs.post("/entrar/telefone/", number).headers["Location"] == MAILBOX
    assert bobs.post(MAILBOX, {}).status_code == 200
    sent = len(deliver())
    bobs.post(MAILBOX, {"altcha": bobs.captcha(MAILBOX)})
    assert len(deliver()) == sent + 1
    assert deliver()[0]["to"] == "bob@example.com"
    assert "this mailbox is yours" in deliver()[0]["text"]
    assert bobs.post_token(last_token()).headers["Location"] == "/entrar/telefone/"
    assert not bobs.is_in()
    bobs.post_phone("31 98765-0000")
    assert bobs.post_token(last_token()).headers["Location"] == "/"
    bob.refresh_from_db()
    assert not bob.phone_was_reset


def test_a_reset_needs_a_fresh_proof_and_a_reason(alices: Browser, bob: User, bobs_phone: PhoneDevice) -> None:
    """R-07."""
    assert alices.post(reset_page(bob), WHY).headers["Location"] == IDENTITY
    assert PhoneDevice.objects.filter(user=bob).exists()
    assert alices.post(reset_page(bob), {"reason": ""}).headers["Location"] == IDENTITY, "the last click counts"
    assert alices.prove_identity().status_code == 200
    for reason in ("", " ", "x" * 201):
        assert alices.post(reset_page(bob), {"reason": reason}).status_code == 200
    assert PhoneDevice.objects.filter(user=bob).exists()


def test_a_reset_is_for_administrators_of_the_account(
    alices: Browser, bob: User, bobs_phone: PhoneDevice, charlie: User
) -> None:
    """R-07, A-04."""
    enrol(charlie, "+5531987650000")
    assert alices.get(reset_page(charlie)).status_code == 404
    assert alices.post(reset_page(charlie), WHY).status_code == 404
    bobs = Browser()
    bobs.sign_in("bob")
    assert bobs.get(reset_page(bob)).status_code == 403
    assert bobs.post(reset_page(bob), WHY).status_code == 403


def test_nobody_resets_their_own_phone_or_one_that_is_not_there(alices: Browser, alice: User, bob: User) -> None:
    """A-02: the last administrator cannot reset themselves away."""
    reset(alices, alice)
    assert "You change your own phone in My profile." in page(alices.get(f"/configuracoes/usuarios/{alice.pk}/"))
    assert PhoneDevice.objects.filter(user=alice).exists()
    assert alices.is_in()
    alices.post(reset_page(bob), WHY)
    assert "This user has no phone." in page(alices.get(f"/configuracoes/usuarios/{bob.pk}/"))


def test_the_operator_resets_by_command(alice: User, alices_phone: PhoneDevice) -> None:
    """D4: the last administrator, too; audited."""
    said = StringIO()
    call_command("reset_phone", "alice@example.com", reason="lost, called back", stdout=said)
    assert "phone removed" in said.getvalue()
    event = AuditEvent.objects.get(action="phone.reset")
    assert (event.data["by_operator"], event.data["reason"]) == (True, "lost, called back")
    for login in ("alice", "nobody"):
        with pytest.raises(CommandError):
            call_command("reset_phone", login, reason="again")


def test_a_disavowed_phone_needs_the_mailbox_too(bob: User, browser: Browser) -> None:
    """D3: who enrolled with a found password does not simply enrol again once the login is unlocked."""
    browser.enrol("bob")
    link = sent_to("bob@example.com")[0]["text"].split("http://testserver")[1].split()[0]
    Browser().post(link)
    bob.refresh_from_db()
    assert bob.phone_was_reset


# The mailbox before the first phone (D3) ------------------------------------------------------


def test_an_account_may_ask_for_the_mailbox_first(browser: Browser, bob: User, policy: Account) -> None:
    """D3, P-05."""
    Account.objects.filter(pk=policy.pk).update(mailbox_before_phone=True)
    browser.post_password("bob")
    assert "Step 1 of 4" in page(browser.get("/entrar/introducao/"))
    assert browser.get(MAILBOX).headers["Location"] == "/entrar/introducao/"
    browser.post("/entrar/introducao/")
    assert browser.get("/entrar/telefone/").headers["Location"] == MAILBOX
    browser.post(MAILBOX, {"altcha": browser.captcha(MAILBOX)})
    token = last_token()
    assert browser.post_token("000000" if token != "000000" else "000001").status_code == 200
    assert browser.get("/entrar/telefone/").headers["Location"] == "/entrar/token/"
    browser.post_token(token)
    assert "Step 3 of 4" in page(browser.get("/entrar/telefone/"))
    browser.post_phone()
    assert deliver()[0]["to"] == BOBS_NUMBER
    assert browser.post_token(token).status_code == 200  # T-05: the mailbox's token is none for the phone
    assert browser.post_token(last_token()).headers["Location"] == "/"


def test_a_right_token_of_the_mailbox_is_no_failure_and_is_written_down(
    browser: Browser, bob: User, policy: Account
) -> None:
    """L-04, J-01: what was counted before the comparison is taken back, and nothing more."""
    Account.objects.filter(pk=policy.pk).update(mailbox_before_phone=True)
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    browser.post(MAILBOX, {"altcha": browser.captcha(MAILBOX)})
    token = last_token()
    browser.post_token("000000" if token != "000000" else "000001")
    bob.refresh_from_db()
    assert bob.failures == 1
    browser.post_token(token)
    bob.refresh_from_db()
    assert bob.failures == 1
    (event,) = AuditEvent.objects.filter(action="mailbox.proved")
    assert event.user == bob


def test_who_has_a_phone_is_not_asked_for_it(browser: Browser, bobs_phone: PhoneDevice, policy: Account) -> None:
    """D3."""
    Account.objects.filter(pk=policy.pk).update(mailbox_before_phone=True)
    browser.post_password("bob")
    assert browser.get(MAILBOX).headers["Location"] == "/entrar/canal/"


# No tokens by e-mail (D1) ---------------------------------------------------------------------


def test_an_account_may_do_without_tokens_by_email(browser: Browser, bobs_phone: PhoneDevice, policy: Account) -> None:
    """D1: neither offered nor taken, at the sign-in, on the token's page, or where it is asked who it is."""
    Account.objects.filter(pk=policy.pk).update(email_tokens=False)
    browser.post_password("bob")
    shown = page(browser.get("/entrar/canal/"))
    assert 'value="email"' not in shown
    assert "Your account sends tokens by SMS only." in shown
    assert browser.post_channel("email").status_code == 200
    browser.post_channel("sms")
    assert 'value="email"' not in page(browser.get("/entrar/token/"))
    browser.post_token(last_token())
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    assert 'value="email"' not in page(browser.get("/meu-perfil/telefone/confirmar/"))
    fields = {"password": PASSWORD, "channel": "email"}
    assert browser.post("/meu-perfil/telefone/confirmar/", fields).status_code == 200
    assert sent_to("bob@example.com") == []


def test_the_options_are_changed_with_a_fresh_proof_and_audited(alices: Browser, policy: Account) -> None:
    """D1, D3, A-01."""
    assert alices.post(f"{SETTINGS}opcoes/", {"mailbox_before_phone": "on"}).headers["Location"] == IDENTITY
    policy.refresh_from_db()
    assert not policy.mailbox_before_phone
    assert alices.prove_identity().headers["Location"] == SETTINGS
    policy.refresh_from_db()
    assert (policy.email_tokens, policy.mailbox_before_phone, policy.two_factor_required) == (True, True, True)
    event = AuditEvent.objects.get(action="policy.options_changed")
    assert event.data == {"mailbox_before_phone": True}
    again = {"mailbox_before_phone": "on"}
    assert alices.post(f"{SETTINGS}opcoes/", again).headers["Location"] == SETTINGS


def test_the_mailbox_stays_while_no_sms_can_leave(alices: Browser, policy: Account, settings: Any) -> None:
    """D1, A-02: nobody is locked out."""
    settings.SMS_GATEWAYS = []
    refused = alices.post(f"{SETTINGS}fatores/", {"kinds": "sms"})
    assert refused.status_code == 200
    assert 'role="alert"' in page(refused)
    policy.refresh_from_db()
    assert policy.email_tokens


def test_the_options_are_the_administrators(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """A-01."""
    browser.sign_in("bob")
    assert browser.post(f"{SETTINGS}opcoes/", {}).status_code == 403


# Another address (R-08) -----------------------------------------------------------------------


@pytest.fixture
def bobs(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    browser.sign_in("bob")
    return browser


def prove(browser: Browser, email: str = NEW) -> None:
    """Walk up to the token of the new address."""
    assert browser.post(ADDRESS, {"email": email}).headers["Location"] == CONFIRM
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    browser.post(CONFIRM, {"token": last_token()})


def test_the_address_changes_after_both_proofs_and_both_are_told(bobs: Browser, bob: User) -> None:
    """R-08."""
    other = Browser()
    let_pass(3000)
    other.sign_in("bob", "email")
    let_pass(61)
    prove(bobs, "Robert@Example.com")
    assert deliver()[0]["to"] == NEW
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"
    assert bobs.post(CONFIRM, {"token": last_token()}).headers["Location"] == "/meu-perfil/"
    bob.refresh_from_db()
    assert bob.email == NEW
    assert [mail["to"] for mail in deliver() if mail["subject"] == "Your e-mail address was changed"].count(NEW) == 1
    told = sent_to("bob@example.com")[0]
    assert told["subject"] == "Your e-mail address was changed"
    assert "r•••@example.com instead of b•••@example.com" in told["text"]
    assert bobs.is_in()
    assert not other.is_in()
    assert AuditEvent.objects.get(action="email.changed").data["after"] == "r•••@example.com"


def test_a_stolen_session_changes_no_address(bobs: Browser, bob: User) -> None:
    """R-08, R-01."""
    bobs.post(ADDRESS, {"email": NEW})
    sent = len(deliver())
    for fields in ({"token": "123456"}, {"password": "wrong"}, {"holder_proved": "on"}, {}):
        assert bobs.post(CONFIRM, fields).status_code == 200
    assert len(deliver()) == sent
    bobs.post(CONFIRM, {"password": PASSWORD})
    token = last_token()
    bobs.post(CONFIRM, {"token": token})
    assert bobs.post(CONFIRM, {"token": token}).status_code == 200  # T-05: the first token is not the second
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"


def test_an_address_that_somebody_has_is_refused_without_a_word(bobs: Browser, bob: User, charlie: User) -> None:
    """R-08: the same pages; the holder gets a notice instead of a token."""
    prove(bobs, NEW)
    free = page(bobs.get(CONFIRM))
    let_pass(61)
    prove(bobs, charlie.email)
    taken = page(bobs.get(CONFIRM))
    number = re.compile(r'name="asked" value="\d+"')  # of the change, which is another one
    assert number.sub("", taken.replace(charlie.email, NEW)) == number.sub("", free)
    mails = sent_to(charlie.email)
    assert [mail["subject"] for mail in mails] == ["Somebody wanted to use your e-mail address"]
    assert "bob" not in mails[0]["text"].lower()
    let_pass(61)
    bobs.post(CONFIRM, {"action": "resend"})
    assert len(sent_to(charlie.email)) == 1


def test_an_address_that_is_taken_meanwhile_is_refused(bobs: Browser, bob: User, policy: Account) -> None:
    """R-08: the database decides."""
    prove(bobs)
    person("robert", policy)
    assert "This address cannot be used." in page(bobs.post(CONFIRM, {"token": last_token()}))
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"


@pytest.mark.parametrize(("typed", "said"), [("bob@EXAMPLE.com", "already your address"), ("bob", "valid email")])
def test_an_address_that_will_not_do(bobs: Browser, typed: str, said: str) -> None:
    answer = bobs.post(ADDRESS, {"email": typed})
    assert answer.status_code == 200
    assert said in page(answer)


def test_the_change_of_an_address_can_be_given_up_and_grows_old(bobs: Browser) -> None:
    """R-02."""
    prove(bobs)
    assert "was not changed" in page(bobs.post(CONFIRM, {"action": "cancel"}, follow=True))
    assert not EmailChange.objects.exists()
    let_pass(61)
    prove(bobs)
    let_pass(301)
    assert "took too long" in page(bobs.get(CONFIRM, follow=True))


def test_without_a_phone_the_password_is_the_first_proof(browser: Browser, policy: Account, bob: User) -> None:
    """R-08."""
    Account.objects.filter(pk=policy.pk).update(two_factor_required=False)
    browser.post_password("bob")
    browser.post(ADDRESS, {"email": NEW})
    browser.post(CONFIRM, {"password": PASSWORD})
    assert [mail["to"] for mail in deliver()] == [NEW]
    browser.post(CONFIRM, {"token": last_token()})
    bob.refresh_from_db()
    assert bob.email == NEW


def test_an_administrator_with_a_phone_of_their_own_is_no_exception(alices: Browser, alice: User) -> None:
    """R-01: nor is one who resets others."""
    assert alice.phone_device.number == ALICES_NUMBER
    assert alices.post(ADDRESS, {"email": NEW}).headers["Location"] == CONFIRM
    assert not alices.post(CONFIRM, {"token": "123456"}).headers.get("Location")


def test_the_holder_of_an_address_that_is_asked_for_is_told_once_a_day(bob: User) -> None:
    """B-15: asked for forty times, one mail; each is written down."""
    for day in (1, 2):
        for _ in range(40):
            email_address.notify_address_taken("bob@example.com")
        assert (
            len([mail for mail in sent_to("bob@example.com") if mail["subject"].startswith("Somebody wanted")]) == day
        )
        let_pass(86_401)
    assert AuditEvent.objects.filter(action="email.wished_by_another").count() == 80
