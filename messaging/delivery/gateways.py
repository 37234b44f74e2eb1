"""The gateways: Twilio, Sinch (in ``by_twilio`` and ``by_sinch``), SMTP and the outbox. No other module calls them."""

import logging
import smtplib
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives, get_connection
from django.urls import reverse
from twilio.request_validator import RequestValidator

from messaging.deadline import DeadlinePassed, TooManyCalls, begin
from messaging.delivery import failure_reasons, mail, outbox
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.renderers import Content

logger = logging.getLogger(__name__)
T = TypeVar("T")


class GatewayError(Exception):
    """A message was not accepted; ``fault`` decides what follows, ``said`` is the gateway's answer."""

    def __init__(self, reason: str, fault: Fault, said: str = "") -> None:
        super().__init__(reason)
        self.reason = fit_to_record(reason, 60)
        self.fault = fault
        self.said = said


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a gateway gets: a text for a number, the seconds it is worth delivering, and which call this is."""

    to: str
    text: str
    seconds_left: int | None
    message_id: int
    tries: int


class SmsGateway(Protocol):
    """A gateway of SMS. ``send`` returns the gateway's id of the message; both methods raise GatewayError.

    Neither has an end of its own: ``send`` and ``check`` of this module call them under the hard cap (G-01).
    """

    name: str

    def check_credentials(self) -> None: ...

    def send(self, parcel: Parcel) -> str: ...


def start(call: Callable[[], T]) -> "Future[T]":
    """Begin a call in a thread of its own. Raises GatewayError when too many calls hang already."""
    try:
        return begin(call)
    except TooManyCalls as error:
        raise GatewayError(type(error).__name__, Fault.OURS) from None


def in_time(call: Callable[[], T]) -> T:
    """Make a call under the hard cap. Raises DeadlinePassed or GatewayError."""
    return start(call).result(timeout=settings.GATEWAY_CAP_SECONDS)


def too_late() -> GatewayError:
    """Return the error of a call that has not returned within the hard cap: the gateway may have taken the message."""
    return GatewayError(DeadlinePassed.__name__, Fault.UNSURE)


# The errors of reading an answer that is JSON, but not the gateway's.
UNREADABLE_ANSWER = (ValueError, KeyError, TypeError, AttributeError)


def twilio_callback_url(message_id: int, tries: int) -> str:
    """Return the address to which Twilio reports a message's status.

    It has our id, so that a report may arrive before our commit (F34), and the number of the call that it is about.
    """
    return settings.PUBLIC_URL + reverse("twilio-report", args=[message_id, tries])


def twilio_signed(path: str, fields: dict[str, str], signature: str) -> bool:
    """Tell whether a report has Twilio's signature for our public URL and all of its fields (G-05).

    Without an auth token every report is refused, because everybody could sign with the empty key.
    """
    if not settings.TWILIO_AUTH_TOKEN:
        return False
    validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
    return bool(validator.validate(settings.PUBLIC_URL + path, fields, signature))


SINCH_REPORTS = "messaging.delivery.sinch-report"


def sinch_callback_url(message_id: int, tries: int) -> str:
    """Return the address to which Sinch reports a message's status.

    Sinch signs nothing, so the address itself is the proof: it has our signature, only Sinch knows it, and it is good
    for this one call.
    """
    signed = signing.Signer(salt=SINCH_REPORTS).sign(f"{message_id}-{tries}")
    return settings.PUBLIC_URL + reverse("sinch-report", args=[signed])


def sinch_call(signed: str) -> tuple[int, int] | None:
    """Return the message and the call of a signed address; None when the signature is not ours."""
    try:
        message_id, tries = signing.Signer(salt=SINCH_REPORTS).unsign(signed).split("-")
    except signing.BadSignature:
        return None
    return int(message_id), int(tries)


class OutboxGateway:
    """The gateway of the embedded default: it keeps the message for the outbox page."""

    name = "outbox"

    def check_credentials(self) -> None:
        """Do nothing: there are no credentials."""

    def send(self, parcel: Parcel) -> str:
        """Keep the message in the outbox; return its id there."""
        return outbox.put("sms", parcel.to, "", parcel.text)


# Web processes call no gateway, so they do not load the libraries: 5 MB of the 98 that one has at rest.
def _twilio() -> SmsGateway:
    from messaging.delivery import by_twilio  # noqa: PLC0415 (only processes that send load it)

    return by_twilio.TwilioGateway()


def _sinch() -> SmsGateway:
    from messaging.delivery import by_sinch  # noqa: PLC0415 (only processes that send load it)

    return by_sinch.SinchGateway()


GATEWAYS: dict[str, Callable[[], SmsGateway]] = {"twilio": _twilio, "sinch": _sinch, "outbox": OutboxGateway}


@lru_cache(maxsize=8)
def gateway(name: str) -> SmsGateway:
    """Return the gateway with a name, made once. Raises KeyError for an unknown name."""
    return GATEWAYS[name]()


def make_ready() -> None:
    """Make every gateway in use, so that no message waits until a library is loaded."""
    for name in settings.SMS_GATEWAYS:
        gateway(name)


def send(name: str, parcel: Parcel) -> str:
    """Give an SMS to a gateway, under the hard cap; return the gateway's id of it. Raises GatewayError."""
    return _capped(lambda: hand_over(name, parcel))


def hand_over(name: str, parcel: Parcel) -> str:
    """Give an SMS to a gateway; return the gateway's id of it. Raises GatewayError, whatever the gateway answers."""
    try:
        return fit_to_record(gateway(name).send(parcel), 64)
    except GatewayError:
        raise
    except Exception as error:
        logger.exception("message %s: the answer of %s cannot be read", parcel.message_id, name)
        raise GatewayError(type(error).__name__, Fault.UNSURE) from None


def fit_to_record(words: object, most: int) -> str:
    """Return what a gateway said as the database takes it.

    An answer may hold a lone surrogate, a NUL or no text at all. If it could not be recorded, the message would be sent
    again, and those that are recorded with it, too.
    """
    if isinstance(words, str) and words.isascii() and words.isprintable():
        return words[:most]
    return "".join(sign for sign in str(words) if " " <= sign <= "~")[:most]


def check(name: str) -> None:
    """Ask a gateway whether it accepts our credentials, under the hard cap. Raises GatewayError."""
    _capped(lambda: gateway(name).check_credentials())


def _capped(call: Callable[[], T]) -> T:
    try:
        return in_time(call)
    except DeadlinePassed:
        raise too_late() from None


def sms_is_possible() -> bool:
    """Tell whether any SMS gateway is configured."""
    return bool(settings.SMS_GATEWAYS)


def send_email(to: str, content: Content) -> None:
    """Give an e-mail to the mail server. Raises GatewayError."""
    email = EmailMultiAlternatives(content.subject, content.text, to=[to], headers=mail.headers())
    if content.html:
        email.attach_alternative(content.html, "text/html")
    try:
        in_time(email.send)
    except (smtplib.SMTPException, OSError, DeadlinePassed) as error:
        raise _mail_error(error) from None


def check_mail_server() -> None:
    """Open and close a connection to the mail server, with its TLS and its login. Raises GatewayError."""
    try:
        in_time(lambda: _open_and_close(get_connection()))
    except (smtplib.SMTPException, OSError, DeadlinePassed) as error:
        raise _mail_error(error) from None


def _open_and_close(connection: Any) -> None:
    connection.open()
    connection.close()


def _mail_error(error: Exception) -> GatewayError:
    """Return what an exception of smtplib's means: a fault of the reader's mailbox, of ours, or a transient one."""
    answer: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, answer = error.smtp_code, error.smtp_error
    else:
        ours = isinstance(error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError)
        return GatewayError(type(error).__name__, Fault.OURS if ours else Fault.UNSURE)
    said = mail.without_addresses(answer)
    fault = failure_reasons.of_smtp(code, said)
    if not isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) and fault is not Fault.BUSY:
        fault = Fault.OURS  # refused before the server knew the reader
    enhanced = failure_reasons.ENHANCED.search(said)
    return GatewayError(f"smtp-{code}{' ' + enhanced[0] if enhanced else ''}", fault, said)
