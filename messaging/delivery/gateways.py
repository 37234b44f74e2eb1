"""What puts a message on the wire. The only module that knows Twilio."""

import logging
import smtplib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import requests
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from messaging.deadline import DeadlinePassed, within
from messaging.delivery import outbox
from messaging.delivery.composers import Content
from messaging.delivery.models import Channel, Message

logger = logging.getLogger(__name__)


class GatewayError(Exception):
    """A message was not accepted. ``permanent`` means that another try cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class SmsGateway(Protocol):
    """What carries a text message. ``send`` returns the gateway's id or raises GatewayError."""

    name: str

    def send(self, to: str, text: str, *, seconds_left: int | None) -> str: ...


class TwilioGateway:
    """SMS by Twilio's Messages resource, with time-outs, a validity period and a hard cap (G-01, G-02)."""

    name = "twilio"

    def __init__(self) -> None:
        http = TwilioHttpClient()
        # Its constructor compares the time-out with 0, so it takes no pair; requests does.
        http.timeout = (settings.GATEWAY_CONNECT_SECONDS, settings.GATEWAY_READ_SECONDS)
        adapter = HTTPAdapter(pool_maxsize=64, pool_block=False, max_retries=0)
        http.session.mount("https://", adapter)
        http.session.mount("http://", adapter)
        self.client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http)
        if settings.TWILIO_API_URL:
            self.client.api.base_url = settings.TWILIO_API_URL.rstrip("/")

    def send(self, to: str, text: str, *, seconds_left: int | None) -> str:
        try:
            return within(settings.GATEWAY_CAP_SECONDS, lambda: self._create(to, text, seconds_left))
        except TwilioRestException as error:
            permanent = 400 <= error.status < 500 and error.status != 429
            raise GatewayError(f"twilio-{error.code or error.status}", permanent=permanent) from None
        except (TwilioException, requests.RequestException, ValueError, DeadlinePassed) as error:
            raise GatewayError(type(error).__name__, permanent=False) from None

    def _create(self, to: str, text: str, seconds_left: int | None) -> str:
        options: dict[str, Any] = {}
        if seconds_left is not None:
            options["validity_period"] = seconds_left
        if settings.TWILIO_MESSAGING_SERVICE_SID:
            options["messaging_service_sid"] = settings.TWILIO_MESSAGING_SERVICE_SID
        else:
            options["from_"] = settings.TWILIO_FROM
        return self.client.messages.create(to=to, body=text, **options).sid or ""


class OutboxGateway:
    """The embedded default: the message is kept where the outbox page reads it."""

    name = "outbox"

    def send(self, to: str, text: str, *, seconds_left: int | None) -> str:
        return outbox.put("sms", to, "", text)


GATEWAYS: dict[str, Callable[[], SmsGateway]] = {
    TwilioGateway.name: TwilioGateway,
    OutboxGateway.name: OutboxGateway,
}


@lru_cache(maxsize=8)
def gateway(name: str) -> SmsGateway:
    """Return the gateway of a name, made once. Raises KeyError for an unknown name."""
    return GATEWAYS[name]()


def sms_is_possible() -> bool:
    """Tell whether any SMS gateway is configured."""
    return bool(settings.SMS_GATEWAYS)


def send(message: Message, content: Content, *, seconds_left: int | None) -> tuple[str, str]:
    """Put a message on the wire; return the gateway's name and its id. Raises GatewayError."""
    if message.channel == Channel.EMAIL:
        return "smtp", _send_email(message.destination, content)
    if not sms_is_possible():
        raise GatewayError("no-gateway", permanent=True)
    chosen = gateway(settings.SMS_GATEWAYS[0])
    gateway_id = chosen.send(message.destination, content.text, seconds_left=seconds_left)
    return chosen.name, gateway_id


def _send_email(to: str, content: Content) -> str:
    email = EmailMultiAlternatives(content.subject, content.text, to=[to])
    if content.html:
        email.attach_alternative(content.html, "text/html")
    try:
        within(settings.GATEWAY_CAP_SECONDS, email.send)
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
        raise GatewayError(type(error).__name__, permanent=True) from None
    except (smtplib.SMTPException, OSError, DeadlinePassed) as error:
        raise GatewayError(type(error).__name__, permanent=False) from None
    return ""
