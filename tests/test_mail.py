"""E-mail: whose fault a refusal is, what is tried again, what it says of itself."""

import logging
import re
import smtplib
import ssl
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import translation

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from messaging.delivery import flows as delivery
from messaging.delivery import gateways, mail
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import GatewayFailure, Message, State
from messaging.delivery.renderers import Content
from tests.conftest import Browser
from tests.tools import let_pass, page
from twofactor.models import Challenge, PhoneDevice, Purpose
from twofactor.tokens import derive, texts

pytestmark = pytest.mark.django_db
MAILBOX = "bob@example.com"


def rcpt(code: int, text: str) -> Exception:
    return smtplib.SMTPRecipientsRefused({MAILBOX: (code, text.encode())})


class Refusing(BaseEmailBackend):
    """A mail server that answers as told."""

    answers: list[Exception | None] = []

    def send_messages(self, email_messages: Any) -> int:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer:
            raise answer
        return len(email_messages)


@pytest.fixture(autouse=True)
def refusing(settings: Any) -> list[Exception | None]:
    """Have a mail server that takes everything until told otherwise."""
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    Refusing.answers = [None]
    return Refusing.answers


@pytest.mark.parametrize(
    ("error", "fault", "reason"),
    [
        (rcpt(550, "5.1.1 <bob@example.com>: no such user"), Fault.NUMBER, "smtp-550 5.1.1"),
        (rcpt(550, "5.1.10 null MX"), Fault.NUMBER, "smtp-550 5.1.10"),
        (rcpt(552, "5.2.2 mailbox full"), Fault.NUMBER, "smtp-552 5.2.2"),
        (rcpt(550, "5.2.1 mailbox disabled"), Fault.NUMBER, "smtp-550 5.2.1"),
        (smtplib.SMTPDataError(550, b"5.1.1 no such user"), Fault.NUMBER, "smtp-550 5.1.1"),
        # refused to us
        (rcpt(554, "5.7.1 <bob@example.com>: Relay access denied"), Fault.OURS, "smtp-554 5.7.1"),
        (rcpt(550, "5.7.1 your address is listed"), Fault.OURS, "smtp-550 5.7.1"),
        (
            rcpt(504, "5.5.2 <worker>: Helo command rejected: need fully-qualified hostname"),
            Fault.OURS,
            "smtp-504 5.5.2",
        ),
        (rcpt(550, "5.1.8 <no-reply@x>: Sender address rejected"), Fault.OURS, "smtp-550 5.1.8"),
        (rcpt(530, "5.7.0 authentication required"), Fault.OURS, "smtp-530 5.7.0"),
        (rcpt(554, "no"), Fault.OURS, "smtp-554"),
        (smtplib.SMTPSenderRefused(550, b"5.1.1 not yours", "no-reply@x"), Fault.OURS, "smtp-550 5.1.1"),
        (smtplib.SMTPHeloError(550, b"who?"), Fault.OURS, "smtp-550"),
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 no"), Fault.OURS, "smtp-535 5.7.8"),
        (smtplib.SMTPDataError(554, b"5.6.0 spam"), Fault.OURS, "smtp-554 5.6.0"),
        (smtplib.SMTPConnectError(554, b"no service for you"), Fault.OURS, "smtp-554"),
        (smtplib.SMTPNotSupportedError("STARTTLS extension not supported"), Fault.OURS, "SMTPNotSupportedError"),
        (ssl.SSLCertVerificationError("self-signed"), Fault.OURS, "SSLCertVerificationError"),
        # nobody says whose
        (rcpt(550, "rejected"), Fault.REFUSED, "smtp-550"),
        # come back later
        (rcpt(451, "4.7.1 greylisted"), Fault.BUSY, "smtp-451 4.7.1"),
        (rcpt(450, "try again"), Fault.BUSY, "smtp-450"),
        (smtplib.SMTPSenderRefused(452, b"4.3.1 full", "no-reply@x"), Fault.BUSY, "smtp-452 4.3.1"),
        (smtplib.SMTPConnectError(421, b"too many"), Fault.BUSY, "smtp-421"),
        (smtplib.SMTPAuthenticationError(454, b"4.7.0 later"), Fault.BUSY, "smtp-454 4.7.0"),
        # an accident: it may have been taken
        (smtplib.SMTPServerDisconnected("gone"), Fault.UNSURE, "SMTPServerDisconnected"),
        (ConnectionRefusedError(), Fault.UNSURE, "ConnectionRefusedError"),
        (TimeoutError(), Fault.UNSURE, "TimeoutError"),
    ],
    ids=repr,
)
def test_only_an_address_or_a_mailbox_is_the_readers_fault(
    refusing: list[Exception | None], error: Exception, fault: Fault, reason: str
) -> None:
    """O-05: RFC 3463: 5.1 is an address, 5.2 a mailbox; whatever else is refused for good is refused to us."""
    refusing[:] = [error]
    with pytest.raises(gateways.GatewayError) as raised:
        gateways.send_email(MAILBOX, Content("text"))
    assert (raised.value.fault, raised.value.reason) == (fault, reason)


def queued(bob: User, *, kind: str = "notice") -> Message:
    event = record_event(Action.PHONE_ENROLLED, user=bob, number="+55 11 *****-4321")
    made: Message = Message.objects.create(
        channel="email", destination=bob.email, kind=kind, subject_id=event.pk, language="en"
    )
    return made


def test_a_notice_waits_for_a_server_that_refuses_us_and_the_operator_is_alarmed(
    bob: User, refusing: list[Exception | None], caplog: pytest.LogCaptureFixture
) -> None:
    """F36, O-05: it waits; the log has code and words at level error, and no address."""
    refusing[:] = [rcpt(554, "5.7.1 <bob@example.com>: Relay\r\naccess denied for bob@example.com")]
    notice = queued(bob)
    for _ in range(5):
        delivery.deliver_pending(by="poller")
        let_pass(7200)
    notice.refresh_from_db()
    assert (notice.state, notice.tries, notice.error, notice.fault) == (State.SENDING, 5, "smtp-554 5.7.1", "ours")
    assert GatewayFailure.objects.filter(name="smtp", fault="ours").count() == 5
    record = next(record for record in caplog.records if "not accepted by smtp" in record.message)
    assert record.levelno == logging.ERROR
    assert "smtp-554 5.7.1 5.7.1 <...>: Relay access denied for <...>" in record.message
    refusing[:] = [None]
    delivery.deliver_pending(by="poller")
    notice.refresh_from_db()
    assert notice.state == State.SENT


def test_a_mailbox_that_does_not_exist_is_given_up_at_once(bob: User, refusing: list[Exception | None]) -> None:
    refusing[:] = [rcpt(550, "5.1.1 no such user")]
    notice = queued(bob)
    delivery.deliver_pending(by="poller")
    notice.refresh_from_db()
    assert (notice.state, notice.tries, notice.fault) == (State.FAILED, 1, "number")


# A token by e-mail ----------------------------------------------------------------------------------


@pytest.fixture
def token_by_email(browser: Browser, bob: User, bobs_phone: PhoneDevice, policy: Any) -> Message:
    browser.post_password("bob")
    browser.post_channel("email")
    message: Message = Message.objects.get(kind="token")
    return message


def pauses(message: Message) -> list[float]:
    """Try until nothing more is tried; return the seconds between the tries."""
    found: list[float] = []
    while True:
        delivery.deliver_pending(by="poller")
        message.refresh_from_db()
        if message.state != State.SENDING or message.leased_until is None:
            return found
        found.append((message.leased_until - datetime.now(UTC)).total_seconds())
        let_pass(found[-1] + 0.2)


def test_greylisting_is_waited_for_at_growing_pauses_while_it_is_worth_it(
    token_by_email: Message, refusing: list[Exception | None]
) -> None:
    """O-06: 451 is not processed: nobody gets two tokens, and most servers take the second try of a minute later."""
    refusing[:] = [rcpt(451, "4.7.1 greylisted")]
    found = pauses(token_by_email)
    assert len(found) >= 6
    assert found[-1] > 4 * found[0]
    assert 100 < sum(found) < 180 + found[-1]
    assert (token_by_email.state, token_by_email.fault) == (State.EXPIRED, "busy")


def test_a_token_leaves_when_the_server_stops_greylisting(
    browser: Browser, token_by_email: Message, refusing: list[Exception | None]
) -> None:
    refusing[:] = [*[rcpt(451, "4.7.1 greylisted")] * 4, None]
    pauses(token_by_email)
    assert token_by_email.state == State.SENT


def test_an_accident_may_have_been_a_delivery_so_two_tries_are_all(
    token_by_email: Message, refusing: list[Exception | None]
) -> None:
    """G-04."""
    refusing[:] = [smtplib.SMTPServerDisconnected("gone")]
    assert len(pauses(token_by_email)) == 1
    assert (token_by_email.state, token_by_email.tries) == (State.FAILED, 2)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (rcpt(451, "4.7.1 greylisted"), "The mail server asked us to wait. We keep trying; the other way may be"),
        (rcpt(554, "5.7.1 relay denied"), "E-mail does not work right now. We keep trying; the other way may be"),
        (rcpt(550, "rejected"), "E-mail does not work right now. We keep trying; the other way may be"),
        (smtplib.SMTPServerDisconnected("gone"), "On its way."),
    ],
    ids=["busy", "ours", "unknown", "accident"],
)
def test_the_page_says_why_it_takes_so_long(
    browser: Browser, token_by_email: Message, refusing: list[Exception | None], error: Exception, said: str
) -> None:
    """O-06."""
    refusing[:] = [error]
    delivery.deliver_pending(by="poller")
    assert said in page(browser.get("/entrar/token/"))
    status = browser.get("/entrar/token/estado/").json()
    assert status["state"] == "going"
    assert status["text"].startswith(said)


# A key that is not known here ---------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_token_under_a_key_that_is_not_here_waits_for_a_worker_that_has_it(
    browser: Browser,
    bob: User,
    bobs_phone: PhoneDevice,
    policy: Any,
    settings: Any,
    channel: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """O-07: web was restarted with a new TOKEN_KEY, the workers not yet: an error in the log, and nothing is lost."""
    new, old = "new" * 20, settings.TOKEN_KEY
    settings.TOKEN_KEY, settings.TOKEN_KEY_PREVIOUS = new, old
    browser.post_password("bob")
    browser.post_channel(channel)
    settings.TOKEN_KEY, settings.TOKEN_KEY_PREVIOUS = old, ""
    message = Message.objects.get(kind="token")
    for _ in range(4):
        delivery.deliver_pending(by="poller")
        let_pass(15)
    message.refresh_from_db()
    assert (message.state, message.fault) == (State.SENDING, "ours")
    assert message.error == f"unknown-key {derive.key_id(new)}"
    assert {record.levelno for record in caplog.records if "unknown-key" in record.message} == {logging.ERROR}
    assert "does not work right now" in page(browser.get("/entrar/token/"))
    settings.TOKEN_KEY, settings.TOKEN_KEY_PREVIOUS = new, old
    let_pass(20)
    delivery.deliver_pending(by="poller")
    message.refresh_from_db()
    assert message.state == State.SENT


# What an e-mail says of itself ----------------------------------------------------------------------


def headers_of_one(settings: Any) -> Any:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    django_mail.outbox = []
    gateways.send_email(MAILBOX, Content("text", "Subject"))
    return django_mail.outbox[0].message()


def test_an_email_says_that_a_program_wrote_it_and_where(settings: Any) -> None:
    """O-13: RFC 3834: nobody's absence is to be answered to it; RFC 5322: its id is of our host, not of a container."""
    settings.PUBLIC_HOST = "portal.example"
    found = headers_of_one(settings)
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["X-Auto-Response-Suppress"] == "All"
    assert found["Message-ID"].endswith("@portal.example>")


@pytest.mark.parametrize(
    ("host", "name"),
    [("portal.example", "portal.example"), ("192.0.2.1", "[192.0.2.1]"), ("2001:db8::1", "[IPv6:2001:db8::1]")],
)
def test_mail_servers_are_greeted_with_the_name_of_the_portal(settings: Any, host: str, name: str) -> None:
    settings.PUBLIC_HOST = host
    for kind in (mail.EmailBackend(use_ssl=False), mail.EmailBackend(use_ssl=True)):
        assert kind.connection_class(local_hostname="worker").local_hostname == name


@pytest.mark.parametrize("language", ["pt-br", "en", "es"])
def test_the_subject_of_a_token_has_the_time_and_never_the_digits(language: str) -> None:
    """T-12; two tokens are two threads."""
    with translation.override(language):
        first, second = (
            texts._email("042917", Purpose.SIGN_IN, at=datetime(2026, 11, 28, 15, 4, second, tzinfo=UTC)).subject
            for second in (5, 35)
        )
    assert "12:04:05" in first  # in São Paulo
    assert "12:04:35" in second
    assert not re.search(r"042917|\d{6}", first)


def test_the_subject_that_leaves_has_the_time_of_the_click(
    token_by_email: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Content] = []
    monkeypatch.setattr(gateways, "send_email", lambda to, content: sent.append(content))
    delivery.deliver_pending(by="poller")
    issued = Challenge.objects.get().issued_at
    assert f"{issued:%M:%S}" in sent[0].subject
