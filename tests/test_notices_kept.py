"""A notice is kept and tried again until the mail server takes it."""

import smtplib
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from messaging.database import clock_plus
from messaging.delivery import flows as delivery
from messaging.delivery import gateways, leases
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Message, State
from tests.conftest import BOBS_NUMBER
from tests.operation_tools import DAY, HOUR, message
from tests.tools import let_pass
from twofactor import phones

pytestmark = pytest.mark.django_db


@pytest.fixture
def notice(bob: User, monkeypatch: pytest.MonkeyPatch) -> Message:
    """Return a notice that the mail server does not take."""

    def refuse(*args: Any) -> None:
        raise gateways.GatewayError("SMTPServerDisconnected", Fault.UNSURE)

    monkeypatch.setattr(gateways, "send_email", refuse)
    event = record_event(Action.PHONE_ENROLLED, user=bob, number=phones.mask(BOBS_NUMBER))
    return message(channel="email", destination=bob.email, kind="notice", subject_id=event.pk)


def waits(row: Message) -> list[float]:
    """Fail until there is no try left; return the seconds between the tries."""
    found: list[float] = []
    while True:
        delivery.deliver_pending(by="poller")
        row.refresh_from_db()
        if row.state != State.SENDING or row.leased_until is None:
            return found
        found.append((row.leased_until - datetime.now(UTC)).total_seconds())
        Message.objects.filter(pk=row.pk).update(leased_until=clock_plus(-1))


def test_a_notice_is_tried_later_and_later_and_given_up_at_last(notice: Message, settings: Any) -> None:
    """F36: kept through four days without a mail server, as mail servers keep theirs."""
    found = waits(notice)
    assert (notice.state, notice.tries, notice.error) == (State.FAILED, settings.NOTICE_TRIES, "SMTPServerDisconnected")
    assert len(found) == settings.NOTICE_TRIES - 1
    for tries, wait in enumerate(found, start=1):
        assert min(HOUR, 2**tries) - 2 <= wait <= min(HOUR, 3 * 2**tries) + 1
    assert found[-1] > HOUR - 5
    assert sum(found) > 4 * DAY - 6 * HOUR


def test_a_notice_that_is_given_up_is_not_tried_again(notice: Message) -> None:
    """F36."""
    waits(notice)
    let_pass(10 * DAY)
    assert delivery.deliver_pending(by="poller") == 0


def test_a_notice_is_not_tried_before_its_time(notice: Message) -> None:
    """F36."""
    for _ in range(5):
        delivery.deliver_pending(by="poller")
    notice.refresh_from_db()
    assert notice.tries == 1


def test_a_notice_leaves_when_the_mail_server_is_back(notice: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    """F36."""
    for _ in range(6):
        delivery.deliver_pending(by="poller")
        let_pass(HOUR)
    sent: list[str] = []
    monkeypatch.setattr(gateways, "send_email", lambda to, content: sent.append(to))
    delivery.deliver_pending(by="poller")
    notice.refresh_from_db()
    assert sent == ["bob@example.com"]
    assert (notice.state, notice.tries, notice.error, notice.fault) == (State.SENT, 7, "", "")


def test_a_notice_whose_worker_ends_each_time_is_given_up_too(notice: Message, settings: Any) -> None:
    """F6."""
    for _ in range(settings.NOTICE_TRIES):
        assert leases.claim(notice.pk)
        let_pass(16)
    delivery.deliver_pending(by="poller")
    notice.refresh_from_db()
    assert notice.state == State.FAILED


def test_the_mail_servers_own_exceptions_keep_a_notice(
    bob: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """F36: greylisting is not an address that does not exist."""

    def refuse(*args: Any) -> None:
        raise smtplib.SMTPRecipientsRefused({bob.email: (451, b"try again later")})

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", refuse)
    event = record_event(Action.PHONE_ENROLLED, user=bob, number=phones.mask(BOBS_NUMBER))
    kept = message(channel="email", destination=bob.email, kind="notice", subject_id=event.pk)
    delivery.deliver(kept.pk)
    kept.refresh_from_db()
    assert (kept.state, kept.error) == (State.SENDING, "smtp-451")
