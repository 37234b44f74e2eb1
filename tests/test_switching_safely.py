"""Switching on safely: whom it touches, the announcement, the date with its reminders, and new places told of."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import new_device_alerts, policy_schedule
from accounts.models import Account, AuditEvent, KnownDevice, Role, Session, User
from accounts.policy import set_two_factor_policy
from accounts.users.flows import lock_user
from messaging.delivery.models import Message
from messaging.periodic.scheduler import Last
from tests.conftest import PASSWORD, Browser, deliver, enrol, last_token, many, person, sent_to
from tests.tools import page
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

SETTINGS = "/configuracoes/minha-conta/"
DATE, NOTICE, LIST = f"{SETTINGS}data/", f"{SETTINGS}aviso/", f"{SETTINGS}sem-segunda-etapa/"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


def day(days: int) -> str:
    return (timezone.localdate() + timedelta(days=days)).isoformat()


def midnight_in(days: int) -> datetime:
    return timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days=days), time()))


def subjects() -> list[str]:
    return [f"{entry['to']}: {entry['subject']}" for entry in reversed(deliver())]


def open_sessions(**logins: int) -> None:
    """Let people be signed in, each in so many browsers."""
    for login, count in logins.items():
        for _browser in range(count):
            assert Browser().post_password(login).status_code == 302


def move_date(account: Account, days: float) -> None:
    Account.objects.filter(pk=account.pk).update(two_factor_from=timezone.now() + timedelta(days=days))


@pytest.fixture
def alices(browser: Browser, alice: User, alices_phone: PhoneDevice, account: Account) -> Browser:
    """Return Alice's browser, verified, with the policy off again."""
    Account.objects.filter(pk=account.pk).update(two_factor_required=True)
    browser.sign_in("alice")
    Account.objects.filter(pk=account.pk).update(two_factor_required=False)
    return browser


# Who may ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [DATE, NOTICE, LIST])
def test_members_and_anonymous_are_sent_away(browser: Browser, bob: User, account: Account, path: str) -> None:
    """A-01."""
    ask = browser.get if path == LIST else browser.post
    assert ask(path).headers["Location"].startswith("/entrar/")
    browser.post_password("bob")
    assert ask(path, {"starts": day(9)}).status_code == 403
    account.refresh_from_db()
    assert account.two_factor_from is account.two_factor_announced_at is None


def test_of_very_many_who_are_here_it_says_that_they_are_more(
    alices: Browser, account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.lists.pagination.COUNTED", 2)
    for login in ("c1", "c2"):
        person(login, account)
    open_sessions(bob=3, c1=1)
    assert "<strong>2</strong> are here now besides you" in page(alices.get(SETTINGS))
    open_sessions(c2=1)
    assert "<strong>2+</strong> are here now besides you" in page(alices.get(SETTINGS))


# What it costs ----------------------------------------------------------------------------------


def statements_of_a_switch(account: Account, alice: User) -> list[str]:
    account.refresh_from_db()
    with CaptureQueriesContext(connection) as context:
        assert set_two_factor_policy(account, not account.two_factor_required, actor=alice)
    return [query["sql"] for query in context]


def test_the_switch_is_one_update_however_many_it_touches_and_tells(account: Account, alice: User) -> None:
    """S-05, K-07: nobody's row is written; the notices of administrators are one INSERT, those of everybody another."""
    few = statements_of_a_switch(account, alice)
    Account.objects.filter(pk=account.pk).update(two_factor_required=False, two_factor_announced_at=None)
    many(account, 30)
    User.objects.filter(username__in=["p00", "p01", "p02"]).update(role=Role.ADMINISTRATOR)
    lots = statements_of_a_switch(account, alice)
    assert len(lots) == len(few)
    assert [statement.split()[1] for statement in lots if statement.startswith("UPDATE")] == ['"accounts_account"'] * 2
    assert Message.objects.filter(kind="notice").count() == (1 + 0) + (4 + 27)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["was switched on", "A phone was added", "takes a second step now"]),
        ("pt-br", ["foi ativada", "Um telefone foi adicionado", "segunda etapa"]),
        ("es", ["Se activó", "Se agregó un teléfono", "segundo paso"]),
    ],
)
def test_an_administrator_is_told_of_the_switch_by_one_e_mail(
    browser: Browser, account: Account, alice: User, bob: User, language: str, words: list[str]
) -> None:
    """K-07, A-01: beside the one about their own new phone, which is for the owner of the mailbox (R-03)."""
    switched, phone, coming = words
    person("dora", account, Role.ADMINISTRATOR)
    User.objects.filter(account=account).update(language=language)
    browser.post_password("alice")
    browser.post(SETTINGS, {"two_factor_required": "on"})
    browser.post("/entrar/senha/", {"password": PASSWORD})
    browser.post("/entrar/introducao/")
    browser.post_phone()
    assert browser.post_token(last_token()).headers["Location"] == SETTINGS
    of = {name: [entry["subject"] for entry in sent_to(f"{name}@example.com")] for name in ("alice", "bob", "dora")}
    assert {name: len(subjects) for name, subjects in of.items()} == {"alice": 2, "bob": 1, "dora": 1}
    assert switched in of["dora"][0]
    assert coming in of["bob"][0]
    assert {switched in subject or phone in subject for subject in of["alice"]} == {True}


# Whom it touches --------------------------------------------------------------------------------


def test_the_page_says_whom_it_will_touch_and_gives_the_list(
    alices: Browser, account: Account, bob: User, charlie: User
) -> None:
    """A-04: of this account only; the table runs nothing in a spreadsheet."""
    dora = person("dora", account, first_name="=Dora", last_login=timezone.now())
    open_sessions(bob=1, dora=2)
    Session.objects.filter(user=dora).update(expire_date=timezone.now())
    refused = {"channel": "email", "kind": "notice", "subject_id": 0, "language": "en", "state": "failed"}
    Message.objects.create(**refused, destination=bob.email, fault="number", owner_id=account.pk)
    shown = page(alices.get(SETTINGS))
    assert "<strong>1</strong> is here now besides you and will be stopped at the next click" in shown
    assert "<strong>2</strong> set a second step up at the next sign-in" in shown
    assert "bob <bob@example.com>" in shown
    assert "charlie" not in shown
    table = b"".join(alices.get(LIST)).decode()
    assert "'=Dora" in table
    assert "bob@example.com" in table
    assert "alice@example.com" not in table
    assert "charlie" not in table


def test_all_whose_mailbox_refuses_stand_in_a_list_that_is_sorted(
    alices: Browser, account: Account, bob: User, charlie: User
) -> None:
    """Twenty are named here at most; the rest is a filter of the users. Who has got a message since is none of them."""
    people = [*many(account, 24), bob, charlie]
    refused = {"channel": "email", "kind": "notice", "subject_id": 0, "language": "en"}
    for one in people:
        facts = {**refused, "destination": one.email, "owner_id": one.account_id}
        Message.objects.create(**facts, state="failed", fault="number")
    Message.objects.create(**refused, destination=people[0].email, owner_id=account.pk, state="sent")
    shown = page(alices.get(SETTINGS))
    assert shown.partition("so they need another second step:")[2].partition("</p>")[0].count("@example.com") == 20
    assert '<a href="/configuracoes/usuarios/?state=unreachable">' in shown
    listed = page(alices.get("/configuracoes/usuarios/", {"state": "unreachable", "sort": "-name"}))
    assert "24 users" in listed
    assert people[0].email not in listed
    assert "alice@example.com" not in listed.partition("<tbody>")[2]
    assert "charlie" not in listed
    first, second = (listed.index(one.email) for one in sorted(people[1:3], key=lambda one: one.username))
    assert second < first


# The announcement -------------------------------------------------------------------------------


def test_the_announcement_goes_to_everybody_once_a_day_in_one_statement(
    alices: Browser, account: Account, bob: User, charlie: User
) -> None:
    person("gone", account, is_active=False)
    User.objects.filter(pk=bob.pk).update(language="pt-br")
    deliver()
    before = len(subjects())
    with CaptureQueriesContext(connection) as context:
        assert "2 users are being told by e-mail." in page(alices.post(NOTICE, follow=True))
    assert sum('INSERT INTO "delivery_message"' in query["sql"] for query in context.captured_queries) == 1
    assert sorted(subjects()[before:]) == [
        "alice@example.com: Signing in will take a second step",
        "bob@example.com: O acesso passará a ter uma segunda etapa",
    ]
    again = alices.post(NOTICE)
    assert (again.status_code, again.headers["Retry-After"]) == (429, "86400")
    assert len(subjects()) == before + 2


# The date ---------------------------------------------------------------------------------------


def ask_for(browser: Browser, fields: dict[str, str]) -> None:
    """Set or take back the date, and prove who wants that."""
    assert browser.post(DATE, fields).headers["Location"] == "/confirmar-identidade/"
    assert browser.prove_identity().headers["Location"] == "/configuracoes/minha-conta/"


def test_the_session_alone_sets_no_date(alices: Browser, account: Account) -> None:
    """A-01."""
    alices.post(DATE, {"starts": day(9)})
    account.refresh_from_db()
    assert account.two_factor_from is None
    ask_for(alices, {"starts": day(9)})
    alices.post(DATE, {"action": "clear"})
    account.refresh_from_db()
    assert account.two_factor_from is not None


def test_a_date_is_set_announced_shown_and_cancelled(alices: Browser, account: Account, bob: User) -> None:
    ask_for(alices, {"starts": day(9)})
    account.refresh_from_db()
    assert account.two_factor_from == midnight_in(9)
    assert not account.two_factor_required
    other = Browser()
    other.post_password("bob")
    assert "signing in takes a second step." in page(other.get("/"))
    assert subjects()[-1] == "alice@example.com: A date was set for two factor authentication"
    ask_for(alices, {"action": "clear"})
    account.refresh_from_db()
    assert account.two_factor_from is None
    assert "signing in takes a second step." not in page(other.get("/"))
    assert subjects()[-1] == "alice@example.com: The date for two factor authentication was cancelled"


@pytest.mark.parametrize("starts", ["", "soon", day(0), day(-1), day(366), "2026-02-30"])
def test_an_invalid_day_is_refused_with_a_message(alices: Browser, account: Account, starts: str) -> None:
    assert "Choose a day" in page(alices.post(DATE, {"starts": starts}, follow=True))
    account.refresh_from_db()
    assert account.two_factor_from is None


def test_without_a_gateway_there_is_no_date(alices: Browser, account: Account, settings: Any) -> None:
    """A-02."""
    settings.SMS_GATEWAYS = []
    assert "No SMS gateway is configured" in page(alices.post(DATE, {"starts": day(9)}, follow=True))
    account.refresh_from_db()
    assert account.two_factor_from is None


def test_the_date_is_set_as_soon_as_ones_own_phone_is_set_up(browser: Browser, alice: User, account: Account) -> None:
    """A-02, D6: the phone is the proof, and the date is asked for once."""
    browser.post_password("alice")
    assert browser.post(DATE, {"starts": day(9)}).headers["Location"] == "/entrar/introducao/"
    assert "You are setting a date for everybody" in page(browser.get("/entrar/introducao/"))
    account.refresh_from_db()
    assert account.two_factor_from is None
    browser.post("/entrar/introducao/")
    browser.post_phone()
    assert browser.post_token(last_token()).headers["Location"] == SETTINGS
    account.refresh_from_db()
    assert account.two_factor_from == midnight_in(9)
    assert not account.two_factor_required
    assert "two factor authentication is on for everybody." in page(browser.get(SETTINGS))
    event = AuditEvent.objects.get(action="policy.scheduled")
    assert event.actor == alice


def test_the_date_is_set_as_soon_as_ones_own_phone_is_proved(
    browser: Browser, alice: User, alices_phone: PhoneDevice, account: Account
) -> None:
    """A-02: the session knows the password only; one proof sets the date."""
    browser.post_password("alice")
    ask_for(browser, {"starts": day(9)})
    account.refresh_from_db()
    assert account.two_factor_from == midnight_in(9)
    assert "two factor authentication is on for everybody." in page(browser.get(SETTINGS))


def test_a_former_administrator_sets_no_date(browser: Browser, alice: User, account: Account) -> None:
    """A-01: minutes pass between the date and the token."""
    browser.post_password("alice")
    browser.post(DATE, {"starts": day(9)})
    browser.post("/entrar/introducao/")
    browser.post_phone()
    User.objects.filter(pk=alice.pk).update(role=Role.MEMBER)
    browser.post_token(last_token())
    account.refresh_from_db()
    assert account.two_factor_from is None


def test_a_date_that_was_given_up_is_not_set_by_the_next_sign_in(
    browser: Browser, alice: User, account: Account
) -> None:
    browser.post_password("alice")
    browser.post(DATE, {"starts": day(9)})
    browser.post("/sair/")
    Account.objects.filter(pk=account.pk).update(two_factor_required=True)
    browser.enrol("alice")
    account.refresh_from_db()
    assert account.two_factor_from is None


def test_from_its_date_the_policy_is_on_before_anybody_writes_it_down(
    alices: Browser, account: Account, bob: User
) -> None:
    """S-05: by the database's clock, in the statement that loads the person."""
    other = Browser()
    other.post_password("bob")
    move_date(account, 0.01)
    assert other.is_in()
    move_date(account, -0.01)
    assert other.get("/meu-perfil/").headers["Location"] == "/entrar/introducao/"
    assert Browser().post_password("bob").headers["Location"] == "/entrar/introducao/"
    account.refresh_from_db()
    assert not account.two_factor_required
    assert alices.is_in()  # verified already


def test_the_task_writes_it_down_and_tells_the_administrators(
    alices: Browser, account: Account, alice: User, bob: User
) -> None:
    ask_for(alices, {"starts": day(9)})
    move_date(account, -0.01)
    policy_schedule.keep_dates(Last(None, None))
    policy_schedule.keep_dates(Last(None, None))
    account.refresh_from_db()
    assert account.two_factor_required
    assert account.two_factor_from is None
    event = AuditEvent.objects.get(action="policy.switched_on")
    assert (event.actor, event.data) == (alice, {"before": False, "after": True, "by_date": True})
    assert subjects()[-1] == "alice@example.com: Two factor authentication was switched on"


def test_everybody_is_reminded_seven_days_and_one_day_before_once_each(
    alices: Browser, account: Account, bob: User
) -> None:
    ask_for(alices, {"starts": day(9)})
    counts = []
    for days in (8, 6.9, 6.5, 2, 0.9, 0.5):
        move_date(account, days)
        policy_schedule.keep_dates(Last(None, None))
        policy_schedule.keep_dates(Last(None, None))
        counts.append(AuditEvent.objects.filter(action="policy.reminded").count())
    assert counts == [0, 1, 1, 1, 2, 2]
    assert sum(line.endswith("Signing in will take a second step") for line in subjects()) == 4


def test_a_date_set_late_skips_the_reminder_that_is_past(alices: Browser, account: Account) -> None:
    ask_for(alices, {"starts": day(3)})
    policy_schedule.keep_dates(Last(None, None))
    assert not AuditEvent.objects.filter(action="policy.reminded").exists()
    move_date(account, 0.9)
    policy_schedule.keep_dates(Last(None, None))
    assert AuditEvent.objects.get(action="policy.reminded").data["days"] == 1


def test_switching_by_hand_clears_the_date(alices: Browser, alice: User, account: Account) -> None:

    move_date(account, 5)
    set_two_factor_policy(account, True, actor=alice)
    account.refresh_from_db()
    assert account.two_factor_from is None


# New places -------------------------------------------------------------------------------------


def signed_in(user: User, ip: str, agent: str, days_ago: float = 0) -> None:
    at = timezone.now() - timedelta(days=days_ago, minutes=1)
    facts = {"account": user.account, "user": user, "actor": user, "ip": ip, "user_agent": agent, "at": at}
    AuditEvent.objects.create(action="sign_in.verified", request_id=f"{days_ago}-{ip}"[:32], **facts)


def look_at_sign_ins() -> None:
    new_device_alerts.look_at_sign_ins(Last(None, 0))


def test_a_sign_in_from_a_new_place_is_notified_once(bob: User) -> None:
    signed_in(bob, "203.0.113.7", CHROME, days_ago=5)
    signed_in(bob, "203.0.113.99", CHROME)  # the same network
    signed_in(bob, "198.51.100.1", CHROME)  # another
    for _ in range(2):
        look_at_sign_ins()
    event = AuditEvent.objects.get(action="sign_in.new_place")
    assert (event.user, event.ip) == (bob, "198.51.100.1")
    [notice] = deliver()
    assert notice["subject"] == "You signed in from a new device or place"
    assert "Chrome on Windows" in notice["text"]
    assert "198.51.100.1" in notice["text"]
    assert "/nao-fui-eu/" in notice["text"]


def test_another_browser_is_new_and_what_is_ninety_days_old_is_forgotten(bob: User) -> None:
    signed_in(bob, "203.0.113.7", FIREFOX, days_ago=91)
    signed_in(bob, "203.0.113.7", CHROME, days_ago=5)
    mark = AuditEvent.objects.latest("pk").pk
    signed_in(bob, "203.0.113.7", FIREFOX)
    new_device_alerts.look_at_sign_ins(Last(None, mark))
    assert AuditEvent.objects.filter(action="sign_in.new_place").count() == 1


def test_each_sign_in_is_looked_at_once(bob: User) -> None:
    """By its id; one that may still be overtaken by an older one's commit waits."""
    signed_in(bob, "203.0.113.7", CHROME)
    mark = new_device_alerts.look_at_sign_ins(Last(None, 0))
    assert mark == AuditEvent.objects.latest("pk").pk
    with CaptureQueriesContext(connection) as asked:
        assert new_device_alerts.look_at_sign_ins(Last(None, mark)) == mark
    assert len(asked) == 2
    AuditEvent.objects.create(action="sign_in.verified", account=bob.account, user=bob, ip="198.51.100.1")
    assert new_device_alerts.look_at_sign_ins(Last(None, mark)) == mark


def test_an_upgrade_tells_nobody_of_devices_they_had_before(bob: User) -> None:
    """The first run ever begins after what is there, and a person's rows are made of their earlier sign-ins."""
    signed_in(bob, "203.0.113.7", FIREFOX, days_ago=5)
    signed_in(bob, "198.51.100.1", CHROME, days_ago=4)
    mark = new_device_alerts.look_at_sign_ins(Last(None, None))
    assert not KnownDevice.objects.exists()
    signed_in(bob, "203.0.113.7", FIREFOX)
    new_device_alerts.look_at_sign_ins(Last(None, mark))
    assert not AuditEvent.objects.filter(action="sign_in.new_place").exists()
    assert KnownDevice.objects.count() == 2


def test_a_known_device_costs_one_statement(bob: User) -> None:
    signed_in(bob, "203.0.113.7", CHROME)
    event = AuditEvent.objects.latest("pk")
    new_device_alerts.look_at(event)
    with CaptureQueriesContext(connection) as asked:
        new_device_alerts.look_at(event)
    assert len(asked) == 1


def test_two_runs_that_see_the_same_new_device_tell_once(bob: User) -> None:
    """Of two that both found it unknown, the insert lets one through."""
    signed_in(bob, "203.0.113.7", CHROME, days_ago=5)
    signed_in(bob, "198.51.100.1", CHROME)
    look_at_sign_ins()
    event = AuditEvent.objects.filter(action="sign_in.verified").latest("pk")
    assert not new_device_alerts._note(event, *new_device_alerts.device_of(event))
    assert AuditEvent.objects.filter(action="sign_in.new_place").count() == 1


def test_the_very_first_sign_in_is_not_new(bob: User, alice: User) -> None:
    signed_in(alice, "203.0.113.7", CHROME, days_ago=5)
    signed_in(bob, "198.51.100.1", FIREFOX)
    look_at_sign_ins()
    assert not AuditEvent.objects.filter(action="sign_in.new_place").exists()


def test_a_locked_person_is_told_who_can_unlock(bob: User) -> None:

    enrol(bob)
    lock_user(bob, reason="phone.disowned")
    assert deliver()[0]["subject"] == "Your login is locked"
