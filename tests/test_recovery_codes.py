"""R-10: after a reset by e-mail the mailbox opens no enrolment; a recovery code, read by a person, does."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.audit.actions import Action
from accounts.models import AuditEvent, User
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, person, sent_to
from tests.database_dump import dump
from tests.tools import let_pass, page
from twofactor import recovery
from twofactor.exceptions import CodeRefused
from twofactor.models import Challenge, PhoneDevice, RecoveryCode

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

NEW_PASSWORD = "another horse battery"
CODE = "/entrar/codigo/"
MAILBOX = "/entrar/email/"
WHY = {"reason": "phone lost"}
SHOWN = re.compile(r'class="recovery-code">((?:\d{5} ?){4})<')


def path(user: User, action: str) -> str:
    return f"/configuracoes/usuarios/{user.pk}/{action}/"


@pytest.fixture
def office(alice: User) -> Browser:
    enrol(alice, ALICES_NUMBER)
    browser = Browser()
    browser.sign_in("alice")
    return browser


def reset_by_email() -> None:
    reader = Browser()
    reader.post("/senha/esqueci/", {"email": "bob@example.com"})
    link = re.search(r"/senha/redefinir/\S+/", sent_to("bob@example.com")[0]["text"])
    assert link
    form = reader.get(link[0], follow=True)
    reader.post(form.request["PATH_INFO"], {"new_password": NEW_PASSWORD})


@pytest.fixture
def disavowed(browser: Browser, bob: User, office: Browser) -> User:
    """Return Bob, whose mailbox somebody reads: password reset by e-mail, then "It was not me", so he is locked."""
    browser.enrol("bob")
    notice = next(entry["text"] for entry in sent_to("bob@example.com") if "/nao-fui-eu/" in entry["text"])
    address = re.search(r"/nao-fui-eu/\S+/", notice)
    assert address
    reset_by_email()
    Browser().post(address[0])
    bob.refresh_from_db()
    assert bob.locked_at
    return bob


def code_of(answer: Any) -> str:
    found = SHOWN.search(answer.content.decode())
    assert found, page(answer)
    return found[1]


def half_way(password: str = NEW_PASSWORD) -> Browser:
    """Return a browser with Bob's right password, past the introduction."""
    browser = Browser()
    browser.post_password("bob", password)
    browser.post("/entrar/introducao/")
    return browser


# Whoever reads the mailbox ------------------------------------------------------------------------


def test_the_mailbox_alone_is_never_both_factors(disavowed: User, office: Browser) -> None:
    """R-10: reset by e-mail, "It was not me", unlocked, and still no token to the mailbox."""
    office.reauthenticate(path(disavowed, "desbloquear"))
    thief = half_way()
    sent = len(sent_to("bob@example.com"))
    for step in (MAILBOX, "/entrar/telefone/", "/entrar/canal/", "/entrar/token/", "/"):
        assert thief.get(step).headers["Location"] == CODE
        assert thief.post(step, {"channel": "email", "altcha": "x"}).headers["Location"].startswith(CODE)
    assert "would prove nothing more" in page(thief.get(CODE))
    assert MAILBOX not in page(thief.get(CODE))
    assert thief.post(CODE, {"code": "00000 00000 00000 00000"}).status_code == 200
    assert len(sent_to("bob@example.com")) == sent
    assert not Challenge.objects.filter(purpose="mailbox").exists()
    assert not PhoneDevice.objects.filter(user=disavowed).exists()


def test_it_holds_for_a_phone_that_was_reset_too(office: Browser, browser: Browser, bob: User) -> None:
    """R-10: whatever happened between."""
    enrol(bob)
    reset_by_email()
    office.reauthenticate(path(bob, "telefone"), **WHY)
    assert half_way().get("/").headers["Location"] == CODE


# The person ---------------------------------------------------------------------------------------


def test_the_code_that_is_read_to_them_opens_the_enrolment_once(disavowed: User, office: Browser) -> None:
    """R-10: and one sign-in by SMS later the mailbox counts again."""
    shown = office.reauthenticate(path(disavowed, "desbloquear"))
    code = code_of(shown)
    bobs, late = half_way(), half_way()
    assert bobs.post(CODE, {"code": code.replace(" ", "-")}).headers["Location"] == "/entrar/telefone/"
    assert "does not work, or no longer" in page(late.post(CODE, {"code": code}))
    bobs.post_phone("31 98765-0000")
    assert bobs.post_token(last_token()).headers["Location"] == "/"
    assert bobs.is_in()
    disavowed.refresh_from_db()
    assert (disavowed.mailbox_suspect, disavowed.phone_was_reset) == (False, False)
    assert disavowed.failures == 0, "a right code is no failure"


def test_it_stands_in_for_a_mailbox_that_nobody_can_read(office: Browser, bob: User) -> None:
    """D4, R-10: phone and mailbox are lost; the mailbox is not suspect, so both ways are open."""
    enrol(bob)
    code = code_of(office.reauthenticate(path(bob, "telefone"), **WHY))
    bobs = half_way(PASSWORD)
    assert CODE in page(bobs.get(MAILBOX))
    assert bobs.get("/").headers["Location"] == MAILBOX
    assert bobs.post(CODE, {"code": code}).headers["Location"] == "/entrar/telefone/"


def test_without_a_phone_to_set_up_there_is_no_code_to_type(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    assert browser.get(CODE).headers["Location"] == "/entrar/introducao/"
    browser.post("/entrar/introducao/")
    assert browser.get(CODE).headers["Location"] == "/entrar/telefone/"


# Guessing -----------------------------------------------------------------------------------------


def test_five_wrong_codes_a_day_are_looked_at_from_one_place(disavowed: User, office: Browser) -> None:
    """R-10: what is no code at all is not counted; the person is told, and another code starts anew."""
    code = code_of(office.reauthenticate(path(disavowed, "desbloquear")))
    bobs = half_way()
    for malformed in ("", "1234", "x" * 20, "1" * 21):
        bobs.post(CODE, {"code": malformed})
    for number in range(5):
        assert "does not work, or no longer" in page(bobs.post(CODE, {"code": f"{number:020}"}))
    answer = bobs.post(CODE, {"code": f"{9:020}"})
    assert (answer.status_code, "ask your administrator" in page(answer)) == (429, True)
    told = [entry["subject"] for entry in sent_to("bob@example.com")]
    assert told.count("Somebody is failing at your second step") == 1
    assert AuditEvent.objects.filter(action="token.refused", data__purpose="recovery").count() == 5
    assert bobs.post(CODE, {"code": code}).headers["Location"] == "/entrar/telefone/", "a right one waits for nothing"


def test_a_right_code_is_no_try(disavowed: User, alice: User) -> None:
    """R-10: what it would have opened may have failed; and a colleague has a code as well."""
    RecoveryCode.objects.all().delete()
    recovery.issue(alice)
    code = recovery.issue(disavowed)
    for _time in range(6):
        assert recovery.verify(disavowed, code).user == disavowed


def test_an_attacker_with_the_password_uses_no_code_up(disavowed: User, office: Browser) -> None:
    """B-01: five wrong ones burned each code while it was read out, and twice five locked the second step."""
    code = code_of(office.reauthenticate(path(disavowed, "desbloquear")))
    for number in range(12):
        thief = Browser(REMOTE_ADDR=f"203.0.113.{number % 2}")
        thief.post_password("bob", NEW_PASSWORD)
        thief.post("/entrar/introducao/")
        thief.post(CODE, {"code": f"{number:020}"})
    disavowed.refresh_from_db()
    assert (disavowed.failures, disavowed.locked_at) == (0, None)
    told = [entry["subject"] for entry in sent_to("bob@example.com")]
    assert told.count("Somebody is failing at your second step") == 1, "once a day, from wherever"
    assert half_way().post(CODE, {"code": code}).headers["Location"] == "/entrar/telefone/"


def test_a_neighbour_with_the_password_holds_up_no_right_code(disavowed: User, office: Browser) -> None:
    """B-01: behind the same address; who reads no mailbox has the code alone."""
    code = code_of(office.reauthenticate(path(disavowed, "desbloquear")))
    neighbours = half_way()
    for number in range(6):
        neighbours.post(CODE, {"code": f"{number:020}"})
    bobs = half_way()
    assert bobs.post(CODE, {"code": code}).headers["Location"] == "/entrar/telefone/"


def test_the_code_does_not_wait_for_the_pause_and_ends_it(disavowed: User, office: Browser) -> None:
    """B-12: whoever knew the password has caused the pause; the new phone gets its token at once."""
    code = code_of(office.reauthenticate(path(disavowed, "desbloquear")))
    User.objects.filter(pk=disavowed.pk).update(failures=10, failures_until=timezone.now() + timedelta(hours=1))
    bobs = half_way()
    assert "does not work" in page(bobs.post(CODE, {"code": "1" * 20}))
    assert bobs.post(CODE, {"code": code}).headers["Location"] == "/entrar/telefone/"
    assert bobs.post_phone().headers["Location"] == "/entrar/token/"
    assert bobs.post_token(last_token()).headers["Location"] == "/"
    disavowed.refresh_from_db()
    assert (disavowed.failures, disavowed.failures_until) == (0, None)


def test_two_right_codes_at_once_open_one_enrolment(disavowed: User, office: Browser) -> None:
    """R-10, W-04: both have been compared before either is used up; nor is one used that was replaced meanwhile."""
    code = code_of(office.reauthenticate(path(disavowed, "desbloquear")))
    one, other, late = (recovery.verify(disavowed, code) for _ in range(3))
    recovery.consume(one)
    with pytest.raises(CodeRefused):
        recovery.consume(other)
    with pytest.raises(CodeRefused):
        recovery.verify(disavowed, code)
    office.post(path(disavowed, "codigo"))
    with pytest.raises(CodeRefused):
        recovery.consume(late)


@pytest.mark.parametrize(("seconds", "works"), [(86_300, True), (86_401, False)])
def test_a_recovery_code_works_for_a_day(disavowed: User, office: Browser, seconds: int, works: bool) -> None:
    """R-10."""
    code = code_of(office.reauthenticate(path(disavowed, "desbloquear")))
    let_pass(seconds)
    assert (half_way().post(CODE, {"code": code}).status_code == 302) is works


def test_another_code_ends_the_one_before(disavowed: User, office: Browser) -> None:
    """R-10: and what a person has is never shown twice."""
    first = code_of(office.reauthenticate(path(disavowed, "desbloquear")))
    assert path(disavowed, "codigo") in page(office.get(f"/configuracoes/usuarios/{disavowed.pk}/"))
    second = code_of(office.post(path(disavowed, "codigo")))
    assert first != second
    assert first not in page(office.get(path(disavowed, "codigo")))
    bobs = half_way()
    assert bobs.post(CODE, {"code": first}).status_code == 200
    assert bobs.post(CODE, {"code": second}).status_code == 302


def test_the_digits_are_nowhere(disavowed: User, office: Browser, settings: Any) -> None:
    """R-10: not in the database, and without the key a copy of it gives no code; no message has them."""
    code = code_of(office.reauthenticate(path(disavowed, "desbloquear"))).replace(" ", "")
    assert code not in str(dump())
    assert not [entry for entry in deliver() if code[:5] in entry["text"]]
    settings.TOKEN_KEY = "another key " * 4
    assert half_way().post(CODE, {"code": code}).status_code == 200
    settings.TOKEN_KEY_PREVIOUS = ""


def test_a_code_outlives_a_new_key_as_long_as_the_old_one_is_there(disavowed: User, settings: Any) -> None:
    code, old = recovery.issue(disavowed), settings.TOKEN_KEY
    settings.TOKEN_KEY, settings.TOKEN_KEY_PREVIOUS = "another key " * 4, old
    assert recovery.verify(disavowed, code).user == disavowed
    settings.TOKEN_KEY_PREVIOUS = ""
    with pytest.raises(CodeRefused):
        recovery.verify(disavowed, code)


# The administrator --------------------------------------------------------------------------------


def test_the_page_says_since_when_the_mailbox_is_no_proof(disavowed: User, office: Browser) -> None:
    """R-10."""
    said = page(office.get(path(disavowed, "desbloquear")))
    assert "The password was reset by e-mail less than an hour ago, by whoever reads that mailbox." in said
    assert "recovery code" in said
    User.objects.filter(pk=disavowed.pk).update(mailbox_suspect=False)
    assert "reset by e-mail" not in page(office.get(path(disavowed, "desbloquear")))


def test_the_hours_are_those_since_the_person_s_own_last_reset(alice: User, bob: User) -> None:
    """R-10."""
    for who, action, hours in (
        (bob, Action.PASSWORD_RESET, 9),
        (bob, Action.PASSWORD_RESET, 5),
        (bob, Action.PASSWORD_RESET, 7),
        (bob, Action.SESSIONS_ENDED, 3),
        (alice, Action.PASSWORD_RESET, 2),
    ):
        at = timezone.now() - timedelta(hours=hours, minutes=1)
        AuditEvent.objects.create(action=action, account=who.account, user=who, at=at)
    bob.mailbox_suspect = True
    assert "5 hours ago" in recovery.warning(bob)


def test_both_are_notified_and_an_event_is_written(disavowed: User, office: Browser, alice: User) -> None:
    """R-10, J-01."""
    second = person("erin", alice.account, "administrator")
    code = code_of(office.reauthenticate(path(disavowed, "desbloquear")))
    half_way().post(CODE, {"code": code})
    for reader in (disavowed, alice, second):
        told = [entry["subject"] for entry in sent_to(reader.email)]
        assert told.count("A recovery code was made") == 1
        assert told.count("A recovery code was used") == 1
    issued = AuditEvent.objects.get(action="recovery_code.issued")
    assert (issued.user, issued.actor) == (disavowed, alice)
    assert AuditEvent.objects.get(action="recovery_code.used").user == disavowed


def test_a_person_who_needs_no_code_gets_none(office: Browser, bob: User, browser: Browser) -> None:
    """R-10: neither with a phone, nor before a first one, nor for another account or a member."""
    User.objects.filter(pk=bob.pk).update(locked_at=timezone.now())
    assert office.reauthenticate(path(bob, "desbloquear")).headers["Location"] == f"/configuracoes/usuarios/{bob.pk}/"
    assert office.post(path(bob, "codigo")).status_code == 404
    enrol(bob)
    User.objects.filter(pk=bob.pk).update(mailbox_suspect=True)
    assert office.post(path(bob, "codigo")).status_code == 404
    browser.sign_in("bob")
    assert browser.post(path(bob, "codigo")).status_code == 403
    assert not RecoveryCode.objects.exists()


def test_the_operator_reads_it_to_the_last_administrator(browser: Browser, office: Browser, alice: User) -> None:
    """R-10, D4."""
    User.objects.filter(pk=alice.pk).update(mailbox_suspect=True)
    said = StringIO()
    call_command("reset_phone", "alice", reason="lost, called back", stdout=said)
    first = re.findall(r"(?:\d{5} ?){4}", said.getvalue())
    call_command("unlock_user", "alice", stdout=said)
    codes = re.findall(r"(?:\d{5} ?){4}", said.getvalue())
    assert len(codes) == 2
    browser.post_password("alice")
    browser.post("/entrar/introducao/")
    assert browser.post(CODE, {"code": first[0]}).status_code == 200
    assert browser.post(CODE, {"code": codes[1]}).headers["Location"] == "/entrar/telefone/"
    assert AuditEvent.objects.filter(action="recovery_code.issued", data={"by_operator": True}).count() == 2
