"""K-06, K-07: an administrator decides which kinds count: preview, date, proof, refusals, and who is told."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import policy_schedule
from accounts.models import Account, AuditEvent, User
from accounts.policy import set_two_factor_policy
from messaging.database import clock_plus
from messaging.delivery.models import Message
from messaging.periodic.scheduler import Last
from tests.conftest import PASSWORD, Browser, enrol, last_token, many, sent_to
from tests.test_app import give_app, token_now
from tests.test_factors_that_count import only
from tests.tools import page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

SETTINGS = "/configuracoes/minha-conta/"
FACTORS = "/configuracoes/minha-conta/fatores/"
IDENTITY = "/confirmar-identidade/"


@pytest.fixture
def alices(browser: Browser, alice: User) -> Browser:
    """Return the browser of Alice, who has a phone and an app."""
    enrol(alice)
    give_app(alice)
    browser.sign_in("alice")
    return browser


def choose(browser: Browser, *kinds: str, **fields: str) -> Any:
    """Post a choice and walk the proof."""
    asked = browser.post(FACTORS, {"kinds": kinds, **fields})
    assert asked.headers["Location"] == IDENTITY, page(asked)
    browser.post(IDENTITY, {"password": PASSWORD, "channel": "sms"})
    return browser.post(IDENTITY, {"token": last_token()}, follow=True)


def accepted(account: Account) -> list[str]:
    return [str(kind) for kind in Account.objects.get(pk=account.pk).accepted]


def test_the_choice_and_its_presets_stand_in_the_settings(alices: Browser) -> None:
    """K-06: in three languages."""
    for language, words in {
        "pt-br": ["Todos", "Sem e-mail", "Só resistentes a phishing"],
        "en": ["All", "Without e-mail", "Phishing-resistant only"],
        "es": ["Todos", "Sin correo", "Solo resistentes al phishing"],
    }.items():
        shown = page(alices.get(SETTINGS, headers={"accept-language": language}))
        for word in words:
            assert f">{word}</button>" in shown


def test_the_preview_counts_who_sets_one_up(alices: Browser, account: Account) -> None:
    """K-06: nothing changes by looking."""
    people = many(account, 3)
    User.objects.filter(pk=people[0].pk).update(has_app=True)
    User.objects.filter(pk=people[1].pk).update(has_phone=True)
    shown = page(alices.get(f"{FACTORS}?kinds=app&kinds=passkey"))
    assert "2 of 4 have no second step that counts yet" in shown
    assert "No longer opens anything: SMS, E-mail" in shown
    portuguese = page(alices.get(f"{FACTORS}?preset=no_email", headers={"accept-language": "pt-br"}))
    assert accepted(account) == ["sms", "email", "app", "passkey"]
    assert "1 de 4 ainda não tem segunda etapa que vale; vai configurar uma no próximo acesso" in portuguese


def test_the_choice_is_in_force_at_once_after_a_proof(alices: Browser, account: Account) -> None:
    """K-06, A-01."""
    alices.post(FACTORS, {"kinds": ["sms", "app"]})
    assert accepted(account) == ["sms", "email", "app", "passkey"], "not before the proof"
    choose(alices, "sms", "app")
    assert accepted(account) == ["sms", "app"]
    event = AuditEvent.objects.get(action="policy.factors_changed")
    assert (event.data["before"], event.data["after"]) == ("sms email app passkey", "sms app")


def test_members_may_not_choose_the_kinds(browser: Browser, bob: User, account: Account) -> None:
    """K-06, A-01."""
    enrol(bob)
    browser.sign_in("bob")
    for answer in (browser.get(FACTORS), browser.post(FACTORS, {"kinds": ["app"]})):
        assert answer.status_code == 403
    assert not AuditEvent.objects.filter(action="policy.factors_changed").exists()


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([], "Choose at least one"),
        (["email"], "stands in for"),
        (["passkey"], "You have none of these second steps yourself"),
        (["email", "passkey"], "You have none of these second steps yourself"),
        (["carrier pigeon"], "Choose among"),
    ],
)
def test_what_would_lock_people_out_is_refused(alices: Browser, account: Account, kinds: list[str], words: str) -> None:
    """K-06: at least one kind of a device, and one that the administrator has."""
    answer = alices.post(FACTORS, {"kinds": kinds})
    assert answer.status_code == 200
    assert words in page(answer)
    assert ticked(answer) == [kind for kind in kinds if kind != "carrier pigeon"]
    assert accepted(account) == ["sms", "email", "app", "passkey"]


def ticked(answer: Any) -> list[str]:
    return re.findall(r'name="kinds" value="(\w+)" checked', page(answer))


@pytest.mark.parametrize(
    ("language", "label"),
    [
        ("en", "Set one up in My profile, Second step"),
        ("pt-br", "Configure uma em Meu perfil, Segunda etapa"),
        ("es", "Configure uno en Mi perfil, Segundo paso"),
    ],
)
def test_a_refusal_leads_to_where_the_administrator_adds_the_kind(alices: Browser, language: str, label: str) -> None:
    """K-06: by the page of the preset, too; the ticks stay."""
    alices.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    answer = alices.get(FACTORS, {"preset": "phishing_resistant"})
    assert f'<a href="/meu-perfil/segunda-etapa/">{label}</a>' in page(answer)
    assert ticked(answer) == ["passkey"]


def test_who_has_an_app_only_is_led_to_the_phone(browser: Browser, alice: User) -> None:
    """K-06."""
    give_app(alice)
    browser.post_password("alice")
    browser.post("/entrar/app/", {"token": token_now()})
    refused = page(browser.get(FACTORS, {"kinds": ["sms", "email"]}))
    assert 'href="/meu-perfil/#phone">Set your phone up in My profile</a>' in refused


def test_who_has_no_second_step_yet_is_led_to_the_switch(browser: Browser, alice: User, account: Account) -> None:
    """K-06: an app is added beside a phone, and the phone is asked for at the switch."""
    Account.objects.filter(pk=account.pk).update(two_factor_required=False)
    browser.force_login(alice)
    shown = page(browser.get(FACTORS, {"kinds": ["app"]}))
    assert re.search(r'<a href="/configuracoes/minha-conta/">Switch two factor authentication on', shown)


@pytest.mark.parametrize(
    ("language", "email", "app", "passkey"),
    [
        ("en", "E-mail", "Authenticator app", "Passkey"),
        ("pt-br", "E-mail", "Aplicativo autenticador", "Chave de acesso"),
        ("es", "Correo electrónico", "Aplicación de autenticación", "Llave de acceso"),
    ],
)
def test_each_preset_says_which_kinds_it_has(
    alices: Browser, language: str, email: str, app: str, passkey: str
) -> None:
    """K-06."""
    alices.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    shown = re.findall(r'id="preset-\w+">([^<]+)<', page(alices.get(SETTINGS)))
    assert shown == [f"SMS, {email}, {app}, {passkey}", f"SMS, {app}, {passkey}", passkey]


@pytest.mark.parametrize(
    ("language", "now", "lately", "nobody"),
    [
        ("en", "Whoever joins later sees it", "Whoever joined since", "nobody is asked for a second step yet"),
        ("pt-br", "Quem entrar depois vê isso", "Quem entrou desde então", "ainda não se pede a segunda etapa"),
        ("es", "Quien se incorpore después lo ve", "Quien se incorporó desde entonces", "todavía no se pide a nadie"),
    ],
)
def test_the_preview_says_who_is_told_and_who_is_not(
    alices: Browser, account: Account, language: str, now: str, lately: str, nobody: str
) -> None:
    """K-06: nobody who joins later is told by e-mail."""
    alices.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    found = []
    for required, told in ((True, None), (True, timezone.now()), (False, None)):
        Account.objects.filter(pk=account.pk).update(two_factor_required=required, two_factor_announced_at=told)
        read = page(alices.get(FACTORS, {"kinds": ["sms"]}))
        found.append([words in read for words in (now, lately, nobody)])
    assert found == [[True, False, False], [False, True, False], [False, False, True]]


def test_who_lost_the_factor_before_the_proof_changes_nothing(alices: Browser, alice: User, account: Account) -> None:
    """K-06: the refusal stands at the moment of the change, too."""
    alices.post(FACTORS, {"kinds": ["app"]})
    alice.app_device.delete()
    alices.post(IDENTITY, {"password": PASSWORD, "channel": "sms"})
    assert "Nothing was changed" in page(alices.post(IDENTITY, {"token": last_token()}, follow=True))
    assert accepted(account) == ["sms", "email", "app", "passkey"]


def test_after_the_change_the_administrator_goes_on_with_what_counts(alices: Browser, account: Account) -> None:
    """K-06: a session proved by the phone is asked for the app."""
    choose(alices, "app")
    assert alices.get(SETTINGS).headers["Location"] == "/entrar/app/"
    alices.post("/entrar/app/", {"token": token_now()})
    assert alices.is_in()


# From a date on -------------------------------------------------------------------------------------


def test_a_date_is_kept_until_it_comes_and_can_be_taken_back(alices: Browser, account: Account) -> None:
    """K-06."""
    day = timezone.localdate() + timedelta(days=3)
    choose(alices, "app", starts=day.isoformat())
    assert accepted(account) == ["sms", "email", "app", "passkey"]
    assert "only these count: Authenticator app" in page(alices.get(SETTINGS))
    assert alices.is_in()
    assert alices.post(FACTORS, {"action": "clear"}).headers["Location"] == IDENTITY
    alices.post(IDENTITY, {"password": PASSWORD, "channel": "app"})
    alices.post(IDENTITY, {"token": token_now()})
    account.refresh_from_db()
    assert account.factors_from is None
    assert AuditEvent.objects.filter(action="policy.factors_unscheduled").count() == 1


@pytest.mark.parametrize("starts", ["2001-01-01", "tomorrow"])
def test_a_day_that_is_none_is_refused(alices: Browser, account: Account, starts: str) -> None:
    """K-06: the page stays, with the choice."""
    answer = alices.post(FACTORS, {"kinds": ["app"], "starts": starts})
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in page(answer)
    assert 'name="kinds" value="app"' in page(answer)


def test_the_date_is_in_force_before_anybody_writes_it_down(
    browser: Browser, other_browser: Browser, bob: User, account: Account
) -> None:
    """K-06, S-05, F39: compared with the database's clock when a person is loaded, in sessions and half-way."""
    enrol(bob)
    browser.sign_in("bob")
    other_browser.post_password("bob")
    Account.objects.filter(pk=account.pk).update(factors_from=clock_plus(-1), factors_next="app")
    assert browser.get("/meu-perfil/").headers["Location"] == "/entrar/canal/"
    assert "no longer counts" in page(other_browser.get("/entrar/canal/"))
    Account.objects.filter(pk=account.pk).update(factors_from=clock_plus(60))
    assert "no longer counts" not in page(other_browser.get("/entrar/canal/"))


def test_the_periodic_task_writes_it_down_once(alice: User, account: Account) -> None:
    """K-06."""
    policy_schedule.choose_factors(account, ["app"], timezone.now() + timedelta(days=1), actor=alice)
    policy_schedule.keep_dates(Last(None, None))
    assert accepted(account) == ["sms", "email", "app", "passkey"]
    Account.objects.filter(pk=account.pk).update(factors_from=clock_plus(-1))
    policy_schedule.keep_dates(Last(None, None))
    policy_schedule.keep_dates(Last(None, None))
    account.refresh_from_db()
    assert (account.accepted, account.factors_from, account.factors_next) == (["app"], None, "")
    event = AuditEvent.objects.get(action="policy.factors_changed")
    assert event.data["by_date"]


def waiting(user: User) -> tuple[Any, str]:
    account = Account.objects.get(pk=user.account_id)
    return account.factors_from, account.factors_next


def test_dates_of_other_accounts_stay_as_they_are(alice: User, charlie: User, account: Account) -> None:
    """K-06: also where they choose the same kinds for the same day."""
    day = timezone.now() + timedelta(days=9)
    for person in (alice, charlie):
        policy_schedule.choose_factors(person.account, ["app"], day, actor=person)
    assert policy_schedule.unschedule_factors(account, actor=alice)
    assert waiting(alice) == (None, "")
    assert waiting(charlie) == (day, "app")
    Account.objects.filter(pk=account.pk).update(factors_from=clock_plus(-1), factors_next="app")
    policy_schedule.keep_dates(Last(None, None))
    assert waiting(charlie) == (day, "app")
    assert "sms" in accepted(charlie.account)


def test_a_choice_at_once_takes_a_date_back(alice: User, account: Account) -> None:
    """K-06: also when the kinds are those that count already; without either nothing changes and nobody is told."""
    kinds = accepted(account)
    policy_schedule.choose_factors(account, ["app"], timezone.now() + timedelta(days=9), actor=alice)
    assert policy_schedule.choose_factors(account, kinds, actor=alice)
    assert waiting(alice) == (None, "")
    assert not policy_schedule.choose_factors(account, kinds, actor=alice)
    assert not policy_schedule.unschedule_factors(account, actor=alice)
    assert AuditEvent.objects.filter(action__startswith="policy.factors").count() == 3  # set, told of, taken back


def test_another_day_or_other_kinds_move_a_date(alice: User, account: Account) -> None:
    """K-06: the same day and the same kinds change nothing."""
    day, later = (timezone.now() + timedelta(days=days) for days in (9, 10))
    assert policy_schedule.choose_factors(account, ["app"], day, actor=alice)
    assert not policy_schedule.choose_factors(account, ["app"], day, actor=alice)
    assert policy_schedule.choose_factors(account, ["app"], later, actor=alice)
    assert policy_schedule.choose_factors(account, ["app", "passkey"], later, actor=alice)
    assert waiting(alice) == (later, "app passkey")


def test_each_event_of_a_date_names_who_decided_and_what(alice: User, account: Account) -> None:
    """K-06, J-01: set, taken back, set again, come by itself; the administrators read each."""
    day = timezone.now() + timedelta(days=9)
    before = " ".join(accepted(account))
    policy_schedule.choose_factors(account, ["app"], day, actor=alice)
    policy_schedule.unschedule_factors(account, actor=alice)
    policy_schedule.choose_factors(account, ["app"], day, actor=alice)
    Account.objects.filter(pk=account.pk).update(factors_from=clock_plus(-1))
    policy_schedule.keep_dates(Last(None, None))
    events = AuditEvent.objects.filter(action__startswith="policy.factors").exclude(action="policy.factors_announced")
    assert {event.actor for event in events} == {alice}
    assert [event.action.partition("factors_")[2] for event in events.order_by("pk")] == [
        "scheduled",
        "unscheduled",
        "scheduled",
        "changed",
    ]
    come = events.get(action="policy.factors_changed")
    assert (come.data["before"], come.data["after"]) == (before, "app")
    read = set(Message.objects.filter(destination=alice.email).values_list("subject_id", flat=True))
    assert read >= set(events.values_list("pk", flat=True))


def test_everybody_is_notified_what_counts_and_from_when(alice: User, bob: User, account: Account) -> None:
    """K-07: from the policy's own date on, too; where neither is asked of them nobody hears."""
    day = timezone.now() + timedelta(days=9)
    Account.objects.filter(pk=account.pk).update(two_factor_required=False)
    policy_schedule.choose_factors(account, ["app"], day, actor=alice)
    assert told(bob) == 0
    Account.objects.filter(pk=account.pk).update(two_factor_from=day)
    policy_schedule.choose_factors(account, ["app", "sms"], day, actor=alice)
    assert told(bob) == 1
    announced = AuditEvent.objects.get(action="policy.factors_announced")
    assert announced.actor == alice
    assert (announced.data["after"], announced.data["starts"]) == ("sms app", day.isoformat())


# Who is told -----------------------------------------------------------------------------------------


def told(user: User) -> int:
    return sum("What counts as your second step" in entry["subject"] for entry in sent_to(user.email))


def test_everybody_is_told_once_a_day(alice: User, bob: User, account: Account) -> None:
    """K-07."""
    policy_schedule.choose_factors(account, ["sms", "app"], actor=alice)
    policy_schedule.choose_factors(account, ["sms"], actor=alice)
    assert told(bob) == 1
    Account.objects.filter(pk=account.pk).update(two_factor_announced_at=clock_plus(-90_000))
    policy_schedule.choose_factors(account, ["sms", "app"], actor=alice)
    assert told(bob) == 2


def test_a_person_notified_of_the_policy_within_a_day_is_not_notified_again(
    alice: User, bob: User, account: Account
) -> None:
    """K-07."""
    Account.objects.filter(pk=account.pk).update(two_factor_announced_at=clock_plus(-3600))
    policy_schedule.choose_factors(account, ["sms", "app"], actor=alice)
    assert told(bob) == 0


def told_of_the_switch(user: User) -> int:
    return sum("second step now" in entry["subject"] for entry in sent_to(user.email))


def test_switching_on_tells_everybody_unless_they_were_told_within_a_day(
    alice: User, bob: User, account: Account
) -> None:
    """K-07: "have it at hand", once; switching off and on tells nobody twice."""
    for required in (False, True, False, True):
        set_two_factor_policy(account, required, actor=alice)
    assert told_of_the_switch(bob) == 1


# When SMS is ill ---------------------------------------------------------------------------------------


@pytest.fixture
def no_sms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messaging.delivery.circuit.sms_is_available", lambda: False)


def test_the_channel_page_names_what_works_for_this_person(
    browser: Browser, bob: User, account: Account, no_sms: None
) -> None:
    """K-07: e-mail, else the other ways, else that nothing does and what to do."""
    enrol(bob)
    browser.post_password("bob")
    assert "Choose e-mail, or try SMS" in page(browser.get("/entrar/canal/"))
    only(account, "sms", "app")
    assert "you have no other second step" in page(browser.get("/entrar/canal/"))
    give_app(bob)
    assert "Use one of the other ways below" in page(browser.get("/entrar/canal/"))


def test_where_sms_works_nothing_is_said(browser: Browser, bob: User, account: Account) -> None:
    """K-07."""
    enrol(bob)
    only(account, "sms")
    browser.post_password("bob")
    assert "not working" not in page(browser.get("/entrar/canal/"))


def test_the_enrolment_says_that_sms_does_not_work(
    browser: Browser, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K-07."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    assert "may not arrive" not in page(browser.get("/entrar/telefone/"))
    monkeypatch.setattr("messaging.delivery.circuit.sms_is_available", lambda: False)
    assert "may not arrive" in page(browser.get("/entrar/telefone/"))


def test_an_account_whose_only_kind_is_sms_is_warned(alices: Browser, account: Account) -> None:
    """K-07: on Home and in the settings; one with another kind is not."""
    assert "Only SMS counts" not in page(alices.get("/")) + page(alices.get(SETTINGS))
    only(account, "sms")
    assert "Only SMS counts" in page(alices.get("/"))
    assert "Only SMS counts" in page(alices.get(SETTINGS))


def test_where_phones_do_not_count_no_gateway_is_needed(alices: Browser, account: Account, settings: Any) -> None:
    """K-06, A-02: the switch asks for a gateway only where phones count."""
    settings.SMS_GATEWAYS = []
    Account.objects.filter(pk=account.pk).update(two_factor_required=False)
    assert "It cannot be switched on now" in page(alices.get(SETTINGS))
    only(account, "app", "passkey")
    assert "It cannot be switched on now" not in page(alices.get(SETTINGS))
