"""The list of an account's people: who is on it, who may see it, and how it is searched, filtered, sorted and paged."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.lists import csv as lists_csv
from accounts.models import Account, Invitation, Role, User
from accounts.users.email_address import change_email
from accounts.users.flows import lock_user
from tests.conftest import BOBS_NUMBER, Browser, enrol, many, person
from tests.tools import page

pytestmark = pytest.mark.django_db

USERS = "/configuracoes/usuarios/"


@pytest.fixture
def office(browser: Browser, alice: User) -> Browser:
    """Return the browser of Alice, who is signed in; the policy is off."""
    browser.post_password("alice")
    return browser


def names(response: Any) -> list[str]:
    return re.findall(r'class="who-name"[^>]*>([^<]+)<', page(response))


def invite(account: Account, email: str, by: User, **fields: Any) -> Invitation:
    expires = timezone.now() + timedelta(days=7)
    return Invitation.objects.create(
        account=account, email=email, invited_by=by, language="en", nonce=1, **{"expires_at": expires, **fields}
    )


# Who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "exportar/", "1/"])
def test_members_may_not_and_anonymous_sign_in(browser: Browser, bob: User, path: str) -> None:
    """A-01."""
    assert browser.get(USERS + path).headers["Location"].startswith("/entrar/?next=")
    browser.post_password("bob")
    assert browser.get(USERS + path).status_code == 403


def test_another_accounts_person_does_not_exist(office: Browser, charlie: User, bob: User) -> None:
    """A-04."""
    assert office.get(f"{USERS}{charlie.pk}/").status_code == 404
    assert office.get(f"{USERS}{bob.pk}/").status_code == 200
    assert office.get(f"{USERS}{2**70}/").status_code == 404


def test_only_the_own_accounts_people_and_invitations_are_listed(
    office: Browser, alice: User, bob: User, charlie: User
) -> None:
    """A-04: neither by filter nor by the cursor of another account's row."""
    invite(charlie.account, "zoe@example.com", charlie)
    for query in ("", "?q=charlie", "?q=zoe", "?state=invited", f"?after={charlie.pk}", "?role=administrator"):
        shown = page(office.get(USERS + query))
        assert "charlie@" not in shown
        assert "zoe@" not in shown
    assert names(office.get(f"{USERS}?after={charlie.pk}")) == ["alice", "bob"]
    assert "charlie" not in exported(office, "")


# What it shows ----------------------------------------------------------------------------------


def test_each_person_is_shown_with_state_and_second_factor(office: Browser, account: Account, bob: User) -> None:
    """P-09: the phone is masked."""
    device = enrol(bob)
    User.objects.filter(pk=bob.pk).update(first_name="Bob", last_name="Tables", last_login=timezone.now())
    shown = page(office.get(USERS))
    row = re.search(r"Bob Tables.*?</tr>", shown, re.DOTALL)
    assert row
    for words in ("bob@example.com", "Member", "Active", "Confirmed", "since"):
        assert words in row[0]
    person_page = page(office.get(f"{USERS}{bob.pk}/"))
    assert "•••••••21" in person_page
    assert device.number[3:9] not in person_page + shown


def test_invitations_come_first_and_say_when_they_are_over(office: Browser, account: Account, alice: User) -> None:
    invite(account, "new@example.com", alice)
    invite(account, "old@example.com", alice, expires_at=timezone.now() - timedelta(seconds=1))
    invite(account, "gone@example.com", alice, revoked_at=timezone.now())
    invite(account, "here@example.com", alice, accepted_at=timezone.now())
    for query in ("", "?state=invited"):
        shown = page(office.get(USERS + query))
        listed = re.findall(r'class="who-mail" title="(\w+)@', shown)
        assert listed == (["new", "old"] if query else ["new", "old", "alice"])
        assert shown.count("Invitation expired") == 1
        assert "gone@" not in shown
        assert "here@" not in shown


def test_only_a_few_invitations_stand_before_the_people(office: Browser, account: Account, alice: User) -> None:
    for number in range(7):
        invite(account, f"n{number}@example.com", alice)
    shown = page(office.get(USERS))
    assert shown.count(">n4@example.com<") == 1
    assert "n5@example.com" not in shown
    assert "See all invitations" in shown
    assert "n6@example.com" in page(office.get(f"{USERS}?state=invited"))


# Search, filters, order ---------------------------------------------------------------------------


@pytest.fixture
def crowd(account: Account, bob: User) -> None:
    """Make João dos Santos, who is locked, Zoë, who is deactivated, and Ana, an administrator who never came."""
    now = timezone.now()
    person("js", account, first_name="João", last_name="dos Santos", locked_at=now, last_login=now)
    person("zed", account, first_name="Zoë", is_active=False, last_login=now - timedelta(days=1))
    person("ana", account, Role.ADMINISTRATOR, first_name="Ana", last_name="Água")
    User.objects.filter(pk=bob.pk).update(failures_until=now + timedelta(minutes=5))
    enrol(bob)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=joao", ["João dos Santos"]),
        ("q=Jo%C3%A3o+d", ["João dos Santos"]),
        ("q=DOS", ["João dos Santos"]),
        ("q=agua", ["Ana Água"]),
        ("q=zed@ex", ["Zoë"]),
        ("q=js", ["João dos Santos"]),
        ("q=santos", ["João dos Santos"]),
        ("q=santos+joao", ["João dos Santos"]),
        ("q=Jo%C3%A3o+de+San", ["João dos Santos"]),
        ("q=Joa%CC%83o", ["João dos Santos"]),
        ("q=joao+silva", []),
        ("q=zoe", ["Zoë"]),
        ("q=antos", []),
        ("q=%40example", ["alice", "Ana Água", "bob", "João dos Santos", "Zoë"]),
        ("q=%40other", []),
        ("q=santos&state=active", []),
        ("q=santos&state=locked", ["João dos Santos"]),
        ("q=%25", []),
        ("q=_", []),
        ("q=%00", ["alice", "Ana Água", "bob", "João dos Santos", "Zoë"]),
        ("state=locked", ["bob", "João dos Santos"]),
        ("state=deactivated", ["Zoë"]),
        ("state=active", ["alice", "Ana Água"]),
        ("state=nonsense", ["alice", "Ana Água", "bob", "João dos Santos", "Zoë"]),
        ("factor=confirmed", ["bob"]),
        ("factor=never", ["Ana Água"]),
        ("factor=pending", ["alice", "João dos Santos", "Zoë"]),
        ("role=administrator", ["alice", "Ana Água"]),
        ("role=administrator&q=a&factor=never", ["Ana Água"]),
        ("sort=-name", ["Zoë", "João dos Santos", "bob", "Ana Água", "alice"]),
        ("sort=-seen", ["alice", "João dos Santos", "Zoë", "bob", "Ana Água"]),
        ("sort=seen", ["Ana Água", "bob", "Zoë", "João dos Santos", "alice"]),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(office: Browser, bob: User, query: str, found: list[str]) -> None:
    if "factor" in query:
        User.objects.filter(pk=bob.pk).update(last_login=timezone.now())
    shown = names(office.get(f"{USERS}?{query}"))
    if "sort=" in query:
        ana_and_bob = {"Ana Água", "bob"}  # neither has signed in: by id, whichever way
        assert [name for name in shown if name not in ana_and_bob] == [n for n in found if n not in ana_and_bob]
    assert sorted(shown) == sorted(found)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("typed", ["santos", "Joa%CC%83o+Santos", "%40example", "joao+silva"])
def test_the_table_has_whom_a_search_finds(office: Browser, typed: str) -> None:
    found = names(office.get(f"{USERS}?q={typed}"))
    assert len(exported(office, f"q={typed}").splitlines()) == 1 + len(found)


def test_words_of_another_account_find_nobody(office: Browser, charlie: User) -> None:
    person("foreign", charlie.account, first_name="Maria", last_name="Distante")
    assert names(office.get(f"{USERS}?q=distante")) == []


def test_a_new_name_and_a_new_address_are_found_and_the_old_ones_not(office: Browser, bob: User) -> None:
    for_bob = Browser()
    for_bob.post_password("bob")
    for_bob.post("/meu-perfil/", {"first_name": "Bob", "last_name": "do Carmo Prado", "language": ""})
    assert names(office.get(f"{USERS}?q=prado")) == ["Bob do Carmo Prado"]
    for_bob.post("/meu-perfil/", {"first_name": "Bob", "last_name": "Lima", "language": ""})
    assert names(office.get(f"{USERS}?q=prado")) == []
    bob.refresh_from_db()
    change_email(bob, "bob@padaria.test", before="", after="")
    assert names(office.get(f"{USERS}?q=%40padaria")) == ["Bob Lima"]


def test_a_search_goes_as_far_as_a_page_counts_and_says_so(
    office: Browser, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table has everybody all the same."""
    monkeypatch.setattr("accounts.lists.pagination.COUNTED", 30)
    many(account, 40)
    first = office.get(f"{USERS}?q=p")
    assert "More than 30 users. Type more letters to see fewer." in page(first)
    found = names(first) + names(office.get(f"{USERS}?q=p&after={first.context['page'].after}"))
    assert found == [f"p{number:02d}" for number in range(31)]
    assert len(exported(office, "q=p").splitlines()) == 41
    assert "Type more letters" not in page(office.get(f"{USERS}?q=p01"))


@pytest.mark.parametrize("sort", ["name", "-name", "seen", "-seen"])
def test_what_a_search_found_is_paged_there_and_back(office: Browser, account: Account, sort: str) -> None:
    many(account, 30, last_name="Prado")
    first = office.get(f"{USERS}?q=prado&sort={sort}")
    rest = office.get(f"{USERS}?q=prado&sort={sort}&after={first.context['page'].after}")
    assert (len(names(first)), len(names(rest))) == (25, 5)
    assert len({row.pk for answer in (first, rest) for row in answer.context["page"].rows}) == 30
    back = office.get(f"{USERS}?q=prado&sort={sort}&before={rest.context['page'].before}")
    assert back.context["page"].rows == first.context["page"].rows


@pytest.mark.parametrize("sort", ["name", "-name", "seen", "-seen"])
def test_pages_by_key_show_everybody_once_there_and_back(office: Browser, account: Account, sort: str) -> None:
    """Also where the key is the same for many."""
    many(account, 59, first_name="Ana")
    first = office.get(f"{USERS}?sort={sort}")
    everybody, pages = names(first), [names(first)]
    last = first
    while (after := last.context["page"].after) is not None:
        last = office.get(f"{USERS}?sort={sort}&after={after}")
        pages.append(names(last))
        everybody += names(last)
    assert [len(one) for one in pages] == [25, 25, 10]
    logins = re.findall(r'class="cell-login"><span title="(\w+)"', page(office.get(f"{USERS}?sort={sort}")))
    assert len(set(logins)) == 25
    back = office.get(f"{USERS}?sort={sort}&before={last.context['page'].before}")
    assert names(back) == pages[1]
    assert back.context["page"].after is not None
    start = office.get(f"{USERS}?sort={sort}&before={back.context['page'].before}")
    assert names(start) == pages[0]
    assert start.context["page"].before is None


@pytest.mark.parametrize("cursor", ["after=x", "after=-1", f"after={2**64}", "before=%C2%B2", "after=999999"])
def test_a_cursor_that_is_none_shows_the_first_page(office: Browser, bob: User, cursor: str) -> None:
    assert names(office.get(f"{USERS}?{cursor}")) == ["alice", "bob"]


def statements(browse: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as context:
        assert browse().status_code == 200
    return len(context)


@pytest.mark.parametrize("query", ["", "?state=invited", "?q=p&role=member", "?factor=never&sort=-seen"])
def test_a_page_costs_the_same_statements_whatever_the_number_of_people(
    office: Browser, account: Account, alice: User, query: str
) -> None:
    person("p", account)
    few = statements(lambda: office.get(USERS + query))
    for user in many(account, 60):
        enrol(user)
    for number in range(40):
        invite(account, f"i{number:02d}@example.com", alice)
    assert statements(lambda: office.get(USERS + query)) == few <= 6


# The table -------------------------------------------------------------------------------------------


def exported(browser: Browser, query: str) -> str:
    response: Any = browser.get(f"{USERS}exportar/?{query}")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.search(r'filename="users-padaria-aurora-\d{4}-\d\d-\d\d\.csv"', response.headers["Content-Disposition"])
    return b"".join(response).decode()


def test_the_table_has_the_filtered_list_with_times_in_utc(office: Browser, account: Account, bob: User) -> None:
    enrol(bob)
    User.objects.filter(pk=bob.pk).update(first_name="Bob", last_login="2026-11-20T23:30:00-03:00")
    text = exported(office, "q=bob")
    assert text.startswith("\ufeff")
    head, row = list(csv.reader(io.StringIO(text[1:])))
    assert head[:3] == ["Name", "Login name", "E-mail address"]
    assert row[:6] == ["Bob", "bob", "bob@example.com", "Member", "Active", "Confirmed"]
    assert row[7:] == ["•••21", "2026-11-21T02:30:00Z", "", ""]
    assert BOBS_NUMBER[3:9] not in text


def test_the_table_has_everybody_and_the_invited(
    office: Browser, account: Account, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.lists.pagination.CHUNK", 7)
    many(account, 30)
    invite(account, "new@example.com", alice)
    rows = list(csv.reader(io.StringIO(exported(office, "sort=-seen")[1:])))
    assert rows[1][2:5] == ["new@example.com", "Member", "Invited"]
    assert len({row[1] for row in rows[2:]}) == len(rows) - 2 == 31


def test_the_table_is_in_the_readers_language_and_separated_as_their_excel_wants(alice: User) -> None:
    reader = Browser(headers={"accept-language": "pt-BR"})
    reader.post_password("alice")
    head = "Nome;Login;E-mail;Papel;Situação;Segundo fator;Confirmado desde;Telefone;Último acesso"
    head += ";Aplicativo autenticador;Chave de acesso"
    assert exported(reader, "").splitlines()[0] == "\ufeff" + ";".join(f'"{name}"' for name in head.split(";"))


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t=", "  =", "＝"])
def test_no_cell_of_a_table_is_a_formula(office: Browser, bob: User, begins: str) -> None:
    """OWASP, CSV injection."""
    User.objects.filter(pk=bob.pk).update(first_name=f"{begins}cmd|' /C calc'!A0")
    assert list(csv.reader(io.StringIO(exported(office, "q=bob@")[1:])))[1][0].startswith("'")
    assert lists_csv.cell(f"{begins}1+1").startswith("'")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "\n", "\r\n"])
def test_no_cell_of_a_spreadsheet_begins_with_a_formula_whatever_its_separator(separator: str) -> None:
    """W-07."""
    text = lists_csv._written([[f"Ana{separator}=cmd"]], ",")
    assert text == f'"Ana{separator}\'=cmd"\r\n'


def test_the_page_of_a_locked_person_says_since_when_until_when_and_why(
    office: Browser, account: Account, bob: User
) -> None:
    lock_user(bob, reason="phone.disowned")
    shown = page(office.get(f"{USERS}{bob.pk}/"))
    assert "Locked since" in shown
    assert "until an administrator unlocks them" in shown
    assert re.search(r"<dt>Why</dt><dd>.*they said that a phone was not theirs", shown)
    User.objects.filter(pk=bob.pk).update(locked_at=None, failures_until=timezone.now() + timedelta(minutes=5))
    shown = page(office.get(f"{USERS}{bob.pk}/"))
    assert "Wrong tokens: the second step is refused until" in shown
    assert "Locked since" not in shown
    User.objects.filter(pk=bob.pk).update(failures_until=timezone.now() - timedelta(minutes=5))
    assert "second step is refused until" not in page(office.get(f"{USERS}{bob.pk}/"))
