"""A-05: what an administrator does for several people at once: one page that says it, one proof, one result each."""

import re
from typing import Any

import pytest
from django.db import DatabaseError

from accounts.auth import sessions
from accounts.models import Account, AuditEvent, Role, User
from accounts.users import flows
from messaging.delivery.models import Message
from messaging.portal import bulk
from tests.conftest import Browser, enrol, many, person
from tests.tools import page
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

USERS = "/configuracoes/usuarios/"
BULK = f"{USERS}varios/"
IDENTITY = "/confirmar-identidade/"


@pytest.fixture
def office(browser: Browser, alices_phone: PhoneDevice, policy: Account) -> Browser:
    """Return Alice's browser, signed in with both steps; the proof is not given yet."""
    browser.sign_in("alice")
    return browser


@pytest.fixture
def leavers(account: Account) -> list[User]:
    return [person(login, account, first_name=login.title()) for login in ("ana", "bia", "caio")]


def ids(people: list[User]) -> list[str]:
    return [str(one.pk) for one in people]


def do(browser: Browser, action: str, people: list[User], **fields: str) -> str:
    """Post the page's form, prove it, and return the results."""
    answer = browser.post(BULK, {"action": action, "person": ids(people), **fields})
    assert answer.headers["Location"] == IDENTITY
    return page(browser.prove_identity())


def results(shown: str) -> dict[str, str]:
    return dict(re.findall(r'usuarios/\d+/">([^<]+)</a> <span class="badge[^"]*">([^<]+)<', shown))


def test_the_page_says_what_will_happen_to_whom_and_does_nothing(office: Browser, leavers: list[User]) -> None:
    shown = page(office.get(BULK, {"action": "deactivate", "person": ids(leavers)}))
    assert "They are signed out everywhere at once" in shown
    assert "To 3 users" in shown
    assert [name for name in ("Ana", "Bia", "Caio") if f"<strong>{name}</strong>" not in shown] == []
    assert User.objects.filter(is_active=False).count() == 0


def test_one_proof_deactivates_them_all_and_each_is_written_down(
    office: Browser, alice: User, leavers: list[User]
) -> None:
    """A-01: nothing happens before the proof."""
    office.post(BULK, {"action": "deactivate", "person": ids(leavers)})
    assert User.objects.filter(is_active=False).count() == 0
    assert results(do(office, "deactivate", leavers)) == {"Ana": "Done", "Bia": "Done", "Caio": "Done"}
    assert User.objects.filter(is_active=False).count() == 3
    events = AuditEvent.objects.filter(action="user.deactivated", actor=alice)
    assert {event.user for event in events} == set(leavers)


def test_for_five_minutes_no_second_proof_is_asked_for(office: Browser, leavers: list[User]) -> None:
    """R-12."""
    do(office, "administrator", leavers[:1])
    shown = page(office.post(BULK, {"action": "member", "person": ids(leavers[:1])}))
    assert results(shown) == {"Ana": "Done"}


def test_members_do_nothing_to_several(browser: Browser, bobs_phone: PhoneDevice, policy: Account) -> None:
    """A-01."""
    browser.sign_in("bob")
    assert browser.get(BULK, {"action": "deactivate", "all": "1"}).status_code == 403
    assert browser.post(BULK, {"action": "deactivate", "person": ["1"]}).status_code == 403


def test_of_another_account_nobody_is_chosen(office: Browser, charlie: User, leavers: list[User]) -> None:
    """A-04: they are as unknown as nobody."""
    assert set(results(do(office, "deactivate", [charlie, *leavers]))) == {"Ana", "Bia", "Caio"}
    charlie.refresh_from_db()
    assert charlie.is_active
    assert office.post(BULK, {"action": "deactivate", "person": [str(charlie.pk)]}).headers["Location"] == USERS


def test_nobody_does_it_to_themselves(office: Browser, alice: User, leavers: list[User]) -> None:
    """A-02."""
    person("dora", alice.account, Role.ADMINISTRATOR)
    shown = do(office, "deactivate", [alice, *leavers])
    assert results(shown)["alice"] == "This is you."
    alice.refresh_from_db()
    assert alice.is_active


@pytest.mark.parametrize("action", ["deactivate", "member"])
def test_the_last_administrator_stays(office: Browser, alice: User, leavers: list[User], action: str) -> None:
    """A-02: Alice is locked meanwhile and runs nothing, so Dora is the last one."""
    dora = person("dora", alice.account, Role.ADMINISTRATOR)
    do(office, "remind", leavers[:1])
    User.objects.filter(pk=alice.pk).update(role=Role.MEMBER)
    found = bulk.carry_out(bulk.ACTIONS[action], [dora, *leavers], alice, "")
    assert [(result.person, result.is_done) for result in found if result.person == dora] == [(dora, False)]
    assert "Somebody has to run the account" in next(result.text for result in found if result.person == dora)
    dora.refresh_from_db()
    assert (dora.is_active, dora.role) == (True, Role.ADMINISTRATOR)


def test_a_fault_leaves_one_person_as_they_were_and_the_others_done(
    office: Browser, leavers: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    end = sessions.end_sessions

    def broken(user: User, **facts: Any) -> None:
        if user == leavers[1]:
            raise DatabaseError("the disk is full")
        end(user, **facts)

    monkeypatch.setattr(flows, "end_sessions", broken)
    shown = do(office, "deactivate", leavers)
    assert "Done for 2 of 3." in shown
    assert results(shown)["Bia"] == "This did not work, and nothing was changed. Try again."
    assert set(User.objects.filter(is_active=False)) == {leavers[0], leavers[2]}
    assert AuditEvent.objects.filter(action="user.deactivated").count() == 2
    monkeypatch.setattr(flows, "end_sessions", end)
    again = page(office.post(BULK, {"action": "deactivate", "person": ids(leavers)}))
    assert results(again) == {"Bia": "Done", "Ana": "There is nothing to do.", "Caio": "There is nothing to do."}


def test_phones_are_reset_with_one_reason_that_each_reads(office: Browser, leavers: list[User]) -> None:
    """R-07."""
    for number, leaver in enumerate(leavers[:2]):
        enrol(leaver, f"+551198765430{number}")
    shown = do(office, "reset_phone", leavers, reason="New contract")
    assert results(shown) == {"Ana": "Done", "Bia": "Done", "Caio": "There is nothing to do."}
    assert {event.data["reason"] for event in AuditEvent.objects.filter(action="phone.reset")} == {"New contract"}
    assert AuditEvent.objects.filter(action="phone.reset").count() == 2


def test_without_a_reason_no_phone_is_reset(office: Browser, leavers: list[User]) -> None:
    enrol(leavers[0])
    shown = do(office, "reset_phone", leavers[:1])
    assert "This field is required." in shown
    assert PhoneDevice.objects.filter(user=leavers[0]).exists()


def test_reminders_go_to_those_without_a_phone_once(office: Browser, leavers: list[User]) -> None:
    enrol(leavers[0])
    assert list(results(do(office, "remind", leavers)).values()) == ["Done", "Done", "There is nothing to do."]
    assert Message.objects.filter(kind="reminder").count() == 2
    again = page(office.post(BULK, {"action": "remind", "person": ids(leavers)}))
    assert "Done for 0 of 3." in again
    assert Message.objects.filter(kind="reminder").count() == 2


def test_all_of_a_filter_are_chosen_up_to_as_many_as_are_done_at_once(
    office: Browser, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(account, 6, last_name="Prado")
    monkeypatch.setattr(bulk, "MAX_PEOPLE", 4)
    shown = page(office.get(BULK, {"action": "deactivate", "all": "1", "q": "prado", "state": "active"}))
    assert "These are the first 4." in shown
    assert len(posted_by(shown).split(",")) == 4
    assert "alice" not in shown.partition("<main")[2]


def posted_by(shown: str) -> str:
    """Return whom the page's form names."""
    (whom,) = re.findall(r'type="hidden" name="person" value="([\d,]+)"', shown)
    return str(whom)


def test_as_many_as_are_done_at_once_fit_into_the_form(office: Browser, account: Account) -> None:
    """A form has a hundred fields at most: everybody stands in one of them."""
    many(account, bulk.MAX_PEOPLE)
    shown = page(office.get(BULK, {"action": "administrator", "all": "1", "role": "member"}))
    assert office.post(BULK, {"action": "administrator", "person": posted_by(shown)}).headers["Location"] == IDENTITY
    assert f"Done for {bulk.MAX_PEOPLE} of {bulk.MAX_PEOPLE}." in page(office.prove_identity())


def test_more_than_are_done_at_once_are_not_done(
    office: Browser, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_PEOPLE", 4)
    people = many(account, 6)
    assert len(results(do(office, "deactivate", people))) == 4


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "deactivate"},
        {"action": "nonsense", "all": "1"},
        {"action": "deactivate", "person": ["", "x", "-1", "９", "9" * 30, "9223372036854775808", "\0"]},
    ],
)
def test_no_choice_is_answered_with_a_message(office: Browser, fields: dict[str, Any]) -> None:
    answer = office.get(BULK, fields, follow=True)
    assert answer.redirect_chain == [(USERS, 302)]
    assert "Choose at least one user, and what is to be done." in page(answer)


def test_the_list_has_a_box_for_each_person(office: Browser, leavers: list[User]) -> None:
    shown = page(office.get(f"{USERS}?role=member"))
    assert re.findall(r'name="person" value="(\d+)" form="bulk"', shown) == ids(leavers)
    assert '<input type="hidden" name="role" value="member">' in shown
