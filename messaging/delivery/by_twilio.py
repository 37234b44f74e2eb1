"""SMS by Twilio. Only processes that send load this module."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.rest import Client
from urllib3.exceptions import HTTPError

from messaging.delivery import failure_reasons
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.gateways import UNREADABLE_ANSWER, GatewayError, Parcel, twilio_callback_url
from messaging.delivery.transport import TwilioTransport


class TwilioGateway:
    """SMS by Twilio's Messages resource, with time-outs, a validity period and a hard cap (G-01, G-02)."""

    name = "twilio"

    def __init__(self) -> None:
        self.client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN)
        if settings.TWILIO_API_URL:
            self.client.api.base_url = settings.TWILIO_API_URL.rstrip("/")
        self.client.http_client = TwilioTransport(self.client.api.base_url)

    def check_credentials(self) -> None:
        """Ask Twilio for our own account, which sends nothing; this needs right credentials."""
        self._ask(lambda: self.client.api.accounts(settings.TWILIO_ACCOUNT_SID).fetch().sid or "")

    def send(self, parcel: Parcel) -> str:
        """Create the message at Twilio; return its SID."""
        return self._ask(lambda: self._create(parcel))

    def _ask(self, call: Callable[[], str]) -> str:
        try:
            return call()
        except (TwilioRestException, TwilioServiceException) as error:
            fault = failure_reasons.of_twilio(error.code, error.status)
            raise GatewayError(f"twilio-{error.code or error.status}", fault) from None
        except (TwilioException, HTTPError, *UNREADABLE_ANSWER) as error:
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
