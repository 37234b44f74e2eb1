"""Tela inicial: the account at a glance for administrators, their own sign-ins for everybody else."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import rate_limits
from accounts.dashboard import charts, stats
from accounts.models import Account, AuditEvent, DailyFigure, RateLimit, Role, Session, User
from messaging.delivery.models import Message, OpenCircuit, PeriodicTask, State
from messaging.periodic import scheduler
from messaging.periodic.scheduler import Last
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, enrol, many, person
from tests.tools import page
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


def event(user: User, action: str, days_ago: float = 0, **data: Any) -> AuditEvent:
    at = timezone.now() - timedelta(days=days_ago)
    return AuditEvent(account=user.account, user=user, actor=user, action=action, at=at, data=data)


def token(account: Account, state: str = State.DELIVERED, channel: str = "sms", days_ago: float = 0) -> Message:
    at = timezone.now() - timedelta(days=days_ago)
    arrived = at + timedelta(seconds=4)
    facts = {"sent_at": at + timedelta(seconds=1), "reported_at": arrived if state == State.DELIVERED else None}
    return Message(
        channel=channel,
        kind="token",
        destination="x",
        subject_id=0,
        language="en",
        owner_id=account.pk,
        state=state,
        created_at=at,
        **facts,
    )


def text(response: Any) -> str:
    """Return the words of a page's main part, without tags."""
    main = page(response).partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


@pytest.fixture
def at_home(browser: Browser, alices_phone: PhoneDevice, policy: Account) -> Browser:
    browser.sign_in("alice")
    return browser


@pytest.fixture
def busy(account: Account, alice: User, bob: User, charlie: User) -> None:
    """Make five days of Alice's and Bob's account, and noise from Charlie's."""
    AuditEvent.objects.bulk_create(
        [event(bob, "sign_in.verified", days, channel="sms") for days in (0, 1, 1, 5, 5, 5)]
        + [event(bob, "sign_in.verified", 5, channel="email"), event(alice, "sign_in.password_only", 5)]
        + [event(charlie, "sign_in.verified", days, channel="sms") for days in (0, 5)]
        + [event(bob, "phone.changed", 2), event(charlie, "phone.changed", 2), event(bob, "sign_in.pending", 0)]
    )
    Message.objects.bulk_create(
        [token(account, days_ago=days) for days in (1, 5, 5)]
        + [token(account, State.FAILED, days_ago=5), token(account, State.SENT, "email", 1)]
        + [token(charlie.account, days_ago=days) for days in (1, 5)]
    )


# By day, the newest first: the channel, what was delivered, sent without a receipt, failed, and entered at sign-in.
TABLE = [
    ("SMS", "0", "1", "0", "2"),
    ("SMS", "1", "0", "0", "2"),
    ("E-mail", "0", "1", "0", "0"),
    ("SMS", "2", "0", "1", "3"),
    ("E-mail", "0", "0", "0", "1"),
]


# Figures ----------------------------------------------------------------------------------------


def by_day(account: Account) -> dict[int, dict[str, int]]:
    found = stats.days(account, 14)
    return {(found[-1].date - day.date).days: dict(day.counts) for day in found if day.counts}


def test_days_that_are_over_are_counted_once_and_the_last_two_when_looked_at(busy: None, account: Account) -> None:
    assert 5 not in by_day(account)
    stats.settle(None)
    counted = by_day(account)
    assert counted[5] == {
        "sign_in.sms": 3,
        "sign_in.email": 1,
        "sign_in.password": 1,
        "token.sms.delivered": 2,
        "token.sms.failed": 1,
    }
    assert counted[1] == {"sign_in.sms": 2, "token.sms.delivered": 1, "token.email.sent": 1}
    assert counted[0] == {"sign_in.sms": 1}


def test_counting_again_changes_nothing_but_what_was_reported_late(busy: None, account: Account) -> None:
    stats.settle(None)
    before = by_day(account)
    stats.settle(timezone.now() - timedelta(days=6))
    assert by_day(account) == before
    Message.objects.filter(state=State.FAILED).update(state=State.DELIVERED)
    stats.settle(timezone.now() - timedelta(days=4))
    assert by_day(account)[5]["token.sms.delivered"] == 3
    assert "token.sms.failed" not in by_day(account)[5]


def test_figures_older_than_a_month_are_deleted(account: Account) -> None:
    old = timezone.localdate() - timedelta(days=31)
    DailyFigure.objects.create(account=account, day=old, name="sign_in.sms", count=1)
    stats.settle(timezone.now())
    assert not DailyFigure.objects.exists()


def test_the_median_is_of_what_arrived(busy: None, account: Account) -> None:
    assert stats.seconds_to_deliver(account) == {"sms": 4.0, "email": 1.0}


# Periodic tasks -----------------------------------------------------------------------------------------


def test_a_periodic_task_runs_once(busy: None, account: Account) -> None:
    """F13: one watcher too many does no harm."""
    assert scheduler.run("figures")
    assert not scheduler.run("figures")
    assert by_day(account)[5]["sign_in.sms"] == 3
    PeriodicTask.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert scheduler.run("figures")


def test_a_periodic_task_that_fails_is_logged_and_keeps_nobody_waiting(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """F6."""
    done: list[object] = []

    def fail(last: Last) -> int:
        raise RuntimeError

    tasks = {"first": scheduler.ScheduledTask(60, fail), "second": scheduler.ScheduledTask(60, done.append)}
    monkeypatch.setattr(scheduler, "_tasks", tasks)
    scheduler.run_due()
    scheduler.run_due()
    assert done == [Last(None, None)]
    assert "the periodic task first failed" in caplog.text
    assert PeriodicTask.objects.get(name="first").done_at is None
    assert PeriodicTask.objects.get(name="second").done_at is not None


def test_two_runs_at_once_are_one_until_the_lease_ends(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """F13: the second comes while the first is still at work; after a crash the lease gives the task back."""
    inner: list[bool] = []

    def work(last: Last) -> int:
        PeriodicTask.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        inner.append(scheduler.run("only"))
        return 7

    monkeypatch.setattr(scheduler, "_tasks", {"only": scheduler.ScheduledTask(60, work)})
    assert scheduler.run("only")
    assert inner == [False]
    task = PeriodicTask.objects.get()
    assert (task.high_water, task.leased_until) == (7, None)
    past = timezone.now() - timedelta(seconds=1)
    PeriodicTask.objects.update(due_at=past, leased_until=past)
    monkeypatch.setattr(scheduler, "_tasks", {"only": scheduler.ScheduledTask(60, lambda last: None)})
    assert scheduler.run("only")
    assert PeriodicTask.objects.get().high_water == 7, "a run that leaves no mark keeps the one before"


def test_a_task_that_fails_is_due_again_within_a_minute(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(last: Last) -> int:
        raise RuntimeError

    monkeypatch.setattr(scheduler, "_tasks", {"hourly": scheduler.ScheduledTask(3600, fail)})
    scheduler.run_due()
    task = PeriodicTask.objects.get()
    assert task.leased_until is None
    assert task.due_at <= timezone.now() + timedelta(seconds=61)


# The administrator's page -----------------------------------------------------------------------


def test_an_administrator_sees_the_account_and_nothing_of_another(at_home: Browser, busy: None) -> None:
    """A-04."""
    stats.settle(None)
    shown = text(at_home.get("/"))
    assert "Alice" not in shown or "alice" in shown
    assert "1 of 2" in shown
    assert "1 pending · 0 locked" in shown
    assert "Sign-ins by day 9" in shown
    assert "Tokens by day 6" in shown
    assert "by SMS; by e-mail" in shown
    assert "charlie" not in shown
    assert shown.count("Two factor authentication") == 0


def test_the_charts_have_tables_behind_them(at_home: Browser, busy: None) -> None:
    stats.settle(None)
    shown = page(at_home.get("/?dias=30"))
    assert shown.count('role="img"') == 2
    assert len(re.findall(r"<tr><th scope=\"row\">[^<]+</th><td>\d", shown)) == 30
    assert (
        re.findall(r"</th><td>(SMS|E-mail)</td><td>(\d+)</td><td>(\d+)</td><td>(\d+)</td><td>(\d+)</td>", shown)
        == TABLE
    )
    assert "style=" not in shown
    assert not re.search(r'(?:x|y|width|height)="\d+,\d', page(at_home.get("/", headers={"accept-language": "pt-br"})))


def test_what_needs_doing_is_said_with_the_way_there(
    at_home: Browser, account: Account, bob: User, settings: Any
) -> None:
    Message.objects.bulk_create([token(account, State.FAILED) for _ in range(2)] + [token(account) for _ in range(8)])
    OpenCircuit.objects.create(name="outbox", open_until=timezone.now() + timedelta(minutes=1), fault="ours")
    User.objects.filter(pk=bob.pk).update(locked_at=timezone.now())
    shown = text(at_home.get("/"))
    expected = [
        "SMS cannot be sent right now. People can sign in by e-mail.",
        "1 user is locked out.",
        "2 of 11 SMS did not arrive since yesterday.",
        "1 user has no second step that counts yet.",
        "You are the only administrator.",
    ]
    assert [sentence for sentence in expected if sentence not in shown] == []
    assert sorted(map(shown.index, expected)) == [shown.index(sentence) for sentence in expected]


def test_when_all_is_well_nothing_needs_doing(at_home: Browser, account: Account) -> None:
    enrol(person("dora", account, Role.ADMINISTRATOR))
    assert "Nothing. Everybody can sign in and tokens arrive." in text(at_home.get("/"))


def test_without_the_policy_the_first_thing_to_do_is_to_switch_it_on(browser: Browser, alice: User) -> None:
    enrol(person("dora", alice.account))
    browser.post_password("alice")
    assert "A password alone opens this account. Switch on" in text(browser.get("/"))


def test_an_account_that_nobody_has_used_shows_three_steps_in_place_of_figures(
    browser: Browser, alice: User, account: Account
) -> None:
    browser.post_password("alice")
    shown = text(browser.get("/"))
    assert "Three steps to begin with" in shown
    assert [word for word in ("Tokens by day", "With a phone", "A password alone", "Done") if word in shown] == []
    person("dora", account)
    assert "Invite your people Done" in text(browser.get("/"))
    Message.objects.bulk_create([token(account)])
    shown = text(browser.get("/"))
    assert "Three steps" not in shown
    assert "Tokens by day" in shown


def test_what_is_urgent_stands_before_the_three_steps(browser: Browser, alice: User, account: Account) -> None:
    person("dora", account, locked_at=timezone.now())
    browser.post_password("alice")
    shown = text(browser.get("/"))
    assert shown.index("1 user is locked out.") < shown.index("Three steps")


def test_operators_do_not_read_that_a_password_opens_their_account(browser: Browser) -> None:
    """S-02: they always need the second step."""
    operator = User.objects.create_superuser("olga", "olga@example.com", PASSWORD)
    enrol(operator)
    browser.sign_in("olga")
    shown = text(browser.get("/"))
    assert "A password alone opens this account" not in shown
    assert "Three steps" not in shown


def test_the_last_security_events_are_sentences(at_home: Browser, busy: None, alice: User) -> None:
    AuditEvent.objects.bulk_create([event(alice, "password.changed"), event(alice, "token.refused")])
    shown = text(at_home.get("/"))
    assert "alice changed their own password." in shown
    assert "token.refused" not in shown


# Everybody's page -------------------------------------------------------------------------------


def test_a_member_sees_their_own_sign_ins_with_place_and_device(
    browser: Browser, bobs_phone: PhoneDevice, alice: User, policy: Account
) -> None:
    AuditEvent.objects.bulk_create([event(alice, "sign_in.verified", channel="email")])
    browser.defaults["HTTP_USER_AGENT"] = FIREFOX
    browser.sign_in("bob")
    shown = text(browser.get("/"))
    assert "Firefox on Linux" in shown
    assert "with a token by SMS · 127.0.0.1" in shown
    assert "by e-mail" not in shown
    assert "•••••••21" in shown
    assert "98765" not in shown
    assert "What needs doing" not in shown


def test_anonymous_people_are_sent_to_sign_in(browser: Browser, account: Account) -> None:
    assert browser.get("/").headers["Location"] == "/entrar/"


def test_the_sms_of_the_day_stand_beside_their_limit(at_home: Browser, account: Account, settings: Any) -> None:
    """C-07: what the account has used of the day that is running."""
    settings.LIMITS = settings.LIMITS | {"account": [(40, 86_400)]}
    shown = text(at_home.get("/"))
    assert "SMS of the day 1 of 40 This limit is for 24 hours." in shown  # Alice's own
    rate_limits.count(rate_limits.windows("account", account.pk), uses=39)
    assert "SMS of the day 40 of 40 Used up: tokens go by e-mail." in text(at_home.get("/"))
    RateLimit.objects.update(until=0)
    assert "SMS of the day 0 of 40" in text(at_home.get("/"))


def test_a_large_account_has_sms_for_each_of_its_active_people_with_a_phone(
    account: Account, alice: User, settings: Any
) -> None:
    """B-10."""
    settings.LIMITS = settings.LIMITS | {"account": [(10, 86_400)]}
    many(account, 6, has_phone=True)
    many_inactive = [
        User(account=account, username=f"x{n}", email=f"x{n}@example.com", has_phone=True) for n in range(5)
    ]
    User.objects.bulk_create(many_inactive)
    User.objects.filter(username__startswith="x").update(is_active=False)
    assert stats.sms_of_the_day(account, stats.people(account)).limit == 6 * settings.ACCOUNT_SMS_PER_USER


def test_everybody_sees_where_they_are_signed_in_and_in_which_language(
    browser: Browser, other_browser: Browser, bob: User
) -> None:
    """S-12."""
    other_browser.post_password("bob")
    User.objects.filter(pk=bob.pk).update(language="es")
    browser.post_password("bob")
    Session.objects.filter(user=bob).update(user_agent=FIREFOX)
    shown = page(browser.get("/"))
    assert shown.count("Firefox en Linux") == 2
    assert 'href="/meu-perfil/sessoes/"' in shown
    assert "Español" in shown


# What it costs ----------------------------------------------------------------------------------


def statements(browser: Browser) -> int:
    with CaptureQueriesContext(connection) as context:
        assert browser.get("/").status_code == 200
    return len(context)


def test_a_members_home_costs_two_statements_more_than_a_plain_page(
    browser: Browser, bobs_phone: PhoneDevice, policy: Account
) -> None:
    browser.sign_in("bob")
    browser.get("/")
    assert statements(browser) == 4


def test_an_administrators_home_costs_the_same_whatever_the_account_has_been_through(
    at_home: Browser, account: Account, alice: User
) -> None:
    at_home.get("/")
    few = statements(at_home)
    people = [User(account=account, username=f"u{n}", email=f"u{n}@example.com", password="-") for n in range(50)]
    User.objects.bulk_create(people)
    AuditEvent.objects.bulk_create(event(user, "phone.enrolled", 1) for user in people)
    AuditEvent.objects.bulk_create(
        event(user, "sign_in.verified", n % 9, channel="sms") for n, user in enumerate(people)
    )
    Message.objects.bulk_create(token(account, days_ago=n % 9) for n in range(50))
    stats.settle(None)
    assert statements(at_home) == few == 10


@pytest.mark.parametrize(("highest", "top"), [(0, 4), (4, 4), (5, 6), (11, 20), (41, 60), (100, 100), (101, 200)])
def test_scales_end_on_round_numbers(highest: int, top: int) -> None:
    chart = charts.stacked(["a", "b"], [[highest, 0], [0, 0]])
    assert (chart.top, chart.middle * 2) == (top, top)
    assert len(chart.columns[0].bars) == (1 if highest else 0)


def test_alices_number_is_nowhere_in_full(at_home: Browser) -> None:
    """P-09."""
    assert ALICES_NUMBER[-6:] not in page(at_home.get("/"))


def test_sign_ins_without_a_message_count_and_are_not_called_password_only(browser: Browser, alice: User) -> None:
    """K-06: app, passkey, passkey alone and recovery code are one series beside SMS and e-mail."""
    browser.post_password("alice")
    for way in ("app", "passkey", "passkey_alone", "recovery"):
        AuditEvent.objects.create(
            account=alice.account, user=alice, actor=alice, action="sign_in.verified", data={"channel": way}
        )
    Account.objects.filter(pk=alice.account_id).update(two_factor_required=False)
    PhoneDevice.objects.create(user=alice, number="+5511987650003")
    User.objects.filter(pk=alice.pk).update(has_phone=True)
    response = browser.get("/")
    assert response.context["verified"] == 4
    assert response.context["sign_ins"].chart.columns[-1].values == [0, 0, 4, 1]


@pytest.mark.parametrize(
    ("way", "words"),
    [("app", "with the authenticator app"), ("passkey_alone", "with a passkey alone"), ("recovery", "recovery code")],
)
def test_ones_own_sign_in_is_called_what_it_was(browser: Browser, bob: User, way: str, words: str) -> None:
    browser.post_password("bob")
    facts = {"account": bob.account, "user": bob, "actor": bob, "action": "sign_in.verified"}
    AuditEvent.objects.create(**facts, data={"channel": way})
    assert words in page(browser.get("/"))
