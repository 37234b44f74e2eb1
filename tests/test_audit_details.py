"""The audit log says what was changed to what, and whom it was about; its filter finds people as their list does."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import policy_schedule
from accounts.audit import filters
from accounts.branding import flows as branding
from accounts.invitations import flows as invitations
from accounts.models import Account, AuditEvent, Invitation, User
from accounts.notifications import choices
from accounts.policy import set_sign_in_options, set_two_factor_policy
from messaging.portal import erasure
from tests.conftest import Browser, person
from tests.tools import page

pytestmark = pytest.mark.django_db

AUDIT = "/configuracoes/auditoria/"
DAY = datetime(2031, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def office(browser: Browser, alice: User) -> Browser:
    browser.force_login(alice)
    return browser


def said(office: Browser, language: str = "en", query: str = "") -> list[str]:
    """Return the sentences of the audit page, the newest first."""
    office.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    shown = re.findall(r'<p class="event-what">(.*?)</p>', page(office.get(AUDIT + query)), re.DOTALL)
    return [re.sub(r"<[^>]+>", "", sentence).strip() for sentence in shown]


# What was changed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "alice changed the colour of the account from Green to Blue."),
        ("pt-br", "alice mudou a cor da conta de Verde para Azul."),
        ("es", "alice cambió el color de la cuenta de Verde a Azul."),
    ],
)
def test_a_colour_is_named_before_and_after(office: Browser, alice: User, language: str, told: str) -> None:
    branding.set_accent(alice.account, "blue", actor=alice)
    assert said(office, language) == [told]


@pytest.mark.parametrize(
    ("language", "day", "reader"),
    [
        ("en", "2 Mar 2031", "every administrator"),
        ("pt-br", "02/03/2031", "todos os administradores"),
        ("es", "2 de marzo de 2031", "todos los administradores"),
    ],
)
def test_dates_and_notices_say_which(office: Browser, alice: User, language: str, day: str, reader: str) -> None:
    account = alice.account
    policy_schedule.schedule(account, DAY, actor=alice)
    account.refresh_from_db()
    policy_schedule.unschedule(account, actor=alice)
    policy_schedule.choose_factors(account, ["app", "passkey"], DAY, actor=alice)
    account.refresh_from_db()
    policy_schedule.unschedule_factors(account, actor=alice)
    choices.choose(account, ["shared"], None, actor=alice)
    notices, *dates = said(office, language)
    assert [day.lower() in sentence.lower() for sentence in dates] == [True] * 4
    assert f": {reader}." in notices
    assert notices.count(";") == 1, "two notices before, one after"


def test_notices_of_none_and_of_an_earlier_release(office: Browser, alice: User) -> None:
    AuditEvent.objects.create(account=alice.account, user=alice, actor=alice, action="account.notices_changed")
    choices.choose(alice.account, [], alice.pk, actor=alice)
    newer, older = said(office)
    assert newer.endswith("to “none”, and to whom: an administrator of their choice.")
    assert older.endswith("from “–” to “–”, and to whom: –.")


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "An e-mail told everybody that two factor authentication is on: alice had switched it on."),
        ("pt-br", "Um e-mail avisou todos de que a verificação em duas etapas está ativada: alice a ativou."),
        ("es", "Un correo avisó a todos de que la autenticación de dos factores está activada: alice la activó."),
    ],
)
def test_what_is_announced_at_the_switch_is_not_called_coming(
    office: Browser, alice: User, language: str, told: str
) -> None:
    set_two_factor_policy(alice.account, True, actor=alice)
    Account.objects.update(two_factor_required=False)
    assert said(office, language, "?event=policy.announced") == [told]
    assert told in page(office.get("/"))


def test_options_say_which_way(office: Browser, alice: User) -> None:
    for chosen in (True, False):
        set_sign_in_options(alice.account, mailbox_before_phone=chosen, actor=alice)
    assert said(office) == [
        "alice no longer requires the e-mail to be confirmed before a first phone.",
        "alice now requires the e-mail to be confirmed before a first phone.",
    ]


# Who was invited -----------------------------------------------------------------------------------


def test_the_administrators_see_whom_they_invited_and_the_rows_keep_no_address(
    office: Browser, alice: User, charlie: User
) -> None:
    """A-04, R-13: the page, home and the table."""
    invitations.invite(alice.account, {"nina@example.com": "Nina"}, actor=alice, language="en")
    invitations.revoke(Invitation.objects.get(), actor=alice)
    assert said(office) == [
        "alice revoked the invitation of nina@example.com.",
        "alice invited nina@example.com.",
    ]
    assert "alice invited nina@example.com." in page(office.get("/"))
    table: Any = office.get(f"{AUDIT}exportar/")
    assert b"alice invited nina@example.com." in b"".join(table)
    assert {event.data["address"] for event in AuditEvent.objects.all()} == {"n•••@example.com"}
    theirs = Invitation.objects.create(
        account=charlie.account, email="zoe@example.com", invited_by=charlie, language="en", nonce=1,
        expires_at=timezone.now(),
    )  # fmt: skip
    data = {"address": "z•••@example.com", "invitation": theirs.pk}
    AuditEvent.objects.create(account=alice.account, actor=alice, action="invitation.sent", data=data)
    assert said(office)[0] == "alice invited z•••@example.com."


def test_an_erased_person_is_no_longer_named_as_invited(office: Browser, alice: User) -> None:
    """R-13."""
    invitations.invite(alice.account, {"nina@example.com": ""}, actor=alice, language="en")
    nina = person("nina", alice.account, is_active=False)
    erasure.erase(nina, actor=alice)
    assert "alice invited n•••@example.com." in said(office)
    assert "nina@example.com" not in page(office.get(AUDIT))


# Found by name -------------------------------------------------------------------------------------


@pytest.fixture
def souzas(account: Account) -> list[User]:
    names = {"ana1": ("Ana", "de Souza"), "joao7": ("João", "Souza Lima"), "kim": ("Kim", "Prado")}
    return [person(login, account, first_name=first, last_name=last) for login, (first, last) in names.items()]


def happened(user: User, actor: User | None = None) -> AuditEvent:
    return AuditEvent.objects.create(account=user.account, user=user, actor=actor or user, action="user.unlocked")


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("en", "2 users match; the events of all of them are shown:"),
        ("pt-br", "2 usuários correspondem; os eventos de todos eles estão abaixo:"),
        ("es", "2 usuarios coinciden; se muestran los eventos de todos ellos:"),
    ],
)
def test_people_are_found_by_any_word_of_a_name_and_all_of_them_are_shown(
    office: Browser, alice: User, souzas: list[User], language: str, word: str
) -> None:
    ana, joao, kim = souzas
    events = [happened(ana), happened(joao), happened(kim), happened(alice, actor=joao)]
    office.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    answer = office.get(f"{AUDIT}?person=souza")
    found = {one["event"].pk for one in answer.context["events"]}
    assert found == {events[0].pk, events[1].pk, events[3].pk}
    assert word in page(answer)
    links = re.findall(r'href="(\S+\?person=[^"]+)">([^<]+)</a>', page(answer))
    assert [name for _link, name in links] == ["Ana de Souza", "João Souza Lima"]
    alone = office.get(links[0][0])
    assert {one["event"].pk for one in alone.context["events"]} == {events[0].pk}
    assert word not in page(alone)


@pytest.mark.parametrize("typed", ["joao", "LIMA", "souza lima", "joao7", "joao7@example.com", "jo"])
def test_one_who_is_found_needs_no_word(office: Browser, souzas: list[User], typed: str) -> None:
    event = happened(souzas[1])
    answer = office.get(AUDIT, {"person": typed})
    assert [one["event"].pk for one in answer.context["events"]] == [event.pk]
    assert "users match" not in page(answer)


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("en", "Nobody in this account has this name, login or e-mail address."),
        ("pt-br", "Ninguém nesta conta tem este nome, login ou e-mail."),
        ("es", "Nadie en esta cuenta tiene este nombre, usuario o correo."),
    ],
)
def test_a_search_without_a_result_says_so(office: Browser, souzas: list[User], language: str, word: str) -> None:
    office.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    assert word in page(office.get(f"{AUDIT}?person=silva"))


def test_too_many_to_read_at_once_are_said(
    office: Browser, souzas: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "MAX_PEOPLE", 1)
    happened(souzas[0])
    answer = office.get(f"{AUDIT}?person=souza")
    assert "More than 1 users match. Type more letters" in page(answer)
    assert answer.context["events"] == []


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("en", "More than 1 users match; only the events of Ana Souza are shown, whose login is souza."),
        ("pt-br", "Mais de 1 usuários correspondem; só estão abaixo os eventos de Ana Souza, cujo login é souza."),
        ("es", "Coinciden más de 1 usuarios; solo se muestran los eventos de Ana Souza, cuyo usuario es souza."),
    ],
)
def test_a_login_that_begins_too_many_others_means_its_owner(
    office: Browser,
    account: Account,
    souzas: list[User],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    word: str,
) -> None:
    monkeypatch.setattr(filters, "MAX_PEOPLE", 1)
    monkeypatch.setattr(filters.AuditFilter, "most", 1)
    events = [happened(person("souza", account, first_name="Ana", last_name="Souza")), happened(souzas[0])]
    office.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    answer = office.get(f"{AUDIT}?person=souza")
    assert [one["event"].pk for one in answer.context["events"]] == [events[0].pk]
    assert word in page(answer)


def test_an_address_means_nobody_whose_own_begins_with_it(office: Browser, souzas: list[User]) -> None:
    User.objects.filter(pk=souzas[2].pk).update(email="joao7@example.com.br")
    event = happened(souzas[1])
    happened(souzas[2])
    answer = office.get(f"{AUDIT}?person=joao7@example.com")
    assert [one["event"].pk for one in answer.context["events"]] == [event.pk]


def test_a_name_costs_the_same_statements_whatever_the_number_of_people_who_have_it(
    office: Browser, souzas: list[User]
) -> None:
    """One more than the exact login took."""
    assert [statements(office, typed) for typed in ("kim", "souza")] == [6, 6]


def statements(office: Browser, typed: str) -> int:
    with CaptureQueriesContext(connection) as context:
        assert office.get(AUDIT, {"person": typed}).status_code == 200
    return len(context)
