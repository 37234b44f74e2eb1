"""K-06, A-02: a date that has come is in force although nothing has written it down, and no later date undoes it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import policy_schedule
from accounts.factors import DEVICE_FLAGS, FactorKind
from accounts.models import Account, AuditEvent, User, accepting
from accounts.models.account import COLUMNS
from accounts.passwords import flows as passwords
from messaging.database import clock_plus
from messaging.periodic.scheduler import Last
from tests.authenticator import give_passkey
from tests.test_app import give_app
from twofactor.account_settings import pending_actions
from twofactor.exceptions import JourneyOver
from twofactor.factors import held
from twofactor.factors.app import flows as apps
from twofactor.factors.app.factor import AppToken
from twofactor.factors.app.models import AppDevice
from twofactor.models import PendingSignIn
from twofactor.sign_in import flows, query
from twofactor.sign_in.new_device import NewDevice

pytestmark = pytest.mark.django_db

KINDS = ("sms", "email", "app", "passkey")


def loaded(user: User) -> User:
    found: User = User.objects.with_policy().select_related("account").get(pk=user.pk)
    return found


def counting(user: User) -> list[str]:
    return [kind for kind in KINDS if loaded(user).accepts(kind)]


def test_a_later_date_of_kinds_does_not_undo_one_that_has_come(policy: Account, alice: User) -> None:
    """K-06: else what was forbidden would count again until the later one."""
    Account.objects.filter(pk=policy.pk).update(factors_next="passkey", factors_from=clock_plus(-30))
    assert counting(alice) == ["passkey"]
    later = timezone.now() + timedelta(days=30)
    policy_schedule.choose_factors(policy, ["app", "passkey"], later, actor=alice)
    assert counting(alice) == ["passkey"]
    policy_schedule.keep_dates(Last(None, None))
    assert counting(alice) == ["passkey"]
    policy.refresh_from_db()
    assert (policy.factors_from, policy.factors_next) == (later, "app passkey")
    assert AuditEvent.objects.get(action="policy.factors_scheduled").data["before"] == "passkey"


def test_a_later_date_of_the_policy_does_not_undo_one_that_has_come(account: Account, alice: User) -> None:
    """A-02: else the password alone would open the account again until the later one."""
    Account.objects.filter(pk=account.pk).update(two_factor_from=clock_plus(-30))
    assert loaded(alice).two_factor_required
    later = (timezone.now() + timedelta(days=30)).isoformat()
    assert "is on" in pending_actions.set_date(loaded(alice), {"starts": later})
    assert loaded(alice).two_factor_required
    account.refresh_from_db()
    assert (account.two_factor_required, account.two_factor_from) == (True, None)


def test_a_date_to_come_is_still_moved(account: Account, alice: User) -> None:
    Account.objects.filter(pk=account.pk).update(two_factor_from=clock_plus(86_400))
    later = timezone.now() + timedelta(days=30)
    assert policy_schedule.schedule(account, later, actor=alice)
    account.refresh_from_db()
    assert (account.two_factor_required, account.two_factor_from) == (False, later)


def test_a_date_that_has_come_is_not_said_to_be_cancelled(policy: Account, alice: User) -> None:
    Account.objects.filter(pk=policy.pk).update(factors_next="passkey", factors_from=clock_plus(-30))
    assert "no date" in pending_actions.choose_factors(loaded(alice), {"kinds": [], "starts": ""})
    assert counting(alice) == ["passkey"]


def set_up_of(user: User) -> tuple[PendingSignIn, NewDevice]:
    """Return a sign-in that waits for a first device where phones do not count, and an app that is about to be one."""
    Account.objects.filter(pk=user.account_id).update(sms_tokens=False)
    PendingSignIn.begin(loaded(user), session_hash="t" * 64, introduced=True)
    pending = query.of_session("t" * 64)
    assert pending
    assert not held.usable(pending.user), "looked at when the request began"
    apps.start_enrolment(pending.user, session_hash="t" * 64)
    enrolment = apps.enrolment_of(pending.user, "t" * 64)
    assert enrolment
    return pending, NewDevice(FactorKind.APP, lambda: apps.bind(enrolment, 5, name="x"))


def test_a_first_device_of_a_moment_ago_has_to_be_proved(policy: Account, bob: User) -> None:
    """K-06: whoever knows the password and begins before its owner is done gets no second device beside theirs."""
    pending, device = set_up_of(bob)
    give_passkey(bob)
    with pytest.raises(JourneyOver):
        flows.complete_sign_in(pending, device)
    assert not AppDevice.objects.exists()


def test_a_first_device_is_bound_where_there_is_none(policy: Account, bob: User) -> None:
    pending, device = set_up_of(bob)
    flows.complete_sign_in(pending, device)
    assert AppDevice.objects.get().user == bob


# What is asked within the statement that completes a sign-in ---------------------------------------


@pytest.mark.parametrize("date", [None, -30, 30], ids=["no date", "a date that has come", "a date to come"])
@pytest.mark.parametrize("written", ["sms email app passkey", "sms", "app passkey", "email passkey"])
@pytest.mark.parametrize("then", ["passkey", "sms email", "app"])
def test_the_database_and_the_account_say_the_same_of_each_kind(
    policy: Account, alice: User, written: str, then: str, date: int | None
) -> None:
    """K-06: ``accepting`` is ``Account.accepts`` in SQL."""
    columns = {column: kind in written.split() for kind, column in COLUMNS.items()}
    due = {"factors_from": clock_plus(date), "factors_next": then} if date else {}
    Account.objects.filter(pk=policy.pk).update(**columns, **due)
    said = [kind for kind in KINDS if Account.objects.filter(accepting(kind), pk=policy.pk).exists()]
    assert said == counting(alice)
    assert said == (then if date == -30 else written).split()


@pytest.mark.parametrize(
    ("kinds", "flags", "opens"),
    [
        ("sms email app passkey", ["has_phone"], ["sms", "email", "app", "passkey", "recovery"]),
        ("email passkey", ["has_phone"], ["passkey"]),  # the phone that mailbox and codes stand in for counts no longer
        ("email passkey", ["has_phone", "has_passkey"], ["email", "passkey", "recovery"]),
        ("sms app", ["has_app"], ["sms", "app", "recovery"]),
    ],
)
def test_the_mailbox_and_a_code_open_only_beside_a_device_that_counts(
    policy: Account, alice: User, kinds: str, flags: list[str], opens: list[str]
) -> None:
    """K-06: as ``held.counting`` says of the devices that came with a request."""
    Account.objects.filter(pk=policy.pk).update(**{column: kind in kinds.split() for kind, column in COLUMNS.items()})
    User.objects.filter(pk=alice.pk).update(**{flag: flag in flags for flag in DEVICE_FLAGS.values()})
    found = [kind for kind in FactorKind if User.objects.filter(held.lets_in(kind), pk=alice.pk).exists()]
    assert found == opens


def test_a_sign_in_that_read_the_person_before_a_new_password_opens_nothing(policy: Account, bob: User) -> None:
    """R-06: it would say that the mailbox is a proof again, and end the count of failures."""
    app = give_app(bob)
    PendingSignIn.begin(loaded(bob), session_hash="t" * 64)
    pending = query.of_session("t" * 64)
    assert pending
    passwords.change_password(User.objects.get(pk=bob.pk), "another horse battery", by_reset=True)
    User.objects.filter(pk=bob.pk).update(failures=4)
    with pytest.raises(JourneyOver):
        flows.complete_sign_in(pending, AppToken(app, app.last_step + 1))
    bob.refresh_from_db()
    assert (bob.mailbox_suspect, bob.failures) == (True, 3), "its own attempt is taken back"
