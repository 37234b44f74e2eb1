"""What stands in the place of the network: requests that leave are kept, and answered as a test says."""

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.exceptions import ReadTimeoutError

from messaging.delivery import gateways

TWILIO = {
    "TWILIO_ACCOUNT_SID": "AC" + "0123456789abcdef" * 2,
    "TWILIO_AUTH_TOKEN": "the auth token of the tests",
    "TWILIO_MESSAGING_SERVICE_SID": "MG" + "fedcba9876543210" * 2,
    "TWILIO_FROM": "",
    "TWILIO_API_URL": "",
}
SINCH = {
    "SINCH_SERVICE_PLAN_ID": "plan-of-ours",
    "SINCH_API_TOKEN": "the bearer token of the tests",
    "SINCH_FROM": "447700900000",
    "SINCH_API_URL": "https://eu.sms.api.sinch.com/",
}
TWILIO_HOST, SINCH_HOST = "api.twilio.com", "eu.sms.api.sinch.com"
Answer = tuple[int, str] | Exception
TAKEN: dict[str, Answer] = {
    TWILIO_HOST: (201, json.dumps({"sid": "SM" + "0" * 32})),
    SINCH_HOST: (201, json.dumps({"id": "01FC66621XXXXX119Z8PMV1QPQ"})),
}


def silence() -> Exception:
    """Return what urllib3 raises when nothing comes within the time-out."""
    nobody: Any = None
    return ReadTimeoutError(nobody, "/", "silent")


def refusal(code: int, status: int) -> Answer:
    """Return Twilio's answer that refuses a message."""
    return status, json.dumps({"code": code, "message": "no", "more_info": "", "status": status})


class Wire:
    """Where requests go. Without an answer told by a test, the message is taken."""

    def __init__(self) -> None:
        self.requests: list[requests.PreparedRequest] = []
        self.pools: list[Any] = []  # of connections
        self.timeouts: list[tuple[float, float]] = []  # to connect and to read, in seconds
        self.answers: dict[str, list[Answer]] = {}
        self.always: dict[str, Answer] = {}

    def send(self, pool: Any, method: str, url: str, **options: Any) -> HTTPResponse:
        """Stand in for ``urlopen`` of urllib3's connections, by which every request leaves."""
        address = url if "://" in url else f"{pool.scheme}://{pool.host}{url}"
        request = requests.Request(method, address, options["headers"], data=options["body"]).prepare()
        self.requests.append(request)
        self.pools.append(pool)
        self.timeouts.append((options["timeout"].connect_timeout, options["timeout"].read_timeout))
        host = str(urlsplit(address).hostname)
        waiting = self.answers.get(host)
        answer = waiting.pop(0) if waiting else (self.always.get(host) or TAKEN[host])
        if isinstance(answer, Exception):
            raise answer
        headers = {"Location": answer[1]} if 300 <= answer[0] < 400 else {}
        read_at_once = options.get("preload_content", True)
        return HTTPResponse(io.BytesIO(answer[1].encode()), headers, answer[0], preload_content=read_at_once)

    @property
    def hosts(self) -> list[str]:
        """Return whom we called, in order."""
        return [str(urlsplit(request.url or "").hostname) for request in self.requests]

    @property
    def texts(self) -> list[str]:
        """Return what was to be sent, in order."""
        return [form(request)["Body"] if is_twilio(request) else batch(request)["body"] for request in self.requests]

    @property
    def tokens(self) -> list[str]:
        return [text[-6:] for text in self.texts]


def is_twilio(request: requests.PreparedRequest) -> bool:
    return urlsplit(request.url or "").hostname == TWILIO_HOST


def form(request: requests.PreparedRequest) -> dict[str, str]:
    """Return the fields of a form that left; each of them once."""
    fields = parse_qs(str(request.body), strict_parsing=True, keep_blank_values=True)
    assert all(len(values) == 1 for values in fields.values())
    return {name: values[0] for name, values in fields.items()}


def batch(request: requests.PreparedRequest) -> Any:
    return json.loads(request.body or "")


def in_place_of_the_network(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Have Twilio and Sinch, as far as the network goes; Twilio alone is in use."""
    wire = Wire()
    monkeypatch.setattr(HTTPConnectionPool, "urlopen", lambda *args, **options: wire.send(*args, **options))  # noqa: PLW0108 (not a method of the wire)
    for name, value in {**TWILIO, **SINCH}.items():
        setattr(settings, name, value)
    settings.SMS_GATEWAYS = ["twilio"]
    settings.PUBLIC_URL, settings.PUBLIC_HOST = "https://portal.example", "portal.example"
    gateways.gateway.cache_clear()
    yield wire
    gateways.gateway.cache_clear()
