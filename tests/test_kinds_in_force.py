"""K-06, A-02: once a date has come, each page, list and notice says what is in force, although no task has run."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from accounts.dashboard import context as dashboard
from accounts.dashboard import stats
from accounts.models import Account, AuditEvent, User
from accounts.notifications.policy import policy_is_coming_notice
from accounts.policy import set_two_factor_policy
from accounts.users import query as user_query
from accounts.users import reminders
from messaging.database import clock_plus
from messaging.portal import bulk
from tests.conftest import Browser, deliver, enrol
from tests.test_app import give_app, token_now
from tests.tools import page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

SETTINGS = "/configuracoes/minha-conta/"
USERS = "/configuracoes/usuarios/"


def has_come(account: Account, kinds: str) -> Account:
    """Let the date of other kinds be past, and return the account as a request loads it."""
    Account.objects.filter(pk=account.pk).update(factors_from=clock_plus(-1), factors_next=kinds)
    return Account.objects.get(pk=account.pk)


@pytest.fixture
def alices(browser: Browser, alice: User) -> Browser:
    """Return the browser of Alice, who has a phone and an app, and has come in by the app."""
    enrol(alice)
    give_app(alice)
    browser.post_password("alice")
    browser.post("/entrar/app/", {"token": token_now()})
    assert browser.is_in()
    return browser


@pytest.fixture
def phone_only(bob: User) -> User:
    enrol(bob)
    return bob


def names(shown: str) -> list[str]:
    table = shown.partition("<tbody>")[2]
    return [name for name in ("alice", "bob") if f"{name}@example.com" in table]


def test_the_list_of_users_and_its_filters_say_it(alices: Browser, phone_only: User, account: Account) -> None:
    assert names(page(alices.get(USERS, {"factor": "confirmed"}))) == ["alice", "bob"]
    has_come(account, "app passkey")
    assert names(page(alices.get(USERS, {"factor": "confirmed"}))) == ["alice"]
    assert "bob@example.com" not in page(alices.get(USERS, {"factor": "pending"})), "bob never signed in"
    assert names(page(alices.get(USERS, {"factor": "never"}))) == ["bob"]
    table = b"".join(alices.get(f"{USERS}exportar/")).decode()
    assert ["Confirmed" in line for line in table.splitlines() if "example.com" in line] == [True, False]


def test_the_figures_and_the_tasks_on_home_say_it(alices: Browser, phone_only: User, account: Account) -> None:
    assert "has no second step that counts yet" not in page(alices.get("/"))
    come = has_come(account, "app passkey")
    assert (stats.people(come).enrolled, stats.people(come).pending) == (1, 1)
    assert "1 user has no second step that counts yet." in page(alices.get("/"))


def test_the_home_page_warns_of_a_single_point_of_failure(alices: Browser, account: Account) -> None:
    assert "Only SMS counts" not in page(alices.get("/"))
    come = has_come(account, "sms")
    assert [task for task in dashboard.tasks(come, stats.people(come), []) if "Only SMS counts" in task.text]


def test_the_settings_show_what_counts_and_no_date_to_take_back(
    alices: Browser, phone_only: User, account: Account
) -> None:
    has_come(account, "app")
    shown = page(alices.get(SETTINGS))
    assert 'value="app" checked' in shown
    assert 'value="sms" checked' not in shown
    assert "only these count" not in shown
    assert "Cancel the date" not in shown
    assert 'name="passkeys_alone"' not in shown, "a passkey does not count any more"
    assert "<strong>1</strong> has no second step that counts yet" in shown
    assert "These are the second steps that count already" in page(
        alices.post(f"{SETTINGS}fatores/", {"kinds": ["app"]}, follow=True)
    )
    assert "No longer opens anything" not in page(alices.get(f"{SETTINGS}fatores/?kinds=app&kinds=sms"))


def test_the_reminder_goes_to_whom_it_is_for_and_names_what_counts(
    alices: Browser, alice: User, phone_only: User, account: Account
) -> None:
    assert not reminders.due(account).exists()
    come = has_come(account, "app passkey")
    assert [person.username for person in reminders.due(come)] == ["bob"]
    assert "<strong>1</strong> has no second step" in page(alices.get(f"{USERS}lembrar/"))
    assert reminders.remind(come, actor=alice) == 1
    assert deliver()[0]["subject"] == "Set up your second step"


def test_work_on_several_people_leaves_out_whoever_has_a_kind_that_counts(
    alices: Browser, phone_only: User, account: Account
) -> None:
    come = has_come(account, "app passkey")
    people = bulk.chosen(come, User.objects.filter(account=account).values_list("pk", flat=True))
    assert [person.username for person in people if bulk.ACTIONS["remind"].needs_nothing(person)] == ["alice"]


def test_the_persons_page_says_it(alices: Browser, phone_only: User, account: Account) -> None:
    assert ">Confirmed<" in page(alices.get(f"{USERS}{phone_only.pk}/"))
    has_come(account, "app passkey")
    assert ">Confirmed<" not in page(alices.get(f"{USERS}{phone_only.pk}/"))


def test_a_notice_names_what_is_set_up_the_first_time(alice: User, account: Account) -> None:
    event = AuditEvent(account=has_come(account, "app passkey"), action="policy.announced", data={"now": True})
    assert "passkey or an authenticator app" in " ".join(map(str, policy_is_coming_notice(event).paragraphs))


def test_a_person_who_was_loaded_without_the_date_asks_the_clock(bob: User, account: Account) -> None:
    has_come(account, "app passkey")
    assert not User.objects.get(pk=bob.pk).accepts("sms")


def test_accounts_without_a_date_ask_nothing_and_those_with_one_ask_once(
    account: Account, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    with django_assert_num_queries(0):
        assert account.accepts("sms")
        assert account.demands_second_factor
    come = has_come(account, "app passkey")
    with django_assert_num_queries(1):
        assert come.accepted == ["app", "passkey"]
        assert come.accepted_next == []
        assert not come.accepts("sms")


def test_a_date_to_come_changes_nothing_yet(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(factors_from=clock_plus(60), factors_next="app")
    account.refresh_from_db()
    assert account.accepted == ["sms", "email", "app", "passkey"]
    assert account.accepted_next == ["app"]


# The date of the policy itself -----------------------------------------------------------------------


@pytest.fixture
def switched_by_date(account: Account) -> Account:
    """Return the account, whose date has come without anybody having written it down."""
    Account.objects.filter(pk=account.pk).update(two_factor_required=False, two_factor_from=clock_plus(-1))
    return Account.objects.get(pk=account.pk)


def test_the_pages_show_a_policy_whose_date_has_come_as_on(alices: Browser, switched_by_date: Account) -> None:
    shown = page(alices.get(SETTINGS))
    assert "Before you switch it on" not in shown
    assert "Switch off for 1 user" in shown
    home = page(alices.get("/"))
    assert "A password alone opens this account" not in home
    assert "signing in takes a second step." not in home, "the note of what is coming"
    assert f'href="{USERS}lembrar/"' in page(alices.get(USERS))


def test_the_reminder_is_sent_under_a_policy_whose_date_has_come(
    alice: User, bob: User, switched_by_date: Account
) -> None:
    enrol(alice)
    assert reminders.remind(switched_by_date, actor=alice) == 1
    assert deliver()[0]["subject"] == "Confirm your phone for the second step"


def test_a_policy_whose_date_has_come_can_be_switched_off(alice: User, switched_by_date: Account) -> None:
    """A-01: else the task would put it in force a minute later."""
    assert set_two_factor_policy(switched_by_date, False, actor=alice)
    found = Account.objects.get(pk=switched_by_date.pk)
    assert not found.demands_second_factor
    assert found.two_factor_from is None


def test_who_lacks_a_factor_is_asked_of_the_kinds_in_force(phone_only: User, account: Account) -> None:
    assert not user_query.without_factor(account).exists()
    come = has_come(account, "app passkey")
    assert user_query.without_factor(come).get() == phone_only
    assert not user_query.has_counting(User.objects.get(pk=phone_only.pk))
