"""The notices to administrators: which of them an account wants, and who gets them; what is never chosen."""

import pytest

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import Account, AuditEvent, Role, User
from accounts.notifications.notify import notify_administrators
from messaging.delivery.models import Message
from tests.conftest import Browser, person
from tests.tools import page

pytestmark = pytest.mark.django_db

NOTICES = "/configuracoes/minha-conta/avisos/"
CHOSEN, ALWAYS = Action.ACCOUNT_SMS_HALF_USED_UP, Action.ACCOUNT_SMS_USED_UP


@pytest.fixture
def dora(account: Account) -> User:
    return person("dora", account, Role.ADMINISTRATOR)


@pytest.fixture
def office(browser: Browser, alice: User, dora: User) -> Browser:
    browser.post_password("alice")
    return browser


def told(account: Account, action: Action) -> set[str]:
    """Return who is told of something that happens now."""
    account.refresh_from_db()
    event = record_event(action, user=account.users.get(username="alice"))
    notify_administrators(account, event)
    return set(Message.objects.filter(subject_id=event.pk).values_list("destination", flat=True))


ALICE, DORA = "alice@example.com", "dora@example.com"


def test_every_administrator_is_told_of_everything_at_first(office: Browser, account: Account) -> None:
    assert told(account, CHOSEN) == told(account, ALWAYS) == {ALICE, DORA}
    assert page(office.get(NOTICES)).count(" checked") == 2


def test_what_is_not_wanted_is_not_sent_and_the_rest_is(office: Browser, account: Account) -> None:
    answer = office.post(NOTICES, {"kinds": ["shared"], "reader": ""}, follow=True)
    assert "The notices of your account were changed." in page(answer)
    assert told(account, CHOSEN) == set()
    assert told(account, Action.PHONE_SHARED) == {ALICE, DORA}
    assert AuditEvent.objects.filter(action="account.notices_changed", user__username="alice").count() == 1


def test_one_administrator_gets_them(office: Browser, account: Account, dora: User) -> None:
    office.post(NOTICES, {"kinds": ["sms", "shared"], "reader": str(dora.pk)})
    assert told(account, CHOSEN) == {DORA}


@pytest.mark.parametrize("action", [ALWAYS, Action.RANGE_CLOSED, Action.POLICY_SWITCHED_OFF, Action.RECOVERY_CODE_USED])
def test_what_is_about_security_goes_to_every_administrator(
    office: Browser, account: Account, dora: User, action: Action
) -> None:
    """A-01, B-08: nobody switches it off."""
    office.post(NOTICES, {"reader": str(dora.pk)})
    assert told(account, action) == {ALICE, DORA}


def test_a_former_administrator_as_the_reader_means_all_of_them(office: Browser, account: Account, dora: User) -> None:
    office.post(NOTICES, {"kinds": ["sms"], "reader": str(dora.pk)})
    User.objects.filter(pk=dora.pk).update(is_active=False)
    assert told(account, CHOSEN) == {ALICE}


@pytest.mark.parametrize("reader", ["bob", "charlie"])
def test_a_member_or_somebody_of_another_account_gets_none(
    office: Browser, account: Account, bob: User, charlie: User, reader: str
) -> None:
    """A-04."""
    somebody = User.objects.get(username=reader)
    assert office.post(NOTICES, {"kinds": ["sms"], "reader": str(somebody.pk)}).status_code == 200
    assert told(account, CHOSEN) == {ALICE, DORA}


def test_the_same_again_is_no_event(office: Browser) -> None:
    office.post(NOTICES, {"kinds": ["sms", "shared"], "reader": ""})
    assert not AuditEvent.objects.filter(action="account.notices_changed").exists()


def test_members_may_not_choose_the_notices(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    assert browser.post(NOTICES, {"kinds": []}).status_code == 403
