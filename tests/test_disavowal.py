"""It was not me: the way back for whoever finds somebody else's phone on their login."""

import re
from collections.abc import Callable
from io import StringIO
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.core import signing
from django.core.management import CommandError, call_command

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import AuditEvent, Session, User
from accounts.notifications.notify import notify
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, sent_to
from tests.database_dump import dump
from tests.tools import let_pass, page
from twofactor import devices, disavowal, journeys
from twofactor.exceptions import JourneyOver
from twofactor.factors import held
from twofactor.factors.app import flows as apps
from twofactor.factors.codes import flows as codes
from twofactor.factors.passkeys import ceremony
from twofactor.factors.passkeys import flows as passkeys
from twofactor.models import Challenge, Journey, PasskeyRegistration, PhoneChange, PhoneDevice
from twofactor.phone import flows as phone_flows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

MALLORYS_NUMBER = "+5571988887777"
CONFIRM = "/meu-perfil/telefone/confirmar/"
LINK = re.compile(r"http://testserver(/nao-fui-eu/[^\s\"]+/)")


@pytest.fixture
def mallory(browser: Browser, bob: User) -> Browser:
    """Return the browser of somebody who knows Bob's password and was first to add a phone."""
    assert browser.enrol("bob", MALLORYS_NUMBER).headers["Location"] == "/"
    assert browser.is_in()
    return browser


def link() -> str:
    """Return the address in the newest notice to Bob's mailbox."""
    return next(found[1] for entry in sent_to("bob@example.com") if (found := LINK.search(entry["text"])))


def actions(user: User) -> list[str]:
    return list(AuditEvent.objects.filter(user=user).order_by("pk").values_list("action", flat=True))


def unlock(login: str = "bob") -> str:
    out = StringIO()
    call_command("unlock_user", login, stdout=out)
    return out.getvalue()


# The link -----------------------------------------------------------------------------------------


def test_the_notice_of_a_first_phone_carries_the_link(mallory: Browser) -> None:
    """D3, P-05: at once, to the mailbox, with a masked number."""
    (notice,) = sent_to("bob@example.com")
    assert notice["subject"] == "A phone was added to your login"
    assert LINK.search(notice["text"])
    assert "It was not me" in notice["text"]
    assert MALLORYS_NUMBER[-8:] not in notice["text"]


def test_the_notice_of_another_phone_carries_the_link(browser: Browser, bob: User, bobs_phone: PhoneDevice) -> None:
    """D3, R-03: to the mailbox. The old number is told without it: an SMS of ours has no link (T-10)."""
    change_phone(browser)
    notices = {entry["to"]: entry["text"] for entry in deliver() if "#" not in entry["text"]}
    assert LINK.search(notices["bob@example.com"])
    assert "your phone for tokens was changed" in notices[BOBS_NUMBER]
    assert "http" not in notices[BOBS_NUMBER]


def change_phone(browser: Browser) -> None:
    browser.sign_in("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": MALLORYS_NUMBER})
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    browser.post(CONFIRM, {"token": last_token()})
    browser.post(CONFIRM, {"token": last_token()})
    assert PhoneDevice.objects.get().number == MALLORYS_NUMBER


def test_the_link_goes_to_the_public_address(mallory: Browser, settings: Any) -> None:
    """W-03."""
    settings.PUBLIC_URL = "https://portal.example"
    event = AuditEvent.objects.get(action="phone.enrolled")
    assert disavowal.link(event).startswith("https://portal.example/nao-fui-eu/")


def test_looking_at_the_link_changes_nothing(mallory: Browser, other_browser: Browser) -> None:
    """D3, C-07: mail programs and virus scanners open links by themselves."""
    address = link()
    before = dump()
    for method in ("get", "head", "get"):
        response = getattr(other_browser, method)(address)
        assert response.status_code == 200
    assert "Was it not you who added this phone?" in page(other_browser.get(address))
    for method in ("put", "patch", "delete"):
        assert getattr(other_browser, method)(address).status_code == 405
    assert dump() == before
    assert mallory.is_in()


def test_the_link_needs_the_csrf_token_of_its_page(mallory: Browser, bob: User) -> None:
    """D3: no page of somebody else's can press the button."""
    address = link()
    strict = Browser(enforce_csrf_checks=True)
    assert strict.post(address).status_code == 403
    assert PhoneDevice.objects.filter(user=bob).exists()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', strict.get(address).content.decode())
    assert found
    assert strict.post(address, {"csrfmiddlewaretoken": found[1]}).status_code == 200
    assert not PhoneDevice.objects.filter(user=bob).exists()


# What it does ----------------------------------------------------------------------------------------


def test_it_removes_the_phone_ends_the_sessions_and_locks(
    mallory: Browser, other_browser: Browser, bob: User, alice: User
) -> None:
    """D3."""
    enrol(alice, ALICES_NUMBER)
    response = other_browser.post(link())
    assert response.status_code == 200
    assert "The phone is removed" in page(response)
    assert not PhoneDevice.objects.filter(user=bob).exists()
    assert not mallory.is_in()
    bob.refresh_from_db()
    assert bob.locked_at
    assert mallory.post_password("bob").status_code == 200, "the right password opens nothing"
    assert list(PhoneDevice.objects.values_list("user", flat=True)) == [alice.pk], "nobody else is touched"
    alice.refresh_from_db()
    assert alice.locked_at is None


def test_it_ends_a_sign_in_that_is_half_way(mallory: Browser, other_browser: Browser, bob: User) -> None:
    """D3, S-06: the token that is already on its way proves nothing any more."""
    address = link()
    half_way = Browser()
    half_way.post_password("bob")
    half_way.post_channel("sms")
    token = last_token()
    other_browser.post(address)
    assert half_way.post_token(token).headers["Location"].startswith("/entrar/")
    assert not half_way.is_in()
    assert half_way.get("/entrar/token/").headers["Location"].startswith("/entrar/")
    assert "sign_in.verified" not in actions(bob)[-4:]


def test_it_ends_a_sign_in_that_is_half_way_also_after_unlocking(
    mallory: Browser, other_browser: Browser, bob: User
) -> None:
    """D3: an old pending sign-in does not revive with the person."""
    address = link()
    half_way = Browser()
    half_way.post_password("bob")
    half_way.post_channel("sms")
    token = last_token()
    other_browser.post(address)
    unlock()
    assert half_way.post_token(token).headers["Location"].startswith("/entrar/")
    assert not half_way.is_in()
    assert not mallory.is_in()


def test_it_ends_a_change_of_the_phone_that_is_half_way(mallory: Browser, other_browser: Browser, bob: User) -> None:
    """D3."""
    address = link()
    mallory.post("/meu-perfil/telefone/", {"country": "BR", "number": BOBS_NUMBER})
    mallory.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    token = last_token()
    assert PhoneChange.objects.exists()
    other_browser.post(address)
    unlock()
    mallory.post(CONFIRM, {"token": token})
    mallory.post(CONFIRM, {"token": last_token()})
    assert not PhoneDevice.objects.filter(user=bob).exists()
    assert not mallory.is_in()


def test_the_browser_that_disavows_is_signed_out_too(mallory: Browser) -> None:
    """D3: it may be the thief's own machine."""
    address = link()
    assert Session.objects.exists()
    mallory.post(address)
    assert not Session.objects.exists()
    assert not mallory.is_in()


def test_it_works_after_a_change_of_the_phone(browser: Browser, bob: User, bobs_phone: PhoneDevice) -> None:
    """D3, R-03."""
    change_phone(browser)
    Browser().post(link())
    assert not PhoneDevice.objects.filter(user=bob).exists()
    assert not browser.is_in()


def test_pressing_twice_is_pressing_once(mallory: Browser, other_browser: Browser, bob: User) -> None:
    """F45, R-11."""
    address = link()
    for _ in range(20):
        assert "The phone is removed" in page(other_browser.post(address))
    bob.refresh_from_db()
    assert [actions(bob).count(action) for action in ("phone.disowned", "user.locked", "sessions.ended")] == [1, 1, 1]
    assert len([entry for entry in sent_to("bob@example.com") if "locked" in entry["subject"].lower()]) <= 1
    assert bob.locked_at
    assert not PhoneDevice.objects.filter(user=bob).exists()


def test_a_disavowal_is_written_in_the_audit_log(mallory: Browser, other_browser: Browser, bob: User) -> None:
    """J-01, D3."""
    other_browser.post(link())
    unlock()
    written = AuditEvent.objects.filter(user=bob).order_by("pk")
    ends = ["phone.disowned", "user.locked", "sessions.ended", "user.unlocked", "recovery_code.issued"]
    assert actions(bob)[-5:] == ends
    facts = {event.action: event.data for event in written}
    assert facts["phone.disowned"] == {"after": "phone.enrolled"}
    assert facts["user.locked"] == {"reason": "phone.disowned"}
    assert facts["user.unlocked"] == {"by_operator": True}
    disavowed = written.get(action="phone.disowned")
    assert (disavowed.account, disavowed.ip) == (bob.account, "127.0.0.1")
    assert disavowed.request_id != "-"


# Back in ----------------------------------------------------------------------------------------------


def test_nobody_gets_in_until_somebody_unlocks(mallory: Browser, other_browser: Browser, bob: User) -> None:
    """D3: time alone opens nothing."""
    other_browser.post(link())
    let_pass(30 * 24 * 3600)
    for browser in (mallory, other_browser):
        assert browser.post_password("bob").status_code == 200
        assert not browser.is_in()


def test_after_unlocking_a_phone_has_to_be_set_up_again(mallory: Browser, other_browser: Browser, bob: User) -> None:
    """D3: from the first pop-up on, as at a first sign-in."""
    other_browser.post(link())
    assert unlock("bob@example.com").startswith("bob: unlocked.\n")
    assert not mallory.is_in()
    let_pass(60)
    assert other_browser.post_password("bob").headers["Location"] == "/entrar/introducao/"
    assert other_browser.get("/entrar/canal/").status_code == 302
    assert other_browser.enrol("bob", mailbox_first=True).headers["Location"] == "/"
    assert PhoneDevice.objects.get(user=bob).number == BOBS_NUMBER
    assert other_browser.is_in()
    assert not mallory.is_in()


def test_unlocking_somebody_who_is_not_locked_changes_nothing(bob: User) -> None:
    before = dump()
    assert unlock() == "bob was not locked.\n"
    assert dump() == before


def test_unlocking_nobody_is_an_error(bob: User) -> None:
    with pytest.raises(CommandError, match="Nobody has this login"):
        unlock("nobody")


# Links that are none -----------------------------------------------------------------------------------


def forged(event: AuditEvent, bob: User) -> dict[str, str]:
    right = signing.dumps(event.pk, salt=disavowal.SALT)
    other = AuditEvent.objects.filter(user=bob, action="sign_in.verified").latest("pk")
    return {
        "garbage": "garbage",
        "number": str(event.pk),
        "cut": right[:-1],
        "changed": ("A" if right[0] != "A" else "B") + right[1:],
        "other salt": signing.dumps(event.pk, salt="another"),
        "other key": signing.dumps(event.pk, salt=disavowal.SALT, key="another key"),
        "other event": signing.dumps(other.pk, salt=disavowal.SALT),
        "no event": signing.dumps(event.pk + 10_000, salt=disavowal.SALT),
    }


KINDS = ["garbage", "number", "cut", "changed", "other salt", "other key", "other event", "no event"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_that_is_not_ours_leads_nowhere(mallory: Browser, other_browser: Browser, bob: User, kind: str) -> None:
    """D3: 404, by GET and by POST, and nothing is changed."""
    address = f"/nao-fui-eu/{forged(AuditEvent.objects.get(action='phone.enrolled'), bob)[kind]}/"
    before = dump()
    assert other_browser.get(address).status_code == 404
    assert other_browser.post(address).status_code == 404
    assert dump() == before
    assert mallory.is_in()


DAY = 24 * 3600


@pytest.mark.parametrize(("age", "status"), [(0, 200), (7 * DAY - 60, 200), (7 * DAY + 60, 404)])
def test_a_link_is_good_for_seven_days(
    mallory: Browser, make_browser: Callable[..., Browser], age: int, status: int
) -> None:
    """D3."""
    event = AuditEvent.objects.get(action="phone.enrolled")
    with time_machine.travel(event.at.timestamp() - age, tick=False):
        address = disavowal.link(event).removeprefix("http://testserver")
    with time_machine.travel(event.at.timestamp(), tick=False):
        assert make_browser().get(address).status_code == status


def test_every_event_that_has_a_link_can_be_disavowed_and_no_other(mallory: Browser, bob: User) -> None:
    """D3."""
    apps_and_keys = {"app.enrolled", "app.replaced", "passkey.added"}  # tests/test_factors.py, test_passkeys.py
    assert set(disavowal.CONTESTABLE) == {"phone.enrolled", "phone.changed", "sign_in.new_place"} | apps_and_keys
    for event in AuditEvent.objects.exclude(action__in=disavowal.CONTESTABLE):
        assert disavowal.event_of(signing.dumps(event.pk, salt=disavowal.SALT)) is None


def test_a_link_is_settled_by_the_unlocking(mallory: Browser, other_browser: Browser, bob: User) -> None:
    """D3: an old notice does not take away the phone that was set up after everything was cleared."""
    link = f"/nao-fui-eu/{signing.dumps(AuditEvent.objects.get(action='phone.enrolled').pk, salt=disavowal.SALT)}/"
    other_browser.post(link)
    unlock()
    Browser().enrol("bob", mailbox_first=True)
    assert other_browser.post(link).status_code == 404
    assert PhoneDevice.objects.filter(user=bob).exists()


def test_what_happened_to_a_colleague_settles_no_link(
    mallory: Browser, other_browser: Browser, alice: User, bob: User
) -> None:
    """A-04, D3: it is the unlocking of the person that does, and their own press."""
    for action in (Action.USER_UNLOCKED, Action.PHONE_DISAVOWED):
        record_event(action, user=alice)
    other_browser.post(link())
    assert not PhoneDevice.objects.filter(user=bob).exists()


def test_what_was_settled_before_settles_no_later_link(browser: Browser, other_browser: Browser, bob: User) -> None:
    """D3: somebody was unlocked last month, and it happens again."""
    for action in (Action.PHONE_DISAVOWED, Action.USER_UNLOCKED):
        record_event(action, user=bob)
    browser.enrol("bob", MALLORYS_NUMBER)
    other_browser.post(link())
    assert not PhoneDevice.objects.filter(user=bob).exists()


# A sign-in from a new place ------------------------------------------------------------------------


def new_place(user: User) -> str:
    """Write down a sign-in from a new place, and return the link of its notice."""
    notify(user, record_event(Action.SIGN_IN_NEW_PLACE, user=user, sign_in=1))
    return link()


def test_a_sign_in_from_a_new_place_is_disavowed_by_one_press(
    browser: Browser, other_browser: Browser, bob: User, bobs_phone: PhoneDevice
) -> None:
    """K-07: the sessions end and the login is locked; the phone is the person's own and stays."""
    browser.sign_in("bob")
    address = new_place(bob)
    assert "Was it not you who signed in?" in page(other_browser.get(address))
    assert browser.is_in(), "looking changes nothing"
    assert "Your login is locked" in page(other_browser.post(address))
    assert not browser.is_in()
    bob.refresh_from_db()
    assert bob.locked_at
    assert PhoneDevice.objects.get() == bobs_phone
    other_browser.post(address)
    assert AuditEvent.objects.filter(action="sign_in.disowned").count() == 1


def test_a_disavowed_phone_is_still_removed(mallory: Browser, other_browser: Browser, bob: User) -> None:
    """R-03, K-07: the two presses are told apart."""
    new_place(bob)
    event = AuditEvent.objects.get(action="phone.enrolled")
    other_browser.post(disavowal.link(event).removeprefix("http://testserver"))
    assert not PhoneDevice.objects.exists()


def test_a_phone_is_still_removed_after_a_disavowed_sign_in(
    mallory: Browser, other_browser: Browser, bob: User
) -> None:
    """D3, R-03, K-07: two mails came, and it is the sign-in's that is pressed first; its press leaves the phone."""
    enrolled = link()
    other_browser.post(new_place(bob))
    assert PhoneDevice.objects.exists()
    for _ in range(2):
        assert "The phone is removed" in page(other_browser.post(enrolled))
    assert not PhoneDevice.objects.exists()
    assert actions(bob).count("phone.disowned") == 1


# Requests under way --------------------------------------------------------------------------------


@pytest.fixture
def under_way(bob: User, bobs_phone: PhoneDevice) -> User:
    """Return Bob as a request of Mallory's has read him, before Bob presses the link."""
    event = record_event(Action.PHONE_ENROLLED, user=bob)
    found: User = held.joined(User.objects.with_policy().select_related("account")).get(pk=bob.pk)
    assert held.counting(found)
    devices.disavow(event)
    return found


def in_a_session(user: User, journey_of: type[Journey], **facts: Any) -> Any:
    journey = journey_of(user=user, session_hash="mallory", **facts)
    journeys.start(journey)
    return journey


def binds_app(user: User) -> None:
    apps.start_enrolment(user, session_hash="mallory")
    enrolment = apps.enrolment_of(user, "mallory")
    assert enrolment
    enrolment.user = user
    apps.bind(enrolment, 1, name="")


def binds_passkey(user: User) -> None:
    made = dict.fromkeys(ceremony.Registered.__slots__, "") | {"public_key": b"", "sign_count": 0}
    passkeys.bind(in_a_session(user, PasskeyRegistration), ceremony.Registered(**made), "")  # type: ignore[arg-type]


def binds_phone(user: User) -> None:
    devices.bind(user, Challenge(destination=MALLORYS_NUMBER))


def changes_phone(user: User) -> None:
    number = {"number": MALLORYS_NUMBER, "region": "BR", "kind": "mobile"}
    phone_flows.complete_phone_change(in_a_session(user, PhoneChange, **number), mock.Mock())


@pytest.mark.parametrize("bind", [binds_app, binds_passkey, binds_phone, changes_phone, codes.issue])
def test_a_request_under_way_binds_nothing_after_the_press(under_way: User, bind: Callable[[User], Any]) -> None:
    """D3, W-04: it began before the link was pressed and waits for the row that the press holds."""
    with pytest.raises(JourneyOver):
        bind(under_way)
    assert held.devices_of(User.objects.get(pk=under_way.pk)) == []
    under_way.refresh_from_db()
    assert (under_way.has_device, under_way.codes_left) == (False, 0)


def test_a_change_of_a_phone_that_was_just_removed_brings_none_back(bob: User, bobs_phone: PhoneDevice) -> None:
    """K-02, W-04: removing it ends no session, for there is an app; the row is not written anew."""
    found: User = held.joined(User.objects.with_policy().select_related("account")).get(pk=bob.pk)
    assert found.phone_device == bobs_phone
    bobs_phone.delete()
    with pytest.raises(JourneyOver):
        changes_phone(found)
    assert not PhoneDevice.objects.exists()
