"""The audit log as administrators read it: every action in words, filters, pages, the table."""

import ast
import csv
import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from accounts.audit import descriptions, grouping
from accounts.audit.actions import Action
from accounts.models import Account, AuditEvent, User
from accounts.request import user_agents
from tests.conftest import Browser
from tests.tools import ROOT, page
from twofactor.account_settings.pending_actions import CARRIED_OUT
from twofactor.reauthentication import actions

pytestmark = pytest.mark.django_db

AUDIT = "/configuracoes/auditoria/"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)


@pytest.fixture
def office(browser: Browser, alice: User) -> Browser:
    """Return the browser of Alice, who is signed in without anything being written down; the policy is off."""
    browser.force_login(alice)
    return browser


def happened(user: User, action: str = "sign_in.pending", **facts: Any) -> AuditEvent:
    return AuditEvent.objects.create(
        **{"account": user.account, "user": user, "actor": user, "action": action, **facts}
    )


def shown(response: Any) -> list[int]:
    """Return the ids of the events on a page."""
    assert response.status_code == 200
    return [one["event"].pk for one in response.context["events"]]


# Every action has words ---------------------------------------------------------------------------


def recorded_actions() -> set[str]:
    """Return the rows of the catalogue that something records, from the calls: what stands in the first argument of
    ``record_event``, or is bound to a name or attribute that stands there."""
    recorded: set[str] = set()
    for app in ("accounts", "messaging", "twofactor"):
        for path in (ROOT / app).rglob("*.py"):
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in RECORDING:
                    recorded |= rows_in(node.args[0])
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in BOUND:
                    recorded |= rows_in(node.value)
    return recorded


RECORDING = {"record_event", "record_events", "record_only", "record_thinned", "record"}
BOUND = {"action", "cancelled", "disavowed", "removed", "USED_UP_AT"}  # names whose values are recorded


def rows_in(tree: ast.AST) -> set[str]:
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {node.attr for node in attributes if ast.unparse(node.value) == "Action" and node.attr.isupper()}


def test_every_row_of_the_catalogue_is_recorded_and_nothing_else_is() -> None:
    """J-01. A call that is deleted leaves its row behind, and is missed here; mypy refuses a row that is not there."""
    assert recorded_actions() == set(Action.__members__)


def test_every_action_has_a_dotted_name() -> None:
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", action) for action in Action.values)


def purposes() -> set[str]:
    """Return every purpose that a re-authentication is asked for."""
    found = set(CARRIED_OUT)
    for app in ("messaging", "twofactor"):
        for path in (ROOT / app).rglob("*.py"):
            found |= set(re.findall(r'(?:reauthenticated|@action)\("([a-z_.]+)"', path.read_text()))
    return found


@pytest.mark.parametrize("purpose", sorted(purposes()))
def test_every_proof_of_identity_says_what_it_is_for(bob: User, purpose: str) -> None:
    said = descriptions.describe(happened(bob, "reauthentication.started", data={"purpose": purpose}))
    assert said.startswith("bob was asked to prove who they are, to ")
    assert purpose in actions.OF_A_PERSON or purpose in actions.OF_THE_ACCOUNT, "R-12: the pop-up names it"


def test_an_action_without_words_is_shown_as_it_is(office: Browser, bob: User) -> None:
    happened(bob, "old.action", data={"x": "<script>"})
    assert "<strong>bob</strong>: <strong>old.action</strong>" in page(office.get(AUDIT))


def test_sentences_say_who_and_what_and_run_nothing(office: Browser, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(first_name="<b>{Bob}</b> %s")
    happened(bob, "user.unlocked", actor=alice)
    happened(bob, "phone.enrolled", data={"number": "•••••••21"})
    happened(bob, "second_factor.locked", data={"hours": 0.25})
    happened(bob, "sign_in.verified", data={})  # an old row that does not hold the channel
    words = office.get(AUDIT).content.decode()
    name = "<strong>&lt;b&gt;{Bob}&lt;/b&gt; %s</strong>"
    assert f"<strong>alice</strong> unlocked {name}." in words
    assert f"{name} confirmed the phone <strong>•••••••21</strong>." in words
    assert "is locked for <strong>15 minutes</strong>." in words
    assert "by <strong>–</strong>." in words


def test_every_purpose_of_a_proof_has_words(office: Browser, bob: User) -> None:
    assert {"user.role", "user.reset_phone", "policy.date"} <= purposes()
    for purpose in purposes():
        happened(bob, "reauthentication.proved", data={"purpose": purpose})
    shown = office.get(AUDIT).content.decode()

    assert [purpose for purpose in purposes() if f"<strong>{purpose}</strong>" in shown] == []


def test_an_event_is_shown_with_outcome_address_browser_and_request(office: Browser, bob: User) -> None:
    """J-01."""
    happened(bob, "token.refused", ip="203.0.113.7", user_agent=CHROME, request_id="ab" * 8, data={"purpose": "login"})
    words = page(office.get(AUDIT))
    for fact in ("A wrong token", "Refused", "203.0.113.7", "Chrome on Windows", "ab" * 8, "token.refused", CHROME):
        assert fact in words


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/141.0.0.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_browsers_are_named_in_words(agent: str, words: str) -> None:
    assert user_agents.named(agent) == words


def test_the_sentences_are_in_the_readers_language(alice: User, bob: User) -> None:
    with translation.override("pt-br"):
        assert descriptions.describe(happened(bob, "user.unlocked", actor=alice)) == "alice desbloqueou bob."
    with translation.override("es"):
        assert descriptions.describe(happened(bob, "user.unlocked", actor=alice)) == "alice desbloqueó a bob."


# Whose --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "exportar/"])
def test_members_may_not_and_anonymous_sign_in(browser: Browser, bob: User, path: str) -> None:
    assert browser.get(AUDIT + path).headers["Location"].startswith("/entrar/?next=")
    browser.post_password("bob")
    assert browser.get(AUDIT + path).status_code == 403


def test_only_the_own_accounts_events_are_shown(office: Browser, alice: User, charlie: User) -> None:
    """A-04: neither by filter nor by cursor; nobody learns who exists elsewhere."""
    mine, theirs = happened(alice), happened(charlie, ip="203.0.113.9")
    AuditEvent.objects.create(action="captcha.refused")  # of no account
    for query in ("", f"?after={theirs.pk}", "?event=sign_in.pending"):
        assert shown(office.get(AUDIT + query)) == [mine.pk]
    assert shown(office.get(f"{AUDIT}?ip=203.0.113.9")) == []
    elsewhere, nobody = office.get(f"{AUDIT}?person=charlie"), office.get(f"{AUDIT}?person=nobody")
    assert "Nobody in this account has this name, login or e-mail address." in page(elsewhere)
    assert page(elsewhere).replace("charlie", "") == page(nobody).replace("nobody", "")
    assert "charlie" not in exported(office, "")


# Filters and pages ----------------------------------------------------------------------------------


def test_a_person_is_found_as_the_one_who_did_and_the_one_it_was_done_to(
    office: Browser, alice: User, bob: User
) -> None:
    by_alice, about_alice, both = happened(bob, actor=alice), happened(alice, actor=bob), happened(alice)
    happened(bob)
    for typed in ("alice", "ALICE@example.com"):
        assert shown(office.get(f"{AUDIT}?person={typed}")) == [both.pk, about_alice.pk, by_alice.pk]


def test_events_are_filtered_by_action_address_and_day(office: Browser, alice: User) -> None:
    old = happened(alice, "phone.enrolled", at=day(2026, 3, 1, 23, 59), ip="2001:db8::1")
    later = happened(alice, "phone.enrolled", at=day(2026, 3, 2, 0, 0), ip="203.0.113.7")
    other = happened(alice, "user.unlocked", at=day(2026, 3, 3, 12, 0), ip="203.0.113.7")
    assert shown(office.get(f"{AUDIT}?event=phone.enrolled")) == [later.pk, old.pk]
    assert shown(office.get(f"{AUDIT}?ip=203.0.113.7")) == [other.pk, later.pk]
    assert shown(office.get(f"{AUDIT}?ip=2001:DB8:0::1")) == [old.pk]
    assert shown(office.get(f"{AUDIT}?since=2026-03-02&until=2026-03-02")) == [later.pk]
    assert shown(office.get(f"{AUDIT}?until=2026-03-01")) == [old.pk]
    assert shown(office.get(f"{AUDIT}?since=2026-03-02&event=phone.enrolled&person=alice")) == [later.pk]


def day(*parts: int) -> datetime:
    return timezone.make_aware(datetime(*parts))  # type: ignore[arg-type]  # noqa: DTZ001 (where the portal is)


@pytest.mark.parametrize("query", ["ip=here", "since=2026-13-01", "event=nonsense", "person=%00", "until=31/12/2026"])
def test_a_filter_that_cannot_be_read_shows_an_error_and_no_event(office: Browser, alice: User, query: str) -> None:
    happened(alice)
    response = office.get(f"{AUDIT}?{query}")
    assert shown(response) == []
    assert "Correct the filter" in page(response)
    assert page(response).count('class="field-errors"') == 1
    assert len(exported(office, query).splitlines()) == 1


@pytest.mark.parametrize("query", ["since=0001-01-01&until=9999-12-31", "since=9999-12-31", "until=0001-01-01"])
def test_days_at_the_ends_of_the_calendar_are_no_error(office: Browser, alice: User, query: str) -> None:
    assert office.get(f"{AUDIT}?{query}").status_code == 200


@pytest.mark.parametrize("person", ["", "alice"])
def test_pages_by_key_show_every_event_once_there_and_back(
    office: Browser, alice: User, bob: User, person: str
) -> None:
    """In the order of time, also for rows that were brought in later, and for many of one moment."""
    now = timezone.now()
    AuditEvent.objects.bulk_create(
        AuditEvent(
            account=alice.account,
            user=alice if number % 2 else bob,
            actor=alice,
            action="user.unlocked",
            at=now - timedelta(seconds=number * 7 % 20),
        )
        for number in range(60)
    )
    query = f"{AUDIT}?person={person}&"
    first = second = office.get(query)
    seen = shown(first)
    while (after := second.context["page"].after) is not None:
        second = office.get(f"{query}after={after}")
        seen += shown(second)
    ordered = AuditEvent.objects.order_by("-at", "-pk").values_list("pk", flat=True)
    assert seen == list(ordered)
    middle = office.get(f"{query}before={second.context['page'].before}")
    assert shown(middle) == seen[25:50]
    assert shown(office.get(f"{query}before={middle.context['page'].before}")) == seen[:25]


def test_a_page_costs_the_same_statements_whatever_the_number_of_events(office: Browser, alice: User) -> None:
    queries = ("", "?person=alice", "?event=user.unlocked&ip=203.0.113.7")
    few = [statements(office, query) for query in queries]
    AuditEvent.objects.bulk_create(
        AuditEvent(account=alice.account, user=alice, actor=alice, action="user.unlocked", ip="203.0.113.7")
        for _number in range(60)
    )
    assert [statements(office, query) for query in queries] == few
    assert max(few) <= 6  # a search is one more than an exact login


def statements(browser: Browser, query: str) -> int:
    with CaptureQueriesContext(connection) as context:
        assert browser.get(AUDIT + query).status_code == 200
    return len(context)


# The table --------------------------------------------------------------------------------------------


def exported(browser: Browser, query: str) -> str:
    response: Any = browser.get(f"{AUDIT}exportar/?{query}")
    assert re.search(
        r'filename="audit-padaria-aurora(-\d{4}-\d\d-\d\d){1,2}\.csv"', response.headers["Content-Disposition"]
    )
    return b"".join(response).decode()


def test_the_table_has_the_filtered_events(
    office: Browser, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.lists.pagination.CHUNK", 2)
    for second in range(5):
        happened(
            bob, "user.unlocked", actor=alice, at=f"2026-03-01T00:00:0{second}Z", ip="203.0.113.7", user_agent="=x"
        )
    happened(bob)
    rows = list(csv.reader(io.StringIO(exported(office, "event=user.unlocked")[1:])))
    assert len(rows) == 6
    assert rows[1] == [
        "2026-03-01T00:00:04Z",
        "user.unlocked",
        "alice unlocked bob.",
        "Done",
        "bob",
        "alice",
        "203.0.113.7",
        "'=x",
        "",
    ]


def test_the_table_ends_with_what_the_page_says_it_has(
    office: Browser, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the audit log is."""
    monkeypatch.setattr("accounts.audit.query.MAX_EXPORTED", 20)
    monkeypatch.setattr("accounts.lists.pagination.CHUNK", 10)
    for _number in range(25):
        happened(alice)
    assert len(exported(office, "").splitlines()) == 1 + 20
    assert "An export has the newest 20 events at most; choose a period for older ones." in page(office.get(AUDIT))


def test_members_find_neither_list_in_the_menu(browser: Browser, bob: User, account: Account) -> None:
    browser.post_password("bob")
    words = page(browser.get("/"))
    assert AUDIT not in words
    assert "/configuracoes/usuarios/" not in words


# Grouped ----------------------------------------------------------------------------------------


def signed_in(user: User, minutes_ago: float, *actions: str, ip: str = "203.0.113.1") -> None:
    """Write down events of a person, half a minute apart, the oldest first."""
    for number, action in enumerate(actions):
        at = timezone.now() - timedelta(minutes=minutes_ago) + timedelta(seconds=30 * number)
        happened(user, action, at=at, ip=ip)


def grouped() -> list[tuple[str, list[str]]]:
    found = grouping.lines(AuditEvent.objects.exclude(ip="127.0.0.1").order_by("-at", "-pk"))
    return [(line.event.action, [step.action for step in line.steps]) for line in found]


SIGN_IN = ("sign_in.pending", "challenge.issued", "token.refused", "sign_in.verified")


def test_a_sign_in_is_one_line_that_opens_to_its_steps(office: Browser, bob: User) -> None:
    signed_in(bob, 8, *SIGN_IN)
    assert grouped() == [("sign_in.verified", ["token.refused", "challenge.issued", "sign_in.pending"])]
    read = page(office.get(AUDIT))
    assert "3 steps before it" in read
    assert read.count('<details class="event-steps">') == 1


def test_what_others_do_meanwhile_and_what_came_before_stay_lines(alice: User, bob: User) -> None:
    signed_in(bob, 9, "password.changed", *SIGN_IN)
    signed_in(alice, 8.9, "token.refused")
    signed_in(bob, 8.8, "token.refused", ip="198.51.100.1")
    assert [action for action, steps in grouped() if not steps] == [
        "token.refused",
        "token.refused",
        "password.changed",
    ]
    assert [len(steps) for _action, steps in grouped() if steps] == [3]


def test_a_sign_in_ends_where_its_password_was_typed(bob: User) -> None:
    signed_in(bob, 9.5, "challenge.issued")
    signed_in(bob, 9, *SIGN_IN)
    assert [(action, len(steps)) for action, steps in grouped()] == [("sign_in.verified", 3), ("challenge.issued", 0)]


def test_a_sign_in_that_failed_shows_each_refusal(bob: User) -> None:
    signed_in(bob, 9, *SIGN_IN[:3], "second_factor.locked")
    assert [steps for _action, steps in grouped()] == [[], [], [], []]


def test_steps_of_an_older_sign_in_are_not_those_of_the_next(bob: User) -> None:
    signed_in(bob, 30, "sign_in.pending", "challenge.issued")
    signed_in(bob, 9, "challenge.issued", "sign_in.verified")
    assert grouped()[0] == ("sign_in.verified", ["challenge.issued"])
    assert len(grouped()) == 3


@pytest.mark.parametrize("language", ["en", "pt-br", "es"])
def test_the_filter_offers_every_action_once_under_a_label_of_its_own(language: str) -> None:
    with translation.override(language):
        offered = [choice for _group, rows in grouping.grouped_choices() for choice in rows]
        assert sorted(value for value, _label in offered) == sorted(Action.values)
        assert len({label for _value, label in offered}) == len(offered)
        assert "audit.archived" in dict(dict(grouping.grouped_choices())[str(grouping.OTHERS)])


def test_the_filter_has_groups(office: Browser) -> None:
    assert page(office.get(AUDIT)).count("<optgroup label=") == len(grouping.GROUPS) + 1


def test_every_limit_has_a_name_that_people_understand() -> None:
    """J-01: the scopes of events are those of the limits, and a new limit needs a name."""
    assert set(settings.LIMITS) - set(descriptions.VALUES["scope"]) == set()
