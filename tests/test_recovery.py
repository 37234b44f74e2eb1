"""A lost phone, the mailbox before the phone, tokens by SMS only, and another address (R-07, R-08, D1, D3)."""

import re
from collections import Counter
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.dashboard import stats
from accounts.models import Account, AuditEvent, RateLimit, User
from accounts.users import email_address
from messaging.delivery import gateways
from messaging.delivery.failure_reasons import Fault
from tests.authenticator import give_passkey
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, person, sent_to
from tests.tools import let_pass, page
from twofactor.email_change import flows as email_changes
from twofactor.exceptions import ChannelRefused, TokenUsed
from twofactor.factors.sent.factor import SentToken
from twofactor.models import EmailChange, PendingSignIn, PhoneDevice
from twofactor.sign_in import flows as sign_ins
from twofactor.sign_in import query
from twofactor.tokens import challenges

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

IDENTITY, SETTINGS = "/confirmar-identidade/", "/configuracoes/minha-conta/"
MAILBOX, CODE = "/entrar/email/", "/entrar/codigo/"
ADDRESS, CONFIRM = "/meu-perfil/email/", "/meu-perfil/email/confirmar/"
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


@pytest.mark.parametrize(
    ("kinds", "then"),
    [({"passkeys": True}, "/entrar/configurar/"), ({"sms_tokens": True, "passkeys": True}, "/entrar/telefone/")],
)
def test_where_email_does_not_count_the_administrators_code_comes_before_the_next_device(
    alices: Browser, policy: Account, bob: User, bobs_phone: PhoneDevice, kinds: dict[str, bool], then: str
) -> None:
    """R-07: an account that trusts no mailbox with a sign-in trusts none with what opens all later ones."""
    nothing = dict.fromkeys(("sms_tokens", "email_tokens", "app_tokens", "passkeys"), False)
    shown = reset(alices, bob)
    Account.objects.filter(pk=policy.pk).update(**nothing | kinds)
    code = re.search(r"(?:[0-9]{5} ){3}[0-9]{5}", page(shown))
    assert code
    bobs = Browser()
    bobs.post_password("bob")
    bobs.post("/entrar/introducao/")
    sent = len(deliver())
    for path in (MAILBOX, "/entrar/telefone/", "/entrar/configurar/", "/entrar/token/", "/entrar/canal/", "/"):
        assert bobs.get(path).headers["Location"] == CODE
        assert bobs.post(path, {"altcha": "x", "kind": "passkey"}).headers["Location"].startswith(CODE)
    asked = page(bobs.get(CODE))
    assert "an e-mail does not prove here who you are" in asked
    assert MAILBOX not in asked
    assert len(deliver()) == sent
    assert bobs.post(CODE, {"code": code[0]}).headers["Location"] == then
    assert bobs.get("/").headers["Location"] == then


def test_a_reset_says_what_comes_next_where_email_does_not_count(
    alices: Browser, policy: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """R-07: to who does it, and to whom it is done."""
    Account.objects.filter(pk=policy.pk).update(email_tokens=False)
    assert "they type a recovery code first" in page(alices.get(reset_page(bob)))
    reset(alices, bob)
    told = next(mail for mail in sent_to("bob@example.com") if "Reason given" in mail["text"])
    assert "you type a recovery code first" in told["text"]
    assert "you confirm this mailbox first" not in told["text"]


def test_who_is_new_confirms_the_mailbox_where_email_does_not_count(
    browser: Browser, policy: Account, bob: User
) -> None:
    """D3: nobody has given them a code, and nothing was taken away."""
    Account.objects.filter(pk=policy.pk).update(email_tokens=False, mailbox_before_phone=True)
    browser.post_password("bob")
    assert browser.post("/entrar/introducao/").headers["Location"] == MAILBOX


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


def test_a_right_token_of_the_mailbox_is_no_failure_costs_no_send_and_is_written_down(
    browser: Browser, bob: User, policy: Account
) -> None:
    """L-04, B-07, J-01: what was counted before the comparison is taken back, and nothing more; the phone has a captcha
    and sends of its own (C-06)."""
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
    assert set(RateLimit.objects.filter(key__startswith="user").values_list("used", flat=True)) == {0}
    assert PendingSignIn.objects.values_list("sends", "sends_allowed", "sends_until").get() == (0, 0, None)


@pytest.fixture
def at_mailbox(browser: Browser, bob: User, policy: Account) -> Browser:
    """Bob's browser where the mailbox comes before the first phone."""
    Account.objects.filter(pk=policy.pk).update(mailbox_before_phone=True)
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    return browser


def under_way() -> PendingSignIn:
    """Read the only pending sign-in as a request does."""
    pending = query.of_session(PendingSignIn.objects.get().session_hash)
    assert pending
    return pending


def test_a_token_of_the_mailbox_is_used_up(at_mailbox: Browser) -> None:
    """T-03: of two tabs that type it at the same moment one goes on."""
    at_mailbox.post(MAILBOX, {"altcha": at_mailbox.captcha(MAILBOX)})
    one, other = under_way(), under_way()
    challenge = challenges.verify(one, last_token())
    sign_ins.prove_mailbox(one, challenge)
    with pytest.raises(TokenUsed):
        sign_ins.prove_mailbox(other, challenge)


def test_a_mailbox_that_proves_nothing_by_now_opens_no_enrolment(at_mailbox: Browser, bob: User) -> None:
    """R-10: the token was asked for before the password was reset by e-mail."""
    at_mailbox.post(MAILBOX, {"altcha": at_mailbox.captcha(MAILBOX)})
    token = last_token()
    User.objects.filter(pk=bob.pk).update(mailbox_suspect=True)
    at_mailbox.post_token(token)
    assert not PendingSignIn.objects.get().mailbox_proved


def test_a_mailbox_that_proves_nothing_is_sent_no_token(at_mailbox: Browser, bob: User) -> None:
    """R-10."""
    User.objects.filter(pk=bob.pk).update(mailbox_suspect=True)
    with pytest.raises(ChannelRefused):
        sign_ins.start_mailbox_proof(under_way(), captcha="solved")
    assert deliver() == []


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


def test_what_the_change_of_the_address_sent_is_given_back_and_is_no_failure(bobs: Browser, bob: User) -> None:
    """B-07, L-04; and its beginning is written down (J-01, J-02)."""
    prove(bobs)
    started = AuditEvent.objects.get(action="email.change_started")
    assert (started.user, started.data) == (bob, {"address": "r•••@example.com"})
    User.objects.filter(pk=bob.pk).update(failures=2)
    bobs.post(CONFIRM, {"token": last_token()})
    bob.refresh_from_db()
    assert (bob.email, bob.failures) == (NEW, 2)
    assert set(RateLimit.objects.filter(key__startswith="user").values_list("used", flat=True)) == {0}


def test_a_token_of_the_new_address_is_used_up(bobs: Browser) -> None:
    """T-03: of two tabs that type it at the same moment one changes the address."""
    prove(bobs)
    change = EmailChange.objects.get()
    verified = SentToken(challenges.verify(change, last_token()))
    email_changes.complete_email_change(change, verified)
    with pytest.raises(TokenUsed):
        email_changes.complete_email_change(change, verified)


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


def test_an_address_that_somebody_has_is_refused_silently(bobs: Browser, bob: User, charlie: User) -> None:
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


def told_of(account: Account, asker: str, email: str) -> dict[str, Any]:
    """Ask five times for an address; return what the account and the person can read of it afterwards."""
    user, browser = person(asker, account), Browser()
    enrol(user, f"+551198766{user.pk:04d}")
    browser.sign_in(asker)
    shown = []
    for _time in range(5):
        prove(browser, email)
        deliver()
        shown.append(browser.get(f"{CONFIRM}estado/").json())
        let_pass(61)
    deliver()
    events = AuditEvent.objects.filter(user=user, action__startswith="challenge.").order_by("pk")
    facts = ("purpose", "channel", "scope")
    return {
        "shown": shown,
        "events": [(event.action, *(event.data.get(fact) for fact in facts)) for event in events],
        "messages": [
            (message["channel"], message["kind"], message["state"])
            for message in browser.get("/meu-perfil/dados/").json()["messages"]
        ],
    }


def test_nothing_that_an_account_can_read_tells_a_free_address_from_one_that_somebody_has(
    account: Account, charlie: User
) -> None:
    """R-08, C-09: neither the log, nor a person's own data, nor the figures of the day."""
    mine, theirs = (Account.objects.create(name=name, two_factor_required=True) for name in ("Aurora", "Boreal"))
    free, taken = told_of(mine, "mal", NEW), told_of(theirs, "mel", charlie.email)
    assert free == taken
    assert ("challenge.withheld", "change_email", None, "mailbox_typed") in free["events"], "after three in ten minutes"
    assert ("email", "token", "sent") not in free["messages"]
    figures = [sum((Counter(day.counts) for day in stats.days(each, 2)), Counter()) for each in (mine, theirs)]
    assert figures[0] == figures[1]
    assert figures[0]["token.sms.sent"] == 6


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.OURS, Fault.NUMBER, Fault.UNSURE])
def test_a_mail_server_that_refuses_tells_them_apart_neither(
    account: Account, charlie: User, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """R-08: greylisting, an outage, a full mailbox: only what leaves can be refused, and only to a free address."""

    def refuse(*_words: object) -> None:
        raise gateways.GatewayError("smtp-450", fault)

    monkeypatch.setattr(gateways, "send_email", refuse)
    mine, theirs = (Account.objects.create(name=name, two_factor_required=True) for name in ("Aurora", "Boreal"))
    free, taken = told_of(mine, "mal", NEW), told_of(theirs, "mel", charlie.email)
    assert free == taken
    assert free["shown"][0] == {"state": "going", "text": "On its way."}


def test_a_token_to_an_address_is_in_the_data_of_a_person_once_it_was_typed(bobs: Browser) -> None:
    """R-13."""
    prove(bobs)
    assert [told["channel"] for told in bobs.get("/meu-perfil/dados/").json()["messages"]] == ["sms", "sms"]
    bobs.post(CONFIRM, {"token": last_token()})
    kinds = [(told["channel"], told["kind"]) for told in bobs.get("/meu-perfil/dados/").json()["messages"]]
    assert ("email", "token") in kinds


def test_an_address_that_is_taken_meanwhile_is_refused(bobs: Browser, bob: User, policy: Account) -> None:
    """R-08: the database decides."""
    prove(bobs)
    person("robert", policy)
    assert "This address cannot be used." in page(bobs.post(CONFIRM, {"token": last_token()}))
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"


@pytest.mark.parametrize(("typed", "said"), [("bob@EXAMPLE.com", "already your address"), ("bob", "valid email")])
def test_an_invalid_address_is_refused(bobs: Browser, typed: str, said: str) -> None:
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
