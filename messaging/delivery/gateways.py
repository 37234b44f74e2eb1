"""What puts a message on the wire. The only module that knows Twilio and Sinch."""

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

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

from messaging.deadline import DeadlinePassed, within
from messaging.delivery import faults, outbox
from messaging.delivery.composers import Content
from messaging.delivery.faults import Fault


class GatewayError(Exception):
    """A message was not accepted; ``fault`` says what follows from it."""

    def __init__(self, reason: str, fault: Fault) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a gateway is given: a text for a number, until when it is worth delivering, and which call this is."""

    to: str
    text: str
    seconds_left: int | None
    message_id: int
    tries: int


class SmsGateway(Protocol):
    """What carries a text message. ``send`` returns the gateway's id; it and ``greet`` raise GatewayError."""

    name: str

    def greet(self) -> None: ...

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


# What reading an answer ends in that is JSON, and not the gateway's.
NONSENSE = (ValueError, KeyError, TypeError, AttributeError)


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

    def greet(self) -> None:
        """Ask Twilio for our own account, which sends nothing: it answers and takes our credentials."""
        self._ask(lambda: self.client.api.accounts(settings.TWILIO_ACCOUNT_SID).fetch().sid or "")

    def send(self, parcel: Parcel) -> str:
        """Create the message at Twilio; return its SID."""
        return self._ask(lambda: self._create(parcel))

    def _ask(self, call: Callable[[], str]) -> str:
        try:
            return within(settings.GATEWAY_CAP_SECONDS, call)
        except (TwilioRestException, TwilioServiceException) as error:
            fault = faults.of_twilio(error.code, error.status)
            raise GatewayError(f"twilio-{error.code or error.status}", fault) from None
        except (TwilioException, requests.RequestException, *NONSENSE, DeadlinePassed) as error:
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
    """Return where Twilio reports a message's fate.

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

    def greet(self) -> None:
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
            expires = datetime.now(UTC) + timedelta(seconds=parcel.seconds_left)
            batch["expire_at"] = expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self._ask(lambda: self._create(batch))

    def _ask(self, call: Callable[[], str]) -> str:
        try:
            return within(settings.GATEWAY_CAP_SECONDS, call)
        except (requests.RequestException, *NONSENSE, DeadlinePassed) as error:
            raise GatewayError(type(error).__name__, Fault.UNSURE) from None

    def _create(self, batch: dict[str, Any]) -> str:
        answer = self.session.post(self.url, json=batch, timeout=timeouts(), allow_redirects=False)
        if answer.status_code != 201:
            raise GatewayError(f"sinch-{answer.status_code}", faults.of_status(answer.status_code))
        return str(answer.json()["id"])

    def _list(self) -> str:
        answer = self.session.get(self.url, params={"page_size": 1}, timeout=timeouts(), allow_redirects=False)
        if answer.status_code != 200:
            raise GatewayError(f"sinch-{answer.status_code}", faults.of_status(answer.status_code))
        return ""


SINCH_REPORTS = "messaging.delivery.sinch-report"


def sinch_callback_url(message_id: int, tries: int) -> str:
    """Return where Sinch reports a message's fate.

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

    def greet(self) -> None:
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
    email = EmailMultiAlternatives(content.subject, content.text, to=[to])
    if content.html:
        email.attach_alternative(content.html, "text/html")
    try:
        within(settings.GATEWAY_CAP_SECONDS, email.send)
    except smtplib.SMTPRecipientsRefused as error:
        for_good = all(code >= 500 for code, _reason in error.recipients.values())
        raise GatewayError(type(error).__name__, Fault.NUMBER if for_good else Fault.UNSURE) from None
    except smtplib.SMTPSenderRefused as error:
        raise GatewayError(type(error).__name__, Fault.OURS) from None
    except (smtplib.SMTPException, OSError, DeadlinePassed) as error:
        raise GatewayError(type(error).__name__, Fault.UNSURE) from None


def greet_mail_server() -> None:
    """Open and close a connection to the mail server, with its TLS and its login. Raises GatewayError."""
    try:
        within(settings.GATEWAY_CAP_SECONDS, lambda: _open_and_close(get_connection()))
    except smtplib.SMTPAuthenticationError as error:
        raise GatewayError(type(error).__name__, Fault.OURS) from None
    except (smtplib.SMTPException, OSError, DeadlinePassed) as error:
        raise GatewayError(type(error).__name__, Fault.UNSURE) from None


def _open_and_close(mail: Any) -> None:
    mail.open()
    mail.close()
