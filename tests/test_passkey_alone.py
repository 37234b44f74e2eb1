"""K-04: signing in by passkey alone, where the account lets it: one key, unlocked, is two factors in one."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import Account, AuditEvent, Session, User
from accounts.new_device_alerts import look_at
from messaging.delivery.models import Message
from tests.authenticator import PRESENT, Authenticator, decoded, encoded, give_passkey
from tests.conftest import PASSWORD, Browser, deliver, enrol, last_token, sent_to
from tests.tools import let_pass, page
from twofactor.exceptions import PasskeyLate
from twofactor.factors.passkeys import alone, open_challenges
from twofactor.models import Passkey, PendingSignIn, PhoneDevice

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db

SIGN_IN, HERE, ASK = "/entrar/", "/entrar/so-com-chave/", "/entrar/so-com-chave/pedido/"
SETTINGS, SWITCH = "/configuracoes/minha-conta/", "/configuracoes/minha-conta/chaves/"
CONFIRM = "/confirmar-identidade/"
ALONE = "alone does not sign in here"


def let(account: Account, allowed: bool = True) -> None:
    Account.objects.filter(pk=account.pk).update(passkeys_alone=allowed)
    alone.forget_offer()


@pytest.fixture
def allowed(policy: Account) -> Account:
    let(policy)
    return policy


@pytest.fixture
def bobs_key(bob: User, bobs_phone: PhoneDevice) -> Authenticator:
    return give_passkey(bob)


def asked(browser: Browser) -> dict[str, Any]:
    browser.get(SIGN_IN)
    answer = browser.get(ASK)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def bring(browser: Browser, answer: str, **fields: str) -> Any:
    return browser.post(HERE, {"credential": answer, **fields})


def sign_in(browser: Browser, key: Authenticator, **lies: Any) -> Any:
    return bring(browser, key.sign(asked(browser), **lies))


def refused(browser: Browser, answer: Any, words: str = ALONE) -> None:
    """See that nobody is in, that the page says why in one sentence, and that the password is open."""
    assert (answer.status_code, answer.headers["Location"]) == (302, SIGN_IN)
    shown = page(browser.get(SIGN_IN))
    assert words in shown
    assert 'name="password"' in shown
    assert not browser.is_in()
    assert not PendingSignIn.objects.exists()


# Getting in --------------------------------------------------------------------------------------


def test_a_passkey_alone_signs_in(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator, django_assert_max_num_queries: Any
) -> None:
    answer = bobs_key.sign(asked(browser))
    with django_assert_max_num_queries(16):
        assert bring(browser, answer).headers["Location"] == "/"
    assert browser.is_in()
    assert deliver() == []
    pending = PendingSignIn.objects.get()
    assert pending.completed_at
    (event,) = AuditEvent.objects.filter(user=bob)
    assert (event.action, event.data["channel"]) == ("sign_in.verified", "passkey_alone")
    passkey = Passkey.objects.get()
    assert (passkey.sign_count, passkey.last_used_at is None) == (1, False)
    bob.refresh_from_db()
    assert bob.last_login
    (session,) = Session.objects.all()
    assert session.user == bob


def test_the_session_is_a_verified_one(browser: Browser, allowed: Account, bobs_key: Authenticator) -> None:
    """S-01: the gate asks for nothing more, and a proof is asked for as of everybody."""
    sign_in(browser, bobs_key)
    assert browser.get("/meu-perfil/").status_code == 200
    assert browser.post("/meu-perfil/sessoes/encerrar-outras/").headers["Location"] == CONFIRM


def test_the_browser_is_a_known_one_afterwards(browser: Browser, allowed: Account, bobs_key: Authenticator) -> None:
    """B-02."""
    assert "browser" in sign_in(browser, bobs_key).cookies


@pytest.mark.parametrize("language", ["", "es"])
def test_the_browser_keeps_the_language_of_the_person(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator, language: str
) -> None:
    """As after a password: the sign-in page is in it next time. Without one it stays the browser's."""
    User.objects.filter(pk=bob.pk).update(language=language)
    sign_in(browser, bobs_key)
    browser.post("/sair/")
    assert browser.get(SIGN_IN).headers["Content-Language"] == (language or "en")


def test_a_new_device_is_announced_as_after_every_sign_in(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator
) -> None:
    """ASVS 6.3.5."""
    for agent in ("Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0", "Mozilla/5.0 (Windows NT 10.0) Firefox/131.0"):
        fresh = Browser(headers={"user-agent": agent})
        sign_in(fresh, bobs_key)
        look_at(AuditEvent.objects.filter(action="sign_in.verified").latest("pk"))
    assert AuditEvent.objects.filter(action="sign_in.new_place", user=bob).count() == 1


def test_it_opens_the_page_first_asked_for(browser: Browser, allowed: Account, bobs_key: Authenticator) -> None:
    answer = bobs_key.sign(asked(browser))
    assert bring(browser, answer, next="/meu-perfil/").headers["Location"] == "/meu-perfil/"


def test_a_sign_in_leads_to_no_page_of_another_site(
    browser: Browser, allowed: Account, bobs_key: Authenticator
) -> None:
    """S-12."""
    answer = bobs_key.sign(asked(browser))
    assert bring(browser, answer, next="https://evil.example/").headers["Location"] == "/"


def test_a_refusal_keeps_the_page_first_asked_for(browser: Browser, allowed: Account) -> None:
    answer = bring(browser, "", next="/meu-perfil/")
    assert answer.headers["Location"] == "/entrar/?next=%2Fmeu-perfil%2F"


def test_a_passkey_alone_signs_in_without_the_policy_too(browser: Browser, bob: User, account: Account) -> None:
    let(account)
    assert sign_in(browser, give_passkey(bob)).headers["Location"] == "/"
    assert browser.is_in()


def test_the_session_has_a_new_id(browser: Browser, allowed: Account, bobs_key: Authenticator) -> None:
    """S-03: session fixation. What was begun in this browser before is over."""
    browser.post_password("bob")
    before = browser.cookies["session"].value
    pending = PendingSignIn.objects.get()
    assert sign_in(browser, bobs_key).headers["Location"] == "/"
    assert browser.cookies["session"].value != before
    other = Browser()
    other.cookies["session"] = before
    assert other.get("/entrar/canal/").headers["Location"] == SIGN_IN
    assert PendingSignIn.objects.get(pk=pending.pk).completed_at is None


def test_what_an_administrator_had_begun_here_is_not_done_by_somebody_else(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator, charlie: User
) -> None:
    """A-02: the date that Charlie came for would be set for Bob's account."""
    User.objects.filter(pk=bob.pk).update(role="administrator")
    Account.objects.filter(pk=charlie.account_id).update(two_factor_required=False)
    browser.post_password("charlie")
    browser.post(f"{SETTINGS}data/", {"starts": "2027-01-31"})
    browser.post_password("charlie")
    assert sign_in(browser, bobs_key).headers["Location"] == "/"
    assert not Account.objects.exclude(two_factor_from=None).exists()


def test_a_right_answer_clears_the_failures_of_the_second_step(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator
) -> None:
    """L-04, L-07: and says how many there were."""
    User.objects.filter(pk=bob.pk).update(failures=6)
    sign_in(browser, bobs_key)
    assert "6 wrong tokens in a row" in page(browser.get("/"))
    bob.refresh_from_db()
    assert bob.failures == 0


# Not getting in ----------------------------------------------------------------------------------


def test_an_account_without_the_switch_signs_nobody_in(
    browser: Browser, policy: Account, charlie: User, bobs_key: Authenticator
) -> None:
    """Read at each answer: another account's yes is none for Bob."""
    let(charlie.account)
    refused(browser, sign_in(browser, bobs_key))
    let(policy)
    assert sign_in(browser, bobs_key).headers["Location"] == "/"


def test_the_switch_holds_for_the_page_that_is_open(
    browser: Browser, allowed: Account, bobs_key: Authenticator
) -> None:
    answer = bobs_key.sign(asked(browser))
    let(allowed, allowed=False)
    refused(browser, bring(browser, answer))


@pytest.mark.parametrize(
    "choice",
    [{"passkeys": False}, {"factors_next": "sms email", "factors_from": LONG_AGO}],
    ids=["now", "since a date that nobody has written down yet"],
)
def test_where_no_passkey_counts_none_counts_alone(
    browser: Browser, allowed: Account, bobs_key: Authenticator, choice: dict[str, Any]
) -> None:
    """K-06."""
    Account.objects.filter(pk=allowed.pk).update(**choice)
    refused(browser, sign_in(browser, bobs_key))


@pytest.mark.parametrize(
    "fact",
    [{"is_active": False}, {"account__is_active": False}, {"locked_at": "2026-01-01T00:00Z"}],
    ids=["deactivated", "account", "locked"],
)
def test_a_person_who_may_not_sign_in_does_not(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator, charlie: User, fact: dict[str, Any]
) -> None:
    """S-06. Charlie's account keeps the offer on the page."""
    let(charlie.account)
    for name, value in fact.items():
        if name.startswith("account__"):
            Account.objects.filter(pk=allowed.pk).update(**{name.removeprefix("account__"): value})
        else:
            User.objects.filter(pk=bob.pk).update(**{name: value})
    refused(browser, sign_in(browser, bobs_key))


@pytest.mark.parametrize(
    ("facts", "flags"),
    [({"flags": PRESENT}, None), ({"is_discoverable": False}, None), ({}, PRESENT)],
    ids=["registered unverified", "not discoverable", "signed unverified"],
)
def test_a_key_that_is_one_factor_only_signs_nobody_in(
    browser: Browser, allowed: Account, bob: User, bobs_phone: PhoneDevice, facts: dict[str, Any], flags: int | None
) -> None:
    """User verification, when it was added and now; and nothing but a discoverable one. After the password it does."""
    key = give_passkey(bob, **facts)
    handle = encoded(decoded(key.user_handle))
    key.is_discoverable = True  # whoever writes the answer by hand
    lies: dict[str, Any] = {"user_handle": handle, "flags": flags or PRESENT | 4}
    refused(browser, sign_in(browser, key, **lies))
    browser.post_password("bob")
    options = json.loads(unescape(re.findall(r'data-options="([^"]+)"', page_raw(browser, "/entrar/chave/"))[0]))
    answer = browser.post("/entrar/chave/", {"credential": key.sign(options)})
    assert answer.headers["Location"] == "/"


def page_raw(browser: Browser, path: str) -> str:
    text: str = browser.get(path).content.decode()
    return text


@pytest.mark.parametrize(
    "lies",
    [
        {"origin": "http://testserver.example"},
        {"rp_id": "example.com"},
        {"type": "webauthn.create"},
        {"flags": 0},
        {"user_handle": ""},
        {"user_handle": "AAAA"},
    ],
    ids=["origin", "rp id", "type", "nobody present", "no handle", "somebody else's handle"],
)
def test_a_forged_answer_is_refused(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator, lies: dict[str, Any]
) -> None:
    """L-06: and counts nowhere, for no password came before it; it is written down."""
    refused(browser, sign_in(browser, bobs_key, **lies))
    bob.refresh_from_db()
    assert bob.failures == 0
    assert AuditEvent.objects.filter(action="passkey.alone_refused", user=bob).count() == 1


def test_nobody_learns_who_has_a_key(
    browser: Browser, other_browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator
) -> None:
    """C-09: the name of a key that is known, and one that is not."""
    forged = Authenticator(credential_id=bobs_key.credential_id, user_handle=bobs_key.user_handle)
    refused(browser, sign_in(browser, forged))
    refused(other_browser, sign_in(other_browser, Authenticator()))
    assert [event.user for event in AuditEvent.objects.filter(action="passkey.alone_refused").order_by("pk")] == [
        bob,
        None,
    ]


def test_a_robot_fills_neither_the_audit_log_nor_a_table(browser: Browser, allowed: Account, bob: User) -> None:
    """B-16."""
    for _each in range(15):
        browser.get(ASK)
        sign_in(browser, Authenticator())
    assert AuditEvent.objects.count() == 10
    assert (PendingSignIn.objects.count(), Session.objects.count(), Message.objects.count()) == (0, 0, 0)


def test_what_no_browser_sends_is_not_even_written_down(browser: Browser, allowed: Account) -> None:
    for answer in ("", "{", "x" * 20_001, '{"id": "x", "response": {"clientDataJSON": "bnVsbA"}}'):
        assert bring(browser, answer).headers["Location"] == SIGN_IN
    assert not AuditEvent.objects.exists()
    assert not browser.is_in()


def test_a_key_does_not_wait_for_the_pause_after_wrong_tokens(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator
) -> None:
    """B-12: whoever knows the password causes the pause; nobody guesses a signature."""
    for _each in range(10):
        fresh = Browser()
        fresh.post_password("bob")
        fresh.post("/entrar/chave/", {"credential": sign_wrong(fresh, bobs_key)})
    bob.refresh_from_db()
    assert bob.failures_until
    assert sign_in(browser, bobs_key).headers["Location"] == "/"


def sign_wrong(browser: Browser, key: Authenticator) -> str:
    options = json.loads(unescape(re.findall(r'data-options="([^"]+)"', page_raw(browser, "/entrar/chave/"))[0]))
    return key.sign(options, origin="http://evil.example")


def test_a_signature_counter_that_goes_back_is_notified(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator
) -> None:
    Passkey.objects.update(sign_count=7)
    refused(browser, sign_in(browser, bobs_key, sign_count=7), "counted backwards")
    assert AuditEvent.objects.filter(action="passkey.stepped_back", user=bob).count() == 1
    assert [mail for mail in sent_to(bob.email) if "smaller number" in mail["text"]]


# The challenge -----------------------------------------------------------------------------------


def test_the_same_answer_signs_nobody_in_twice(browser: Browser, allowed: Account, bob: User) -> None:
    """Replay, by a key that never counts."""
    key = give_passkey(bob, counts=False)
    answer = key.sign(asked(browser))
    cookies = browser.cookies.output(header="", sep=";")
    assert bring(browser, answer).headers["Location"] == "/"
    again = Browser()
    again.cookies.load(cookies)
    assert bring(again, answer).headers["Location"] == SIGN_IN
    assert "answered before" in page(again.get(SIGN_IN))
    assert not again.is_in()
    assert PendingSignIn.objects.count() == 1
    assert AuditEvent.objects.filter(action="sign_in.verified").count() == 1


def test_an_answer_is_good_in_the_browser_that_asked(
    browser: Browser, other_browser: Browser, allowed: Account, bobs_key: Authenticator
) -> None:
    """Whoever gets hold of an answer has no use of it."""
    answer = bobs_key.sign(asked(browser))
    asked(other_browser)
    refused(other_browser, bring(other_browser, answer), "took too long")
    assert bring(browser, answer).headers["Location"] == "/"


def test_nobody_is_signed_in_as_somebody_else_by_a_foreign_page(allowed: Account, bobs_key: Authenticator) -> None:
    """Login CSRF: the form wants the secret of the browser that sends it."""
    strict = Browser(enforce_csrf_checks=True)
    answer = bobs_key.sign(asked(strict))
    assert bring(strict, answer).status_code == 403
    assert not strict.is_in()


def test_a_challenge_ends_after_five_minutes(
    browser: Browser, allowed: Account, bobs_key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, other = bobs_key.sign(asked(browser)), bobs_key.sign(asked(browser))
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("django.core.signing.time.time", lambda: now + 302)
        refused(browser, bring(browser, answer), "took too long")
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 290)
    assert bring(browser, other).headers["Location"] == "/"


@pytest.mark.parametrize("challenge", [b"", b"\xff\xfe", b"x" * 32, b"a:b:c"])
def test_a_challenge_that_is_not_ours_is_refused(
    browser: Browser, allowed: Account, bobs_key: Authenticator, challenge: bytes
) -> None:
    asked(browser)
    refused(browser, bring(browser, bobs_key.sign({"challenge": encoded(challenge)})), "took too long")


def test_the_challenge_of_a_second_step_is_none(
    browser: Browser, other_browser: Browser, allowed: Account, bobs_key: Authenticator
) -> None:
    """And this one is none for a second step."""
    other_browser.post_password("bob")
    shown = page_raw(other_browser, "/entrar/chave/")
    options = json.loads(unescape(re.findall(r'data-options="([^"]+)"', shown)[0]))
    assert bring(other_browser, bobs_key.sign(options)).headers["Location"] == SIGN_IN
    other_browser.post("/entrar/chave/", {"credential": bobs_key.sign(asked(other_browser))})
    assert not other_browser.is_in()


def test_the_browser_is_asked_for_what_we_want(browser: Browser, allowed: Account) -> None:
    options = asked(browser)
    assert (options["rpId"], options["userVerification"]) == ("testserver", "required")
    assert not options.get("allowCredentials"), "nobody learns whose keys there are"
    assert len(decoded(options["challenge"])) > 32
    assert asked(browser)["challenge"] != options["challenge"]


def test_a_challenge_costs_no_statement(
    browser: Browser, allowed: Account, django_assert_num_queries: Callable[[int], Any]
) -> None:
    """Nobody makes anything grow."""
    browser.get(SIGN_IN)
    with django_assert_num_queries(0):
        assert browser.get(ASK).status_code == 200


def test_what_is_issued_holds_for_one_secret() -> None:
    challenge = open_challenges.issue("one")
    open_challenges.check(challenge, "one")
    with pytest.raises(PasskeyLate):
        open_challenges.check(challenge, "two")


# The page ----------------------------------------------------------------------------------------


def test_where_no_account_has_it_the_page_is_as_before(browser: Browser, policy: Account) -> None:
    alone.forget_offer()
    shown = page_raw(browser, SIGN_IN)
    assert "passkeys.js" not in shown
    assert "webauthn" not in shown
    assert HERE not in shown


def test_the_page_offers_it_where_an_account_has_it(browser: Browser, allowed: Account) -> None:
    shown = page_raw(browser, SIGN_IN)
    assert shown.count("passkeys.js") == 1
    assert 'autocomplete="username webauthn"' in shown
    assert f'action="{HERE}"' in shown
    assert "Sign in with a passkey" in shown


def test_it_is_offered_beside_an_error_too(browser: Browser, allowed: Account, bob: User) -> None:
    shown = page(browser.post_password("bob", "wrong"))
    assert "Sign in with a passkey" in shown


def test_the_page_asks_the_database_once_a_minute(
    browser: Browser, allowed: Account, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(1):
        browser.get(SIGN_IN)
    with django_assert_num_queries(0):
        browser.get(SIGN_IN)
    later = time.monotonic() + 61
    monkeypatch.setattr("twofactor.factors.passkeys.alone.time.monotonic", lambda: later)
    with django_assert_num_queries(1):
        browser.get(SIGN_IN)


def test_the_page_stands_without_a_database(
    browser: Browser, allowed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any, **_facts: Any) -> Any:
        raise OperationalError

    assert "Sign in with a passkey" in page(browser.get(SIGN_IN))
    later = time.monotonic() + 61
    monkeypatch.setattr("twofactor.factors.passkeys.alone.time.monotonic", lambda: later)
    monkeypatch.setattr(Account.objects, "filter", away)
    assert "Sign in with a passkey" in page(browser.get(SIGN_IN)), "what was known last"


def test_a_look_at_the_address_changes_nothing(browser: Browser, allowed: Account) -> None:
    assert browser.get(HERE).status_code == 405


# The switch --------------------------------------------------------------------------------------


@pytest.fixture
def alices(browser: Browser, policy: Account, alices_phone: PhoneDevice) -> Browser:
    browser.sign_in("alice")
    return browser


def prove(browser: Browser) -> Any:
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    return browser.post(CONFIRM, {"token": last_token()})


def test_it_is_off_until_an_administrator_proves_and_switches_it_on(alices: Browser, policy: Account) -> None:
    """A-01, R-12."""
    assert "Sign-in by passkey alone" in page(alices.get(SETTINGS))
    assert alices.post(SWITCH, {"passkeys_alone": "on"}).headers["Location"] == CONFIRM
    policy.refresh_from_db()
    assert not policy.passkeys_alone
    let_pass(61)
    assert prove(alices).headers["Location"] == SETTINGS
    policy.refresh_from_db()
    assert policy.passkeys_alone
    assert "without the password" in page(alices.get(SETTINGS))
    (event,) = AuditEvent.objects.filter(action="policy.passkeys_alone_allowed")
    assert event.actor
    assert event.actor.username == "alice"
    assert "Sign in with a passkey" in page(Browser().get(SIGN_IN)), "at once where it was switched"

    alices.post(SWITCH, {})
    let_pass(61)
    prove(alices)
    policy.refresh_from_db()
    assert not policy.passkeys_alone
    assert AuditEvent.objects.filter(action="policy.passkeys_alone_forbidden").count() == 1


def test_an_unchanged_choice_asks_for_no_re_authentication(alices: Browser) -> None:
    assert alices.post(SWITCH, {}).headers["Location"] == SETTINGS


def test_members_may_not_switch_it(browser: Browser, policy: Account, bobs_phone: PhoneDevice) -> None:
    """A-01."""
    browser.sign_in("bob")
    assert browser.post(SWITCH, {"passkeys_alone": "on"}).status_code == 403


def test_where_no_passkey_counts_there_is_no_switch(alices: Browser, policy: Account) -> None:
    Account.objects.filter(pk=policy.pk).update(passkeys=False)
    assert "Sign-in by passkey alone" not in page(alices.get(SETTINGS))


def test_the_list_says_which_keys_open_alone(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator
) -> None:
    sign_in(browser, bobs_key)
    shown = page(browser.get("/meu-perfil/segunda-etapa/"))
    assert "Signs in without the password" in shown
    Passkey.objects.update(user_verified=False)
    assert "After the password only" in page(browser.get("/meu-perfil/segunda-etapa/"))
    let(allowed, allowed=False)
    shown = page(browser.get("/meu-perfil/segunda-etapa/"))
    assert "After the password only" not in shown
    assert "Signs in without the password" not in shown


def test_alices_key_does_not_open_for_bob(browser: Browser, allowed: Account, alice: User, bob: User) -> None:
    """IDOR: the key says who comes in, whatever else the browser sends."""
    enrol(alice, "+5521987651234")
    sign_in(browser, give_passkey(alice))
    (event,) = AuditEvent.objects.filter(action="sign_in.verified")
    assert event.user == alice


def test_a_key_that_is_removed_meanwhile_takes_no_guess_back(
    browser: Browser, allowed: Account, bob: User, bobs_key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L-04, K-04: its attempt was never counted, so the guesses at other factors stay counted."""
    User.objects.filter(pk=bob.pk).update(failures=9)
    begin = alone._begin

    def begin_late(*args: Any) -> PendingSignIn:
        Passkey.objects.all().delete()
        return begin(*args)

    monkeypatch.setattr(alone, "_begin", begin_late)
    refused(browser, sign_in(browser, bobs_key), "took too long")
    bob.refresh_from_db()
    assert bob.failures == 9
