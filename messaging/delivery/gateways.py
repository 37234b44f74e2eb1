"""What puts a message on the wire. The only module that knows Twilio and Sinch."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import requests
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives, get_connection
from django.urls import reverse
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from messaging.deadline import DeadlinePassed, TooManyCalls, within
from messaging.delivery import failure_reasons, mail, outbox
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.renderers import Content

T = TypeVar("T")


class GatewayError(Exception):
    """A message was not accepted; ``fault`` says what follows from it, ``said`` is the other side's answer."""

    def __init__(self, reason: str, fault: Fault, said: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault
        self.said = said


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a gateway is given: a text for a number, until when it is worth delivering, and which call this is."""

    to: str
    text: str
    seconds_left: int | None
    message_id: int
    tries: int


class SmsGateway(Protocol):
    """What carries a text message. ``send`` returns the gateway's id; both methods raise GatewayError."""

    name: str

    def check_credentials(self) -> None: ...

    def send(self, parcel: Parcel) -> str: ...


def pooled(session: requests.Session, url: str) -> requests.Session:
    """Give a session room for the worker's threads; it never retries by itself.

    What the environment says of proxies and certificates is read here: requests reads it anew for each call, which
    was a third of the call's cost.
    """
    adapter = HTTPAdapter(pool_maxsize=64, pool_block=False, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = environment["proxies"], environment["verify"]
    session.trust_env = False
    return session


def timeouts() -> tuple[float, float]:
    """Return the seconds to connect and the seconds between two reads."""
    return settings.GATEWAY_CONNECT_SECONDS, settings.GATEWAY_READ_SECONDS


def in_time(call: Callable[[], T]) -> T:
    """Make a call under the hard cap. Raises DeadlinePassed, or GatewayError when too many calls hang to make it."""
    try:
        return within(settings.GATEWAY_CAP_SECONDS, call)
    except TooManyCalls as error:
        raise GatewayError(type(error).__name__, Fault.OURS) from None


# What reading an answer ends in that is JSON, and not the gateway's.
UNREADABLE_ANSWER = (ValueError, KeyError, TypeError, AttributeError)


class TwilioGateway:
    """SMS by Twilio's Messages resource, with time-outs, a validity period and a hard cap (G-01, G-02)."""

    name = "twilio"

    def __init__(self) -> None:
        http = TwilioHttpClient()
        # Its constructor compares the time-out with 0, so it takes no pair; requests does.
        http.timeout = timeouts()
        self.client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http)
        if settings.TWILIO_API_URL:
            self.client.api.base_url = settings.TWILIO_API_URL.rstrip("/")
        pooled(http.session, self.client.api.base_url)

    def check_credentials(self) -> None:
        """Ask Twilio for our own account, which sends nothing: it answers and takes our credentials."""
        self._ask(lambda: self.client.api.accounts(settings.TWILIO_ACCOUNT_SID).fetch().sid or "")

    def send(self, parcel: Parcel) -> str:
        """Create the message at Twilio; return its SID."""
        return self._ask(lambda: self._create(parcel))

    def _ask(self, call: Callable[[], str]) -> str:
        try:
            return in_time(call)
        except (TwilioRestException, TwilioServiceException) as error:
            fault = failure_reasons.of_twilio(error.code, error.status)
            raise GatewayError(f"twilio-{error.code or error.status}", fault) from None
        except (TwilioException, requests.RequestException, *UNREADABLE_ANSWER, DeadlinePassed) as error:
            raise GatewayError(type(error).__name__, Fault.UNSURE) from None

    def _create(self, parcel: Parcel) -> str:
        options = self._options(parcel)
        return self.client.messages.create(to=parcel.to, body=parcel.text, **options).sid or ""

    def _options(self, parcel: Parcel) -> dict[str, Any]:
        options: dict[str, Any] = {"status_callback": twilio_callback_url(parcel.message_id, parcel.tries)}
        if parcel.seconds_left is not None:
            options["validity_period"] = parcel.seconds_left
        if settings.TWILIO_MESSAGING_SERVICE_SID:
            options["messaging_service_sid"] = settings.TWILIO_MESSAGING_SERVICE_SID
        else:
            options["from_"] = settings.TWILIO_FROM
        return options


def twilio_callback_url(message_id: int, tries: int) -> str:
    """Return where Twilio reports a message's status.

    It carries our id, so that a report may overtake our commit (F34), and which of our calls it is about.
    """
    return settings.PUBLIC_URL + reverse("twilio-report", args=[message_id, tries])


def twilio_signed(path: str, fields: dict[str, str], signature: str) -> bool:
    """Tell whether a report carries Twilio's signature for our public URL and all of its fields (G-05).

    Without an auth token of ours nobody can sign: everybody knows the empty key.
    """
    if not settings.TWILIO_AUTH_TOKEN:
        return False
    validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
    return bool(validator.validate(settings.PUBLIC_URL + path, fields, signature))


class SinchGateway:
    """SMS by Sinch's REST batches (``POST /xms/v1/{plan}/batches``)."""

    name = "sinch"

    def __init__(self) -> None:
        base = settings.SINCH_API_URL.rstrip("/")
        self.url = f"{base}/xms/v1/{settings.SINCH_SERVICE_PLAN_ID}/batches"
        self.session = pooled(requests.Session(), self.url)
        self.session.headers["Authorization"] = f"Bearer {settings.SINCH_API_TOKEN}"

    def check_credentials(self) -> None:
        """Ask Sinch for our last batch, which sends nothing: it answers and takes our credentials."""
        self._ask(self._list)

    def send(self, parcel: Parcel) -> str:
        """Create a batch of one at Sinch; return its id."""
        batch: dict[str, Any] = {
            "from": settings.SINCH_FROM,
            "to": [parcel.to.removeprefix("+")],
            "body": parcel.text,
            "delivery_report": "per_recipient",
            "callback_url": sinch_callback_url(parcel.message_id, parcel.tries),
            "client_reference": str(parcel.message_id),
        }
        if parcel.seconds_left is not None:
            now = datetime.now(UTC)  # noqa: TID251 (Sinch takes a moment, not seconds left)
            expires = now + timedelta(seconds=parcel.seconds_left)
            batch["expire_at"] = expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self._ask(lambda: self._create(batch))

    def _ask(self, call: Callable[[], str]) -> str:
        try:
            return in_time(call)
        except (requests.RequestException, *UNREADABLE_ANSWER, DeadlinePassed) as error:
            raise GatewayError(type(error).__name__, Fault.UNSURE) from None

    def _create(self, batch: dict[str, Any]) -> str:
        answer = self.session.post(self.url, json=batch, timeout=timeouts(), allow_redirects=False)
        if answer.status_code != 201:
            raise GatewayError(f"sinch-{answer.status_code}", failure_reasons.of_status(answer.status_code))
        return str(answer.json()["id"])

    def _list(self) -> str:
        answer = self.session.get(self.url, params={"page_size": 1}, timeout=timeouts(), allow_redirects=False)
        if answer.status_code != 200:
            raise GatewayError(f"sinch-{answer.status_code}", failure_reasons.of_status(answer.status_code))
        return ""


SINCH_REPORTS = "messaging.delivery.sinch-report"


def sinch_callback_url(message_id: int, tries: int) -> str:
    """Return where Sinch reports a message's status.

    Sinch signs nothing. So the address itself is the proof: it is signed by us, known to Sinch alone, and good for
    this one call.
    """
    signed = signing.Signer(salt=SINCH_REPORTS).sign(f"{message_id}-{tries}")
    return settings.PUBLIC_URL + reverse("sinch-report", args=[signed])


def sinch_call(signed: str) -> tuple[int, int] | None:
    """Return the message and the call that a signed address is about; None when we did not sign it."""
    try:
        message_id, tries = signing.Signer(salt=SINCH_REPORTS).unsign(signed).split("-")
    except signing.BadSignature:
        return None
    return int(message_id), int(tries)


class OutboxGateway:
    """The embedded default: the message is kept where the outbox page reads it."""

    name = "outbox"

    def check_credentials(self) -> None:
        """Answer at once: there is nobody to ask."""

    def send(self, parcel: Parcel) -> str:
        """Keep the message in the outbox; return its id there."""
        return outbox.put("sms", parcel.to, "", parcel.text)


GATEWAYS: dict[str, Callable[[], SmsGateway]] = {
    TwilioGateway.name: TwilioGateway,
    SinchGateway.name: SinchGateway,
    OutboxGateway.name: OutboxGateway,
}


@lru_cache(maxsize=8)
def gateway(name: str) -> SmsGateway:
    """Return the gateway of a name, made once. Raises KeyError for an unknown name."""
    return GATEWAYS[name]()


def sms_is_possible() -> bool:
    """Tell whether any SMS gateway is configured."""
    return bool(settings.SMS_GATEWAYS)


def send_email(to: str, content: Content) -> None:
    """Hand an e-mail to the mail server. Raises GatewayError."""
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
    """Return what an exception of smtplib's means: the reader's mailbox, ourselves, or an accident."""
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
        fault = Fault.OURS  # said before it knew the reader
    enhanced = failure_reasons.ENHANCED.search(said)
    return GatewayError(f"smtp-{code}{' ' + enhanced[0] if enhanced else ''}", fault, said)
