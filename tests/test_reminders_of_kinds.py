"""K-06, K-07: a date of other kinds reminds those who have nothing that will count, as the date of the policy does."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import policy_schedule
from accounts.models import Account, AuditEvent, User
from messaging.database import clock_plus
from messaging.periodic.scheduler import Last
from tests.conftest import Browser, deliver, enrol, person, sent_to
from tests.test_app import give_app
from tests.tools import page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

SUBJECTS = {
    "en": "Set up another second step in time",
    "pt-br": "Configure outra segunda etapa a tempo",
    "es": "Configure otro segundo paso a tiempo",
}


@pytest.fixture(autouse=True)
def _people(alice: User, bob: User) -> None:
    """Alice has a phone and an app, Bob a phone."""
    enrol(alice)
    give_app(alice)
    enrol(bob)


def set_date(account: Account, actor: User, days: float, *kinds: str) -> None:
    """Set the date; the announcement of it is two days old, as it is in most accounts a week before."""
    policy_schedule.choose_factors(account, kinds or ["app", "passkey"], moment(days), actor=actor)
    Account.objects.filter(pk=account.pk).update(two_factor_announced_at=clock_plus(-2 * 86_400))


def moment(days: float) -> Any:
    return timezone.now() + timedelta(days=days)


def look(account: Account, days: float | None = None) -> int:
    """Let the task run twice, so many days before the date; return how many reminders there were by now."""
    if days is not None:
        Account.objects.filter(pk=account.pk).update(factors_from=moment(days))
    for _run in range(2):
        policy_schedule.keep_dates(Last(None, None))
    return AuditEvent.objects.filter(action="policy.factors_reminded").count()


def told(user: User, language: str = "en") -> int:
    return sum(entry["subject"] == SUBJECTS[language] for entry in sent_to(user.email))


def test_who_lacks_what_will_count_is_reminded_seven_days_and_one_day_before_once_each(
    alice: User, bob: User, account: Account
) -> None:
    set_date(account, alice, 9)
    assert [look(account, days) for days in (8, 6.9, 6.5, 2, 0.9, 0.5)] == [0, 1, 1, 1, 2, 2]
    assert told(bob) == 2
    assert [
        event.data["days"] for event in AuditEvent.objects.filter(action="policy.factors_reminded").order_by("pk")
    ] == [7, 1]


def test_only_those_without_are_reminded(alice: User, bob: User, charlie: User, account: Account) -> None:
    """A-04: of this account; not who has an app, nor who was deactivated."""
    gone = person("gone", account, is_active=False)
    set_date(account, alice, 9)
    look(account, 6)
    assert [told(user) for user in (alice, bob, charlie, gone)] == [0, 1, 0, 0]


def test_the_audit_names_who_set_the_date_and_what_will_count(alice: User, browser: Browser, account: Account) -> None:
    set_date(account, alice, 9)
    look(account, 6)
    event = AuditEvent.objects.get(action="policy.factors_reminded")
    assert (event.actor, event.data["after"], event.data["days"]) == (alice, "app passkey", 7)
    assert event.data["starts"].startswith(str(moment(6).date())[:8])
    browser.sign_in("alice")
    assert "was reminded: <strong>Authenticator app, Passkey</strong>" in page(browser.get("/configuracoes/auditoria/"))


def test_a_date_set_late_skips_the_reminder_that_is_past(alice: User, account: Account) -> None:
    set_date(account, alice, 3)
    assert look(account) == 0
    assert look(account, 0.9) == 1
    assert AuditEvent.objects.get(action="policy.factors_reminded").data["days"] == 1


def test_another_date_reminds_again(alice: User, bob: User, account: Account) -> None:
    set_date(account, alice, 9)
    assert look(account, 0.5) == 1
    set_date(account, alice, 20)
    assert look(account) == 1
    assert look(account, 6) == 2
    assert told(bob) == 2


def test_within_a_day_of_an_announcement_nobody_is_reminded(alice: User, bob: User, account: Account) -> None:
    """K-07: it goes out when the day is over."""
    set_date(account, alice, 9)
    Account.objects.filter(pk=account.pk).update(two_factor_announced_at=clock_plus(-3600))
    assert look(account, 6.9) == 0
    Account.objects.filter(pk=account.pk).update(two_factor_announced_at=clock_plus(-90_000))
    assert look(account, 6.5) == 1


def test_where_the_second_step_is_asked_of_nobody_there_is_no_reminder(alice: User, account: Account) -> None:
    set_date(account, alice, 9)
    Account.objects.filter(pk=account.pk).update(two_factor_required=False)
    assert look(account, 6) == 0
    Account.objects.filter(pk=account.pk).update(two_factor_from=moment(30))
    assert look(account, 5) == 1


def test_where_everybody_has_one_nothing_is_sent_or_written(alice: User, bob: User, account: Account) -> None:
    give_app(bob)
    set_date(account, alice, 9)
    assert look(account, 6) == 0


def test_no_reminder_of_a_date_that_was_taken_back_or_has_come(alice: User, account: Account) -> None:
    set_date(account, alice, 9)
    policy_schedule.unschedule_factors(account, actor=alice)
    assert look(account) == 0
    set_date(account, alice, 9)
    assert look(account, -1) == 0


@pytest.mark.parametrize("language", ["pt-br", "es"])
def test_the_reminder_is_in_the_language_of_its_reader(alice: User, bob: User, account: Account, language: str) -> None:
    User.objects.filter(pk=bob.pk).update(language=language)
    set_date(account, alice, 9)
    look(account, 6)
    assert told(bob, language) == 1


def text_of(account: Account, alice: User, *kinds: str) -> str:
    set_date(account, alice, 9, *kinds)
    look(account, 6)
    return next(str(entry["text"]) for entry in deliver() if entry["subject"] == SUBJECTS["en"])


def test_the_reminder_leads_to_where_one_is_set_up(alice: User, bob: User, account: Account) -> None:
    said = text_of(account, alice)
    assert "Authenticator app, Passkey" in said
    assert "/meu-perfil/segunda-etapa/" in said


def test_where_it_cannot_be_set_up_before_the_date_the_reminder_says_so(
    alice: User, bob: User, account: Account
) -> None:
    """K-06: what does not count yet is not offered in the profile."""
    Account.objects.filter(pk=account.pk).update(app_tokens=False, passkeys=False)
    said = text_of(account, alice)
    assert "at your first sign-in from that day on" in said
    assert "/meu-perfil/segunda-etapa/" not in said
