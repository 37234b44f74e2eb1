"""What stands in the place of a gateway. What stands below the real ones is in ``tests.fake_network``."""

from collections.abc import Iterator
from typing import Any

import pytest

from messaging.delivery import gateways
from messaging.delivery.gateways import GatewayError, Parcel


class MemoryGateway:
    """A gateway that remembers what it was given, and fails as often as a test tells it to."""

    name = "memory"

    def __init__(self) -> None:
        self.errors: list[GatewayError] = []
        self.sent: list[Parcel] = []

    def send(self, parcel: Parcel) -> str:
        self.sent.append(parcel)
        if self.errors:
            raise self.errors.pop(0)
        return f"id-{len(self.sent)}"

    @property
    def texts(self) -> list[str]:
        return [parcel.text for parcel in self.sent]

    @property
    def tokens(self) -> list[str]:
        return [text[-6:] for text in self.texts]


def in_place_of_a_gateway(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryGateway]:
    """Put an own gateway in the place of the outbox, as an operator would, by its name."""
    gateway = MemoryGateway()
    monkeypatch.setitem(gateways.GATEWAYS, "memory", lambda: gateway)
    settings.SMS_GATEWAYS = ["memory"]
    gateways.gateway.cache_clear()
    yield gateway
    gateways.gateway.cache_clear()
