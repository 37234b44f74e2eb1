"""Taking invitations back, one or many: a page says what will happen to whom, and the list stays as it was."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from accounts.invitations import flows, revoking
from accounts.models import Account, AuditEvent, Invitation, User
from tests.conftest import Browser
from tests.tools import page

pytestmark = pytest.mark.django_db

USERS = "/configuracoes/usuarios/"
BULK = f"{USERS}varios/"
REVOKE = f"{USERS}convites/revogar/"


@pytest.fixture
def office(browser: Browser, alice: User) -> Browser:
    browser.force_login(alice)
    return browser


def invite(by: User, *mailboxes: str) -> list[Invitation]:
    addresses = {f"{mailbox}@example.com": mailbox.title() for mailbox in mailboxes}
    flows.invite(by.account, addresses, actor=by, language="en")
    return list(Invitation.objects.filter(email__in=addresses).order_by("email"))


def ids(invitations: list[Invitation]) -> list[str]:
    return [str(invitation.pk) for invitation in invitations]


def results(answer: Any) -> dict[str, str]:
    return dict(re.findall(r'<li><span>(\w+) <[^<]+</span> <span class="badge[^"]*">([^<]+)<', page(answer)))


def are_open() -> set[str]:
    return {invitation.name for invitation in Invitation.objects.open()}


# One ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "The invitation of Nina <nina@example.com> was revoked."),
        ("pt-br", "O convite de Nina <nina@example.com> foi revogado."),
        ("es", "La invitación de Nina <nina@example.com> fue revocada."),
    ],
)
def test_one_is_revoked_after_a_page_that_names_whom_and_the_list_stays_filtered(
    office: Browser, alice: User, language: str, told: str
) -> None:
    office.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    (nina,) = invite(alice, "nina")
    shown = page(office.get(f"{USERS}?state=invited&q=nina"))
    (path,) = re.findall(r'href="([^"]*revogar/[^"]*)"', shown)
    asked = page(office.get(path))
    assert "nina@example.com" in asked
    assert are_open() == {"Nina"}, "the page changes nothing"
    (kept,) = re.findall(r'name="filter" value="([^"]*)"', asked)
    answer = office.post(f"{USERS}convites/{nina.pk}/revogar/", {"filter": kept}, follow=True)
    assert answer.redirect_chain == [(f"{USERS}?q=nina&state=invited", 302)]
    assert told in page(answer)
    assert are_open() == set()


def test_one_that_is_sent_again_is_named_and_the_list_stays_filtered(office: Browser, alice: User) -> None:
    (nina,) = invite(alice, "nina")
    shown = page(office.get(f"{USERS}?state=invited"))
    assert 'name="filter" value="state=invited"' in shown
    answer = office.post(f"{USERS}convites/{nina.pk}/reenviar/", {"filter": "state=invited"}, follow=True)
    assert answer.redirect_chain == [(f"{USERS}?state=invited", 302)]
    assert "The invitation of Nina <nina@example.com> was sent again." in page(answer)


@pytest.mark.parametrize("brought", ["//evil.example", "next=//evil.example&role=", "a=1&" * 90])
def test_what_a_form_brings_along_leads_to_the_list_only(office: Browser, alice: User, brought: str) -> None:
    """W-06."""
    (nina,) = invite(alice, "nina")
    answer = office.post(f"{USERS}convites/{nina.pk}/revogar/", {"filter": brought})
    assert answer.headers["Location"] == USERS


# Many ---------------------------------------------------------------------------------------------


def test_many_are_chosen_in_the_list_and_the_page_says_whom(office: Browser, alice: User) -> None:
    chosen = invite(alice, "nina", "max", "tom")
    shown = page(office.get(f"{USERS}?state=invited"))
    assert re.findall(r'name="invitation" value="(\d+)" form="bulk"', shown) == ids(chosen)
    offered = shown.partition('id="bulk-action"')[2].partition("</select>")[0]
    assert re.findall(r'<option value="(\w+)">', offered) == ["revoke"]
    asked = office.get(BULK, {"action": "revoke", "state": "invited", "invitation": ids(chosen[:2])}, follow=True)
    read = page(asked)
    assert "Revoke 2 invitations" in read
    assert re.findall(r"<li><strong>(\w+)</strong>", read) == ["Max", "Nina"]
    assert 'name="filter" value="state=invited"' in read
    assert are_open() == {"Nina", "Max", "Tom"}


def test_each_has_a_result_and_is_written_down(office: Browser, alice: User) -> None:
    """A-05: each in a transaction of its own."""
    chosen = invite(alice, "nina", "max", "tom")
    Invitation.objects.filter(email="tom@example.com").update(accepted_at=timezone.now())
    answer = office.post(REVOKE, {"invitation": ",".join(ids(chosen)), "filter": "state=invited"})
    assert results(answer) == {
        "Max": "Revoked",
        "Nina": "Revoked",
        "Tom": "There is nothing to do: it was accepted or revoked before.",
    }
    assert "Done for 2 of 3." in page(answer)
    assert f'href="{USERS}?state=invited"' in page(answer)
    assert AuditEvent.objects.filter(action="invitation.revoked", actor=alice).count() == 2


def test_a_fault_leaves_one_as_it_was_and_the_others_revoked(
    office: Browser, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator finds the reason in the log."""
    revoke = flows.revoke

    def broken(invitation: Invitation, **facts: Any) -> bool:
        if invitation.name == "Max":
            raise DatabaseError("the disk is full")
        return revoke(invitation, **facts)

    chosen = invite(alice, "nina", "max")
    monkeypatch.setattr(flows, "revoke", broken)
    answer = office.post(REVOKE, {"invitation": ids(chosen)})
    assert results(answer) == {"Max": "This did not work, and nothing was changed. Try again.", "Nina": "Revoked"}
    assert are_open() == {"Max"}
    assert "could not be revoked" in caplog.text
    assert "the disk is full" in caplog.text


def test_all_of_a_filter_are_chosen_up_to_as_many_as_are_revoked_at_once(
    office: Browser, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(alice, "nina", "nora", "nils", "tom")
    monkeypatch.setattr(revoking, "MAX_INVITATIONS", 2)
    read = page(office.get(BULK, {"action": "revoke", "all": "1", "q": "n"}, follow=True))
    assert "These are the first 2." in read
    (named,) = re.findall(r'name="invitation" value="([\d,]+)"', read)
    office.post(REVOKE, {"invitation": named})
    assert are_open() == {"Nora", "Tom"}


def test_of_another_account_none_is_revoked_and_members_revoke_none(
    office: Browser, make_browser: Any, alice: User, bob: User, charlie: User
) -> None:
    """A-01, A-04."""
    theirs = invite(charlie, "nina")
    Account.objects.filter(pk=charlie.account_id).update(two_factor_required=False)
    assert office.post(REVOKE, {"invitation": ids(theirs)}).headers["Location"] == USERS
    member = make_browser()
    member.force_login(bob)
    assert member.post(REVOKE, {"invitation": ids(theirs)}).status_code == 403
    assert are_open() == {"Nina"}


@pytest.mark.parametrize("typed", [[], ["", "x", "-1", "９", "9" * 30, "9223372036854775808", "\0"]])
def test_no_choice_is_answered_with_a_message(office: Browser, typed: list[str]) -> None:
    answer = office.get(BULK, {"action": "revoke", "invitation": typed, "state": "invited"}, follow=True)
    assert answer.redirect_chain[-1] == (f"{USERS}?state=invited", 302)
    assert "Choose at least one invitation, and what is to be done." in page(answer)


def test_users_and_invitations_chosen_together_are_not_mixed_up(office: Browser, alice: User, bob: User) -> None:
    chosen = invite(alice, "nina")
    both = {"invitation": ids(chosen), "person": [str(bob.pk)]}
    revoke = page(office.get(BULK, {"action": "revoke", **both}, follow=True))
    assert "The users that you chose stay as they are" in revoke
    deactivate = page(office.get(BULK, {"action": "deactivate", "role": "member", **both}))
    assert "The invitations that you chose stay as they are" in deactivate
    assert "nina@example.com" not in deactivate
    assert f'href="{USERS}?role=member"' in deactivate
    assert 'name="filter" value="role=member"' in deactivate


# Counted as what they are --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "mixed", "alone", "one"),
    [
        ("en", "1 user, 2 invitations", "2 invitations", "1 invitation"),
        ("pt-br", "1 usuário, 2 convites", "2 convites", "1 convite"),
        ("es", "1 usuario, 2 invitaciones", "2 invitaciones", "1 invitación"),
    ],
)
def test_invitations_are_counted_as_what_they_are(
    office: Browser, alice: User, language: str, mixed: str, alone: str, one: str
) -> None:
    office.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    invite(alice, "nina", "max")
    assert [counted(office, query) for query in ("", "?state=invited", "?q=nina")] == [mixed, alone, one]


def test_more_invitations_than_stand_before_the_users_are_not_called_users(office: Browser, alice: User) -> None:
    invite(alice, *(f"n{number}" for number in range(7)))
    assert counted(office, "") == "1 user, more than 5 invitations"


def counted(office: Browser, query: str) -> str:
    shown = page(office.get(USERS + query))
    (text,) = re.findall(r'<p class="list-count" role="status">\s*(.*?)\s*</p>', shown, re.DOTALL)
    return " ".join(text.split())
