"""K-05: ten recovery codes of one's own. Shown once, kept as keyed digests, each used once, told, and counted."""

import re
from typing import Any

import pytest

from accounts.models import AuditEvent, User
from tests.conftest import PASSWORD, Browser, deliver, enrol, sent_to
from tests.database_dump import dump
from tests.test_app import wrong
from tests.tools import page
from twofactor.exceptions import OwnCodeRefused
from twofactor.factors.codes import flows
from twofactor.models import OwnRecoveryCode, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CODE = "/entrar/codigo/"
FACTORS = "/meu-perfil/segunda-etapa/"
ISSUE = f"{FACTORS}codigos/"
PROOF = "/confirmar-identidade/"
WRITTEN = re.compile(r"\b(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}\b")


@pytest.fixture
def codes(bob: User, bobs_phone: PhoneDevice) -> list[str]:
    """Give Bob ten codes."""
    return flows.issue(bob)


def use(code: str, login: str = "bob") -> Browser:
    """Return a browser that has typed a code after the password."""
    browser = Browser()
    browser.post_password(login)
    browser.post(CODE, {"token": code})
    return browser


def test_ten_codes_of_80_bits_are_shown_once_after_a_proof(
    browser: Browser, bob: User, bobs_phone: PhoneDevice
) -> None:
    browser.sign_in("bob")
    shown = WRITTEN.findall(browser.reauthenticate(ISSUE).content.decode())
    assert len(set(shown)) == 10
    assert 32**flows.LENGTH == 2**80
    assert not WRITTEN.findall(browser.get(FACTORS).content.decode())
    assert "recovery codes were made" in sent_to("bob@example.com")[0]["text"]
    assert AuditEvent.objects.filter(action="codes.issued", user=bob).exists()
    assert use(shown[3]).is_in()


def test_without_a_proof_no_code_is_made(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.sign_in("bob")
    assert browser.post(ISSUE).headers["Location"] == PROOF
    assert not OwnRecoveryCode.objects.exists()


def test_a_code_signs_in_once_and_says_how_many_are_left(codes: list[str], bob: User) -> None:
    first = use(codes[0])
    assert "9 codes are left" in page(first.get("/meu-perfil/"))
    assert first.is_in()
    assert not use(codes[0]).is_in()
    assert use(codes[1]).is_in()
    bob.refresh_from_db()
    assert bob.codes_left == OwnRecoveryCode.objects.filter(used_at__isnull=True).count() == 8
    assert "8 left" in sent_to("bob@example.com")[0]["text"]


def test_of_two_that_found_the_same_code_one_uses_it(codes: list[str], bob: User) -> None:
    """What 20 at once do is in services/test_factor_races.py."""
    code = flows.read(codes[0])
    assert code
    found = [flows.matching(bob, code) for _time in range(2)]
    assert found[0]
    assert found[1]
    flows.use(bob, found[0])
    assert flows.matching(bob, code) is None
    with pytest.raises(OwnCodeRefused):
        flows.use(bob, found[1])
    assert bob.codes_left == 9


def test_at_three_left_new_ones_are_offered(codes: list[str]) -> None:
    for code in codes[:6]:
        assert "Make new ones" not in page(use(code).get(FACTORS))
    assert "Make new ones" in page(use(codes[6]).get(FACTORS))


def test_using_one_ends_the_other_sessions_and_keeps_the_new_one(browser: Browser, codes: list[str]) -> None:
    browser.sign_in("bob")
    new = use(codes[0])
    assert new.is_in()
    assert not browser.is_in()


def test_a_code_is_read_as_people_write_it(codes: list[str]) -> None:
    assert use(codes[0].lower().replace("-", " ")).is_in()
    assert flows.read("oil0-oil0-oil0-oil0") == "0110" * 4


@pytest.mark.parametrize("typed", ["", "123", "UUUU-UUUU-UUUU-UUUU", "é" * 16, "٠" * 16, "0" * 17, "0" * 500])
def test_what_is_no_code_is_refused_and_not_counted(codes: list[str], bob: User, typed: str) -> None:
    assert not use(typed).is_in()
    bob.refresh_from_db()
    assert bob.failures == 0


def test_a_wrong_code_counts_with_the_wrong_tokens(codes: list[str], bob: User) -> None:
    """L-02: one count for all kinds. The pause that the tenth begins is not for what nobody can guess (B-12)."""
    browser = Browser()
    browser.post_password("bob")
    browser.post_channel("sms")
    for _time in range(4):
        browser.post_token(wrong("000000"))
    for _time in range(6):
        browser.post(CODE, {"token": "0000-0000-0000-0000"})
    bob.refresh_from_db()
    assert bob.failures == 10
    assert bob.failures_until
    browser.post(CODE, {"token": codes[0]})
    assert browser.is_in()


def test_the_code_of_somebody_else_opens_nothing(codes: list[str], alice: User) -> None:
    enrol(alice, "+5521987651234")
    flows.issue(alice)
    assert not use(codes[0], "alice").is_in()
    assert use(codes[0]).is_in()


def test_without_the_password_a_code_opens_nothing(browser: Browser, codes: list[str]) -> None:
    assert browser.post(CODE, {"token": codes[0]}).headers["Location"] == "/entrar/"
    assert not browser.is_in()


def test_new_codes_end_those_before(codes: list[str], bob: User) -> None:
    fresh = flows.issue(bob)
    assert not use(codes[0]).is_in()
    assert use(fresh[0]).is_in()


def test_who_has_no_codes_is_not_offered_any(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.post_password("bob")
    assert CODE not in page(browser.get("/entrar/canal/"))
    assert browser.get(CODE).headers["Location"] == "/entrar/canal/"


def test_who_has_codes_is_offered_them(browser: Browser, codes: list[str]) -> None:
    browser.post_password("bob")
    assert CODE in page(browser.get("/entrar/canal/"))


def test_an_administrators_reset_ends_the_codes(browser: Browser, codes: list[str], alice: User, bob: User) -> None:
    """R-07: and they do not stand in for a phone that is gone."""
    enrol(alice, "+5521987651234")
    browser.sign_in("alice")
    browser.reauthenticate(f"/configuracoes/usuarios/{bob.pk}/telefone/", reason="phone lost")
    assert not OwnRecoveryCode.objects.exists()
    assert not use(codes[0]).is_in()


def test_removing_asks_for_a_proof_and_the_person_is_notified(browser: Browser, bob: User, codes: list[str]) -> None:
    browser.sign_in("bob")
    browser.reauthenticate(f"{ISSUE}remover/")
    assert not OwnRecoveryCode.objects.exists()
    assert AuditEvent.objects.filter(action="codes.removed", user=bob).exists()
    assert "were removed" in sent_to("bob@example.com")[0]["text"]
    assert not use(codes[0]).is_in()


def test_a_code_serves_for_re_authentication_and_ends_the_other_sessions(
    browser: Browser, other_browser: Browser, codes: list[str]
) -> None:
    """Whoever has lost the phone comes to another one by a code."""
    other_browser.sign_in("bob")
    inside = use(codes[0])
    browser.sign_in("bob")
    sent = len(deliver())
    inside.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    confirm = "/meu-perfil/telefone/confirmar/"
    inside.post(confirm, {"password": PASSWORD, "channel": "recovery"})
    assert "One of your ten codes" in page(inside.get(confirm))
    assert inside.post(confirm, {"token": codes[1]}).headers["Location"] == confirm
    assert sent_to("+5521998877665"), "the new number gets its token"
    assert len(deliver()) > sent
    assert inside.is_in()
    assert not browser.is_in()
    assert not other_browser.is_in()


def test_a_used_code_proves_nothing(browser: Browser, codes: list[str]) -> None:
    inside = use(codes[0])
    inside.post(ISSUE)
    inside.post(PROOF, {"password": PASSWORD, "channel": "recovery"})
    assert inside.post(PROOF, {"token": codes[0]}).status_code == 200
    assert OwnRecoveryCode.objects.filter(used_at__isnull=True).count() == 9


def test_codes_never_come_first(browser: Browser, codes: list[str], bob: User) -> None:
    browser.sign_in("bob")
    browser.post(f"{FACTORS}primeira/", {"kind": "recovery"})
    bob.refresh_from_db()
    assert bob.preferred_factor == ""
    browser.post(f"{FACTORS}primeira/", {"kind": "email"})
    bob.refresh_from_db()
    assert bob.preferred_factor == "email"


def test_a_used_code_is_not_what_the_next_sign_in_offers_first(codes: list[str], bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(last_factor="email")
    assert use(codes[0]).is_in()
    bob.refresh_from_db()
    assert bob.last_factor == "email"


def test_a_dump_holds_no_code(codes: list[str]) -> None:
    rows = repr(dump())
    for code in codes:
        assert code not in rows
        assert code.replace("-", "") not in rows


def test_codes_outlive_a_new_key_as_long_as_the_old_one_is_there(codes: list[str], settings: Any) -> None:
    old = settings.FACTOR_KEYS[0]
    settings.FACTOR_KEYS = ["new" * 20, old]
    assert use(codes[0]).is_in()
    settings.FACTOR_KEYS = ["new" * 20]
    assert not use(codes[1]).is_in()
