"""SMS by Sinch. Only processes that send load this module."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from messaging.delivery import failure_reasons
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.gateways import UNREADABLE_ANSWER, GatewayError, Parcel, sinch_callback_url
from messaging.delivery.transport import PLAIN, body_of, pooled, timeouts


class SinchGateway:
    """SMS by Sinch's REST batches (``POST /xms/v1/{plan}/batches``)."""

    name = "sinch"

    def __init__(self) -> None:
        base = settings.SINCH_API_URL.rstrip("/")
        self.url = f"{base}/xms/v1/{settings.SINCH_SERVICE_PLAN_ID}/batches"
        self.session = pooled(requests.Session(), self.url)
        self.session.headers.update({**PLAIN, "Authorization": f"Bearer {settings.SINCH_API_TOKEN}"})

    def check_credentials(self) -> None:
        """Ask Sinch for our last batch, which sends nothing; this needs right credentials."""
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
            now = datetime.now(UTC)  # noqa: TID251 (Sinch takes a time, not seconds)
            expires = now + timedelta(seconds=parcel.seconds_left)
            batch["expire_at"] = expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self._ask(lambda: self._create(batch))

    def _ask(self, call: Callable[[], str]) -> str:
        try:
            return call()
        except (requests.RequestException, HTTPError, *UNREADABLE_ANSWER) as error:
            raise GatewayError(type(error).__name__, Fault.UNSURE) from None

    def _create(self, batch: dict[str, Any]) -> str:
        answer = self.session.post(self.url, json=batch, timeout=timeouts(), allow_redirects=False, stream=True)
        body = body_of(answer.raw)
        if answer.status_code != 201:
            raise GatewayError(f"sinch-{answer.status_code}", failure_reasons.of_status(answer.status_code))
        return str(json.loads(body)["id"])

    def _list(self) -> str:
        answer = self.session.get(
            self.url, params={"page_size": 1}, timeout=timeouts(), allow_redirects=False, stream=True
        )
        body_of(answer.raw)
        if answer.status_code != 200:
            raise GatewayError(f"sinch-{answer.status_code}", failure_reasons.of_status(answer.status_code))
        return ""
