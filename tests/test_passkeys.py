"""K-04: passkeys and security keys beside the token, after the password."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts.factors import FactorKind
from accounts.models import Account, AuditEvent, Session, User
from messaging.portal.personal_data import kept_about
from tests.authenticator import MAY_BE_COPIED, PRESENT, Authenticator, give_passkey, options_in
from tests.conftest import PASSWORD, Browser, deliver, enrol, last_token, sent_to
from tests.database_dump import tags
from tests.tools import let_pass, page
from twofactor.exceptions import JourneyOver, PasskeyLate
from twofactor.factors import catalogue, held
from twofactor.factors.passkeys import challenges, flows
from twofactor.models import Passkey, PasskeyRegistration, PendingSignIn, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

LIST = "/meu-perfil/segunda-etapa/"
START = f"{LIST}chaves/"
NEW = f"{START}nova/"
SIGN_IN = "/entrar/chave/"
PROOF = "/confirmar-identidade/"
SETTINGS = "/meu-perfil/"


@pytest.fixture
def bobs_key(bob: User, bobs_phone: PhoneDevice) -> Authenticator:
    return give_passkey(bob)


@pytest.fixture
def signed_in(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    browser.sign_in("bob")
    return browser


@pytest.fixture
def adding(signed_in: Browser) -> Browser:
    """Return Bob's browser at the page that adds a passkey."""
    assert signed_in.reauthenticate(START).headers["Location"] == NEW
    return signed_in


def add(browser: Browser, key: Authenticator, name: str = "laptop", **lies: Any) -> Any:
    return browser.post(NEW, {"credential": key.register(options_in(browser.get(NEW)), **lies), "name": name})


def sign_in(browser: Browser, key: Authenticator, **lies: Any) -> Any:
    """Sign in by passkey: the password, then the key."""
    browser.post_password("bob")
    return browser.post(SIGN_IN, {"credential": key.sign(options_in(browser.get(SIGN_IN)), **lies)})


def failures() -> int:
    return User.objects.get(username="bob").failures


# Adding ------------------------------------------------------------------------------------------


def test_a_passkey_is_added_after_a_proof_with_a_name_a_notice_and_an_event(adding: Browser, bob: User) -> None:
    answer = add(adding, Authenticator(), "  my\tlaptop ")
    assert answer.headers["Location"] == LIST
    passkey = Passkey.objects.get()
    assert (passkey.user, passkey.name, passkey.rp_id, passkey.transports) == (
        bob,
        "my laptop",
        "testserver",
        ["internal"],
    )
    assert "my laptop" in page(adding.get(LIST))
    (event,) = AuditEvent.objects.filter(action="passkey.added")
    assert (event.user, event.data["name"]) == (bob, "my laptop")
    (mail,) = [entry for entry in sent_to(bob.email) if "passkey was added" in entry["text"]]
    assert "my laptop" not in mail["text"], "whoever added it has written it"
    assert "/nao-fui-eu/" in mail["text"]


def test_adding_ends_what_one_is_adding_and_nothing_of_others(adding: Browser, bob: User, alice: User) -> None:
    mine = PasskeyRegistration.objects.get()
    hers = PasskeyRegistration.objects.create(user=alice, session_hash="hers", expires_at=mine.expires_at)
    add(adding, Authenticator())
    hers.refresh_from_db()
    assert hers.expires_at == mine.expires_at
    mine.refresh_from_db()
    assert mine.expires_at < hers.expires_at


def test_a_registration_that_has_expired_adds_no_passkey(adding: Browser) -> None:
    registration = PasskeyRegistration.objects.get()
    registered = flows.read(registration, Authenticator().register(json.loads(flows.options(registration))))
    let_pass(601)
    with pytest.raises(JourneyOver):
        flows.bind(registration, registered, "late")
    assert not Passkey.objects.exists()


def test_nobody_adds_a_passkey_without_a_proof(signed_in: Browser) -> None:
    assert signed_in.post(START).headers["Location"] == PROOF
    assert not PasskeyRegistration.objects.exists()
    assert signed_in.get(NEW).headers["Location"] == LIST
    refused = signed_in.post(NEW, {"credential": Authenticator().register({"challenge": "AAAA"}), "name": "x"})
    assert refused.headers["Location"] == LIST
    assert not Passkey.objects.exists()


def test_the_phone_comes_first(browser: Browser, charlie: User, bob: User) -> None:
    """First set-up stays the phone: with the policy off Bob is in without one, and adds nothing."""
    Account.objects.filter(pk=bob.account_id).update(two_factor_required=False)
    browser.post_password("bob")
    assert START not in page(browser.get(LIST))
    browser.reauthenticate(START)
    assert "cannot be added" in page(browser.get(LIST))
    assert not PasskeyRegistration.objects.exists()


def test_the_browser_is_asked_for_what_we_want(adding: Browser, bob: User) -> None:
    known = give_passkey(bob)
    asked = options_in(adding.get(NEW))
    assert asked["rp"]["id"] == "testserver"
    assert asked["attestation"] == "none"
    assert asked["authenticatorSelection"]["residentKey"] == "preferred"
    assert asked["authenticatorSelection"]["userVerification"] == "preferred"
    assert [each["id"] for each in asked["excludeCredentials"]] == [json.loads(known.sign(asked))["id"]]
    assert bob.username not in asked["user"]["id"]


@pytest.mark.parametrize(
    ("lies", "flags"),
    [
        ({"origin": "http://testserver.example"}, PRESENT),
        ({"origin": "https://testserver"}, PRESENT),
        ({"rp_id": "example.com"}, PRESENT),
        ({"type": "webauthn.get"}, PRESENT),
        ({}, 0),
    ],
    ids=["origin", "scheme", "rp id", "type", "nobody present"],
)
def test_a_forged_answer_adds_nothing(adding: Browser, lies: dict[str, Any], flags: int) -> None:
    refused = add(adding, Authenticator(flags=flags), **lies)
    assert "does not fit" in page(refused)
    assert not Passkey.objects.exists()
    assert failures() == 0, "it is no guess at the second factor"
    assert add(adding, Authenticator()).headers["Location"] == LIST, "the right one is taken"


def test_the_same_answer_adds_nothing_twice(adding: Browser) -> None:
    """Replay of a registration, in the same session and under a new challenge."""
    key = Authenticator()
    answer = key.register(options_in(adding.get(NEW)))
    assert adding.post(NEW, {"credential": answer, "name": "one"}).headers["Location"] == LIST
    assert adding.post(NEW, {"credential": answer, "name": "two"}).headers["Location"] == LIST
    adding.post(START)
    adding.get(NEW)
    assert "does not fit" in page(adding.post(NEW, {"credential": answer, "name": "three"}))
    assert [passkey.name for passkey in Passkey.objects.all()] == ["one"]


def test_a_wrong_answer_uses_the_challenge_up(adding: Browser) -> None:
    options = options_in(adding.get(NEW))
    wrong = Authenticator().register(options, origin="http://evil.example")
    before = PasskeyRegistration.objects.get().passkey_challenge
    adding.post(NEW, {"credential": wrong, "name": "x"})
    assert PasskeyRegistration.objects.get().passkey_challenge not in {before, ""}, "the page has a new one"
    assert "does not fit" in page(adding.post(NEW, {"credential": Authenticator().register(options), "name": "x"}))
    assert not Passkey.objects.exists()


def test_a_key_pair_belongs_to_one_person(adding: Browser, alice: User) -> None:
    """IDOR: whoever repeats the id of somebody else's key gets nothing of theirs."""
    hers = give_passkey(alice)
    mine = Authenticator(credential_id=hers.credential_id)
    assert "registered already" in page(add(adding, mine))
    assert Passkey.objects.get().user == alice


def test_an_answer_for_another_persons_challenge_adds_nothing(
    adding: Browser, other_browser: Browser, alice: User
) -> None:
    """IDOR: the challenge is in the row of a session and a person."""
    enrol(alice, "+5521987651234")
    other_browser.sign_in("alice")
    other_browser.reauthenticate(START)
    hers = options_in(other_browser.get(NEW))
    options_in(adding.get(NEW))
    assert "does not fit" in page(adding.post(NEW, {"credential": Authenticator().register(hers), "name": "x"}))
    assert not Passkey.objects.exists()


def test_nobody_goes_on_with_the_registration_of_somebody_else(
    signed_in: Browser, other_browser: Browser, alice: User
) -> None:
    """IDOR."""
    enrol(alice, "+5521987651234")
    other_browser.sign_in("alice")
    other_browser.reauthenticate(START)
    assert signed_in.get(NEW).headers["Location"] == LIST
    assert other_browser.get(NEW).status_code == 200


def test_a_registration_ends_with_the_proof(adding: Browser) -> None:
    answer = Authenticator().register(options_in(adding.get(NEW)))
    let_pass(301)
    assert adding.post(NEW, {"credential": answer, "name": "late"}).headers["Location"] == LIST
    assert not Passkey.objects.exists()


def test_just_before_the_end_it_is_taken(adding: Browser) -> None:
    answer = Authenticator().register(options_in(adding.get(NEW)))
    let_pass(290)
    adding.post(NEW, {"credential": answer, "name": "in time"})
    assert Passkey.objects.get().name == "in time"


@pytest.mark.parametrize("name", ["x" * 41, "a\0b"])
def test_not_every_name_is_one(adding: Browser, name: str) -> None:
    assert add(adding, Authenticator(), name).status_code == 200
    assert not Passkey.objects.exists()


@pytest.mark.parametrize("name", ["", "\u200b"])
@pytest.mark.parametrize(
    ("aaguid", "called"),
    [("ea9b8d664d011d213ce4b6b48cb575d4", "Google Password Manager"), ("0" * 32, "Passkey")],
)
def test_without_a_name_it_is_called_after_its_maker(adding: Browser, name: str, aaguid: str, called: str) -> None:
    assert add(adding, Authenticator(aaguid=bytes.fromhex(aaguid)), name).headers["Location"] == LIST
    assert Passkey.objects.get().name == called
    (event,) = AuditEvent.objects.filter(action="passkey.added")
    assert event.data["name"] == called


def test_a_person_may_have_ten_passkeys(adding: Browser, bob: User) -> None:
    for _each in range(9):
        give_passkey(bob)
    assert add(adding, Authenticator()).headers["Location"] == LIST, "the tenth"
    adding.post(START)
    assert "ten passkeys" in page(adding.get(LIST))
    assert Passkey.objects.count() == 10


def test_the_tenth_is_counted_when_it_is_added(adding: Browser, bob: User) -> None:
    adding.get(NEW)
    for _each in range(10):
        give_passkey(bob)
    assert "ten passkeys" in page(add(adding, Authenticator()))
    assert Passkey.objects.count() == 10


HOSTILE = [
    "",
    "null",
    "[]",
    "{",
    "[" * 15_000,
    '{"id": 1}',
    '{"id": "x"}',
    '{"id": "x", "response": []}',
    '{"id": "x\\u0000", "response": {}}',
    '{"id": "\\ud800", "response": {}}',
    '{"id": "x", "rawId": "!", "type": "public-key", "response": {"clientDataJSON": "e30", "signature": "!"}}',
    '{"id": "x", "rawId": "x", "type": [], "response": {"transports": [{}], "attestationObject": "//8"}}',
    "x" * 20_001,
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_whatever_is_sent_is_no_error(adding: Browser, answer: str) -> None:
    adding.get(NEW)
    assert adding.post(NEW, {"credential": answer, "name": "x"}).status_code == 200
    assert not Passkey.objects.exists()


# Signing in --------------------------------------------------------------------------------------


def test_a_passkey_signs_in_without_captcha_and_without_a_token(browser: Browser, bobs_key: Authenticator) -> None:
    browser.post_password("bob")
    assert f'href="{SIGN_IN}"' in page(browser.get("/entrar/canal/"))
    assert sign_in_here(browser, bobs_key).headers["Location"] == "/"
    assert browser.is_in()
    assert deliver() == []
    (event,) = AuditEvent.objects.filter(action="sign_in.verified")
    assert event.data["channel"] == "passkey"
    passkey = Passkey.objects.get()
    assert (passkey.sign_count, passkey.last_used_at is None) == (1, False)
    assert PendingSignIn.objects.get().completed_at


def test_the_password_alone_opens_nothing(browser: Browser, bobs_key: Authenticator) -> None:
    browser.post_password("bob")
    assert not browser.is_in()
    browser.get(SIGN_IN)
    assert not browser.is_in()


def test_without_a_password_there_is_no_page(browser: Browser, bobs_key: Authenticator) -> None:
    assert browser.get(SIGN_IN).headers["Location"] == "/entrar/"


def test_who_has_added_one_begins_with_it(adding: Browser) -> None:
    """The daily path is shorter: no captcha, no digits. The other ways are one click away."""
    key = Authenticator()
    add(adding, key)
    adding.post("/sair/")
    assert adding.post_password("bob").headers["Location"] == SIGN_IN
    assert 'href="/entrar/canal/"' in page(adding.get(SIGN_IN))
    assert sign_in_here(adding, key).headers["Location"] == "/"


def test_who_prefers_a_key_that_is_gone_begins_with_the_token(browser: Browser, bobs_key: Authenticator) -> None:
    User.objects.filter(username="bob").update(preferred_factor="passkey")
    Passkey.objects.update(rp_id="old.example")
    assert browser.post_password("bob").headers["Location"] == "/entrar/canal/"


def test_who_has_no_passkey_is_offered_none(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.post_password("bob")
    assert SIGN_IN not in page(browser.get("/entrar/canal/"))
    assert browser.get(SIGN_IN).headers["Location"] == "/entrar/canal/"


def test_it_is_offered_beside_the_token_too(browser: Browser, bobs_key: Authenticator) -> None:
    browser.post_password("bob")
    browser.post_channel("sms")
    assert f'href="{SIGN_IN}"' in page(browser.get("/entrar/token/"))
    assert sign_in_here(browser, bobs_key).headers["Location"] == "/"


def sign_in_here(browser: Browser, key: Authenticator, **lies: Any) -> Any:
    return browser.post(SIGN_IN, {"credential": key.sign(options_in(browser.get(SIGN_IN)), **lies)})


def test_what_was_sent_before_is_given_back(browser: Browser, bobs_key: Authenticator) -> None:
    """B-07."""
    for _each in range(6):
        browser.post_password("bob")
        assert browser.post_channel("sms").headers.get("Location") == "/entrar/token/"
        assert sign_in_here(browser, bobs_key).headers["Location"] == "/"
        browser.post("/sair/")


def test_a_key_without_a_signature_counter_signs_in_repeatedly(
    browser: Browser, bob: User, bobs_phone: PhoneDevice
) -> None:
    key = give_passkey(bob, counts=False, flags=PRESENT | MAY_BE_COPIED)
    assert Passkey.objects.get().is_synced
    for _each in range(2):
        assert sign_in(browser, key).headers["Location"] == "/"
        browser.post("/sair/")


@pytest.mark.parametrize(
    "lies",
    [
        {"origin": "http://testserver.example"},
        {"rp_id": "example.com"},
        {"type": "webauthn.create"},
        {"flags": 0},
    ],
    ids=["origin", "rp id", "type", "nobody present"],
)
def test_a_forged_answer_counts_as_a_failure(browser: Browser, bobs_key: Authenticator, lies: dict[str, Any]) -> None:
    """L-02: it counts with the wrong tokens."""
    assert "does not fit" in page(sign_in(browser, bobs_key, **lies))
    assert not browser.is_in()
    assert failures() == 1
    assert AuditEvent.objects.filter(action="token.refused").count() == 1
    assert sign_in_here(browser, bobs_key).headers["Location"] == "/"
    assert failures() == 0


def test_another_key_under_the_same_id_is_a_failure(browser: Browser, bobs_key: Authenticator) -> None:
    forged = Authenticator(credential_id=bobs_key.credential_id, sign_count=5)
    assert "does not fit" in page(sign_in(browser, forged))
    assert failures() == 1


def test_somebody_elses_key_is_a_failure(browser: Browser, bobs_key: Authenticator, alice: User) -> None:
    """IDOR."""
    assert "does not fit" in page(sign_in(browser, give_passkey(alice)))
    assert (browser.is_in(), failures()) == (False, 1)


def test_the_same_answer_signs_nobody_in_twice(
    browser: Browser, other_browser: Browser, bobs_key: Authenticator
) -> None:
    """Replay: in the same sign-in, in another one, and after both."""
    browser.post_password("bob")
    answer = {"credential": bobs_key.sign(options_in(browser.get(SIGN_IN)))}
    other_browser.post_password("bob")
    other_browser.get(SIGN_IN)
    assert "does not fit" in page(other_browser.post(SIGN_IN, answer)), "bound to the sign-in that asked"
    assert browser.post(SIGN_IN, answer).headers["Location"] == "/"
    browser.post("/sair/")
    browser.post_password("bob")
    browser.get(SIGN_IN)
    assert "does not fit" in page(browser.post(SIGN_IN, answer))
    assert not browser.is_in()
    assert not other_browser.is_in()


def test_a_challenge_is_answered_once(browser: Browser, bobs_key: Authenticator) -> None:
    """A wrong answer uses it up; what was signed for it comes too late, and is no guess."""
    browser.post_password("bob")
    options = options_in(browser.get(SIGN_IN))
    browser.post(SIGN_IN, {"credential": bobs_key.sign(options, origin="http://evil.example")})
    PendingSignIn.objects.update(passkey_challenge="")  # as if the page had not asked anew
    assert "Try again" in page(browser.post(SIGN_IN, {"credential": bobs_key.sign(options)}))
    assert (browser.is_in(), failures()) == (False, 1)


def test_a_challenge_is_taken_by_one(browser: Browser, bobs_key: Authenticator) -> None:
    """Two requests that have read the same row: the second finds it taken."""
    browser.post_password("bob")
    browser.get(SIGN_IN)
    pending = PendingSignIn.objects.get()
    challenges.take(pending)
    with pytest.raises(PasskeyLate):
        challenges.take(pending)


def test_a_challenge_lives_five_minutes(browser: Browser, bobs_key: Authenticator) -> None:
    browser.post_password("bob")
    options = options_in(browser.get(SIGN_IN))
    let_pass(301)
    assert "too long" in page(browser.post(SIGN_IN, {"credential": bobs_key.sign(options)}))
    assert not browser.is_in()
    options = options_in(browser.get(SIGN_IN))
    let_pass(290)
    assert browser.post(SIGN_IN, {"credential": bobs_key.sign(options)}).headers["Location"] == "/"


def test_a_signature_counter_that_goes_back_is_refused_and_notified(
    browser: Browser, bob: User, bobs_key: Authenticator
) -> None:
    sign_in(browser, bobs_key, sign_count=7)
    browser.post("/sair/")
    refused = sign_in(browser, bobs_key, sign_count=7)
    assert "counted backwards" in page(refused)
    assert not browser.is_in()
    assert AuditEvent.objects.filter(action="passkey.stepped_back", user=bob).count() == 1
    assert [entry for entry in sent_to(bob.email) if "may have been copied" in entry["text"]]
    assert sign_in_here(browser, bobs_key, sign_count=8).headers["Location"] == "/"


def test_a_signature_counter_that_goes_back_to_zero_is_refused_too(browser: Browser, bobs_key: Authenticator) -> None:
    sign_in(browser, bobs_key, sign_count=7)
    browser.post("/sair/")
    assert "counted backwards" in page(sign_in(browser, bobs_key, sign_count=0))


def test_tokens_and_keys_have_one_lockout(browser: Browser, bobs_key: Authenticator) -> None:
    """L-02: nine wrong tokens and one wrong key begin the pause for tokens. The right key need not wait (B-12)."""
    User.objects.filter(username="bob").update(failures=9)
    sign_in(browser, bobs_key, origin="http://evil.example")
    assert failures() == 10
    assert browser.post_channel("sms").status_code == 429
    assert sign_in_here(browser, bobs_key).headers["Location"] == "/"
    assert failures() == 0


def test_the_person_is_notified_of_the_fifth_wrong_key(browser: Browser, bob: User, bobs_key: Authenticator) -> None:
    """L-07."""
    User.objects.filter(username="bob").update(failures=4)
    sign_in(browser, bobs_key, origin="http://evil.example")
    assert [entry for entry in sent_to(bob.email) if "failing at your second step" in entry["text"]]


@pytest.mark.parametrize("answer", HOSTILE)
def test_whatever_is_sent_at_the_sign_in_is_no_error(browser: Browser, bobs_key: Authenticator, answer: str) -> None:
    browser.post_password("bob")
    browser.get(SIGN_IN)
    assert browser.post(SIGN_IN, {"credential": answer}).status_code == 200
    assert not browser.is_in()


def test_two_answers_in_one_request_are_none(browser: Browser, bobs_key: Authenticator) -> None:
    browser.post_password("bob")
    answer = bobs_key.sign(options_in(browser.get(SIGN_IN)))
    browser.post(SIGN_IN, {"credential": [answer, answer]})
    assert (browser.is_in(), failures()) == (False, 0)


def test_a_passkey_of_another_host_counts_for_nothing(browser: Browser, bob: User, bobs_key: Authenticator) -> None:
    """PUBLIC_URL has another host now: no browser offers it here."""
    Passkey.objects.update(rp_id="old.example")
    browser.post_password("bob")
    assert browser.get(SIGN_IN).headers["Location"] == "/entrar/canal/"
    assert [device.factor for device in held.counting(bob)] == [FactorKind.SMS]


def test_an_account_that_accepts_no_passkeys_signs_nobody_in_by_one(
    browser: Browser, bobs_key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K-06, read at each request: also the page that is open, and the session that one opened."""
    browser.post_password("bob")
    options = options_in(browser.get(SIGN_IN))
    with monkeypatch.context() as patch:
        patch.setattr(Account, "accepts", lambda _account, kind, due=False: kind != FactorKind.PASSKEY)
        assert browser.post(SIGN_IN, {"credential": bobs_key.sign(options)}).headers["Location"] == "/entrar/canal/"
        assert not browser.is_in()
    assert sign_in_here(browser, bobs_key).headers["Location"] == "/"
    assert browser.is_in()
    monkeypatch.setattr(Account, "accepts", lambda _account, kind, due=False: kind != FactorKind.PASSKEY)
    assert browser.get(SETTINGS).status_code == 302


def test_somebody_with_a_passkey_alone_finds_their_way(browser: Browser, bob: User) -> None:
    key = give_passkey(bob)
    assert browser.post_password("bob").headers["Location"] == SIGN_IN
    shown = browser.get("/entrar/canal/")
    assert shown.status_code == 200
    assert 'value="sms"' not in page(shown)
    assert browser.post_channel("sms").status_code == 200, "refused, and no error"
    assert sign_in_here(browser, key).headers["Location"] == "/"


def test_the_gate_costs_no_statement_more(
    browser: Browser, bobs_key: Authenticator, django_assert_num_queries: Callable[[int], Any]
) -> None:
    """Architecture, decision 5."""
    sign_in(browser, bobs_key)
    browser.get(SETTINGS)
    with django_assert_num_queries(2):
        assert browser.get(SETTINGS).status_code == 200


def test_what_comes_with_the_person_is_what_the_table_says(bob: User, bobs_phone: PhoneDevice) -> None:
    """``of`` reads the annotation where there is one, and the table where the person was loaded without."""
    for _each in range(2):
        give_passkey(bob)
    loaded = held.joined(User.objects.filter(pk=bob.pk)).get()
    assert {device.persistent_id for device in held.counting(loaded)} == {
        device.persistent_id for device in held.counting(bob)
    }
    assert len(held.counting(loaded)) == 3


def test_a_refused_answer_is_not_in_the_page_that_asks_again(browser: Browser, bobs_key: Authenticator) -> None:
    """The script would send it once more in place of a new one."""
    refused = sign_in(browser, bobs_key, origin="http://evil.example")
    (field,) = tags(refused, lambda _tag, attrs: attrs.get("name") == "credential")
    assert not field.get("value")


# Proving again -----------------------------------------------------------------------------------


def prove(browser: Browser, key: Authenticator, where: str = PROOF, **lies: Any) -> Any:
    browser.post(where, {"password": PASSWORD, "channel": "passkey"})
    return browser.post(where, {"credential": key.sign(options_in(browser.get(where)), **lies)})


def test_a_passkey_proves_again_who_it_is(browser: Browser, bobs_key: Authenticator) -> None:
    sign_in(browser, bobs_key)
    browser.post("/meu-perfil/sessoes/encerrar-outras/")
    assert prove(browser, bobs_key).headers["Location"] == "/meu-perfil/sessoes/"
    assert deliver() == []
    assert AuditEvent.objects.filter(action="reauthentication.proved").count() == 1


def test_a_re_authentication_by_a_forged_answer_is_refused_and_counted(
    browser: Browser, bobs_key: Authenticator
) -> None:
    sign_in(browser, bobs_key)
    browser.post("/meu-perfil/sessoes/encerrar-outras/")
    assert "does not fit" in page(prove(browser, bobs_key, origin="http://evil.example"))
    assert failures() == 1
    assert not AuditEvent.objects.filter(action="reauthentication.proved").exists()
    answer = browser.post(PROOF, {"credential": bobs_key.sign(options_in(browser.get(PROOF)))})
    assert answer.headers["Location"] == "/meu-perfil/sessoes/"


def test_a_resend_where_nothing_was_sent_sends_nothing(browser: Browser, bobs_key: Authenticator) -> None:
    sign_in(browser, bobs_key)
    browser.post("/meu-perfil/sessoes/encerrar-outras/")
    browser.post(PROOF, {"password": PASSWORD, "channel": "passkey"})
    assert browser.post(PROOF, {"action": "resend"}).status_code == 200
    assert deliver() == []


def test_a_phone_is_changed_after_a_proof_by_passkey(browser: Browser, bobs_key: Authenticator) -> None:
    sign_in(browser, bobs_key)
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    where = "/meu-perfil/telefone/confirmar/"
    assert prove(browser, bobs_key, where).status_code == 302
    browser.get(where)
    answer = browser.post(where, {"token": last_token() if deliver() else ""})
    assert answer.headers["Location"] == SETTINGS
    assert PhoneDevice.objects.get().number == "+5521998877665"


# Naming and removing -----------------------------------------------------------------------------


def of(passkey: Passkey, action: str) -> str:
    return f"{LIST}passkey/{passkey.pk}/{action}/"


def test_a_passkey_gets_another_name(signed_in: Browser, bobs_key: Authenticator) -> None:
    passkey = Passkey.objects.get()
    assert 'value="laptop"' in page(signed_in.get(of(passkey, "nome")))
    signed_in.post(of(passkey, "nome"), {"name": "old laptop"})
    assert Passkey.objects.get().name == "old laptop"
    assert AuditEvent.objects.filter(action="factor.renamed").count() == 1
    assert signed_in.post(of(passkey, "nome"), {"name": ""}).status_code == 200
    assert Passkey.objects.get().name == "old laptop"


def test_a_removed_passkey_opens_nothing_and_keeps_no_session_open(
    signed_in: Browser, other_browser: Browser, bob: User, bobs_key: Authenticator
) -> None:
    sign_in(other_browser, bobs_key)
    assert other_browser.is_in()
    passkey = Passkey.objects.get()
    assert signed_in.reauthenticate(of(passkey, "remover")).headers["Location"] == LIST
    assert not Passkey.objects.exists()
    assert signed_in.is_in(), "this one was opened by the phone"
    assert not other_browser.is_in()
    assert AuditEvent.objects.filter(action="passkey.removed").count() == 1
    assert [entry for entry in sent_to(bob.email) if "passkey was removed" in entry["text"]]


def test_who_removes_the_key_that_let_them_in_stays_in(browser: Browser, bobs_key: Authenticator) -> None:
    sign_in(browser, bobs_key)
    browser.post(of(Passkey.objects.get(), "remover"))
    assert prove(browser, bobs_key).headers["Location"] == LIST
    assert not Passkey.objects.exists()
    assert browser.is_in()


def test_the_sign_in_begins_with_a_passkey_while_there_is_one(signed_in: Browser, bob: User) -> None:
    for _each in range(2):
        give_passkey(bob)
    User.objects.filter(pk=bob.pk).update(preferred_factor="passkey")
    one, other = Passkey.objects.order_by("pk")
    signed_in.reauthenticate(of(one, "remover"))
    bob.refresh_from_db()
    assert bob.preferred_factor == "passkey"
    signed_in.post(of(other, "remover"))
    bob.refresh_from_db()
    assert bob.preferred_factor == ""


def test_nothing_is_removed_without_a_proof(signed_in: Browser, bobs_key: Authenticator) -> None:
    assert signed_in.post(of(Passkey.objects.get(), "remover")).headers["Location"] == PROOF
    assert Passkey.objects.exists()


def test_the_last_factor_that_counts_stays(browser: Browser, bob: User, policy: Account) -> None:
    """K-02. With the policy off it goes."""
    key = give_passkey(bob)
    sign_in(browser, key)
    browser.post(of(Passkey.objects.get(), "remover"))
    prove(browser, key)
    assert Passkey.objects.exists()
    assert "your last second step" in page(browser.get(LIST))
    Account.objects.filter(pk=policy.pk).update(two_factor_required=False)
    browser.post(of(Passkey.objects.get(), "remover"))
    assert not Passkey.objects.exists()


def test_a_passkey_of_another_host_can_be_removed(signed_in: Browser, bobs_key: Authenticator) -> None:
    """It is told apart in the list."""
    Passkey.objects.update(rp_id="old.example")
    assert "Does not count now" in page(signed_in.get(LIST))
    signed_in.reauthenticate(of(Passkey.objects.get(), "remover"))
    assert not Passkey.objects.exists()


def test_nobody_touches_the_passkey_of_somebody_else(signed_in: Browser, alice: User) -> None:
    """IDOR."""
    give_passkey(alice)
    hers = Passkey.objects.get()
    assert signed_in.get(of(hers, "nome")).status_code == 404
    assert signed_in.post(of(hers, "nome"), {"name": "mine"}).status_code == 404
    assert signed_in.reauthenticate(of(hers, "remover")).status_code == 404
    assert Passkey.objects.get().name == "laptop"
    assert "laptop" not in page(signed_in.get(LIST))


def test_a_disavowal_removes_the_passkey_and_everything_else(adding: Browser, bob: User) -> None:
    """D3, for a passkey that somebody else has added."""
    add(adding, Authenticator())
    (mail,) = [entry for entry in sent_to(bob.email) if "passkey was added" in entry["text"]]
    link = next(word for word in mail["text"].split() if "/nao-fui-eu/" in word).removeprefix("http://testserver")
    Browser().post(link)
    assert not Passkey.objects.exists()
    assert not adding.is_in()
    bob.refresh_from_db()
    assert bob.locked_at


def test_what_is_kept_about_a_person_names_their_passkeys(bob: User, bobs_key: Authenticator) -> None:
    """R-13: the name and the times, no key."""
    (kept,) = kept_about(bob, number="")["passkeys"]
    assert kept["name"] == "laptop"
    assert "public_key" not in kept


# Everything around -------------------------------------------------------------------------------


def test_the_script_is_on_the_pages_that_need_it_alone(adding: Browser, bobs_key: Authenticator) -> None:
    assert "js/passkeys.js" in page(adding.get(NEW))
    assert "js/passkeys.js" not in page(adding.get(LIST))
    browser = Browser()
    browser.post_password("bob")
    assert "js/passkeys.js" in page(browser.get(SIGN_IN))
    assert "js/passkeys.js" not in page(browser.get("/entrar/canal/"))


def test_without_javascript_the_page_says_so_and_names_another_way(browser: Browser, bobs_key: Authenticator) -> None:
    browser.post_password("bob")
    shown = page(browser.get(SIGN_IN))
    assert "<noscript>" in shown
    assert 'href="/entrar/canal/"' in shown


def test_our_pages_may_use_passkeys_and_frames_in_them_may_not(browser: Browser) -> None:
    """W-01."""
    policy = browser.get("/entrar/").headers["Permissions-Policy"]
    assert "publickey-credentials-get=(self)" in policy
    assert "publickey-credentials-create=(self)" in policy


def test_a_sign_in_ends_what_the_passkey_does_not_open(browser: Browser, bob: User, bobs_key: Authenticator) -> None:
    """S-06: the password has changed since."""
    browser.post_password("bob")
    options = options_in(browser.get(SIGN_IN))
    bob.set_password("another good password")
    bob.save()
    assert browser.post(SIGN_IN, {"credential": bobs_key.sign(options)}).headers["Location"] == "/entrar/"
    assert not Session.objects.filter(user=bob).exists()


def test_the_factor_is_in_the_catalogue(bob: User, bobs_key: Authenticator) -> None:
    assert [factor.kind for factor in catalogue.open_to(bob)] == ["sms", "email", "passkey"]
