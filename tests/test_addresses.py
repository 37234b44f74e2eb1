"""Where a request comes from: the spellings of X-Forwarded-For (B-14)."""

import logging
from typing import Any

import pytest
from django.test import RequestFactory

from accounts.rate_limits import network, networks
from accounts.request import context

PEER = "10.0.0.1"


@pytest.fixture(autouse=True)
def one_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    context._note_unreadable.cache_clear()


def seen(header: str) -> str | None:
    request = RequestFactory().get("/", REMOTE_ADDR=PEER, headers={"X-Forwarded-For": header})
    return context.client_ip(request)


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:49152", "203.0.113.7"),
        ('"203.0.113.7:49152"', "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:49152", "2001:db8::7"),
        ('"[2001:db8::7]:49152"', "2001:db8::7"),
        ("fe80::7%eth0", "fe80::7"),
        ("198.51.100.1, 203.0.113.7:80", "203.0.113.7"),
        ("unknown", PEER),
        ("_hidden", PEER),
        ("", PEER),
    ],
)
def test_each_spelling_of_an_address_is_read(header: str, address: str) -> None:
    assert seen(header) == address


def test_what_cannot_be_read_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "accounts.request.context"):
        for _ in range(3):
            seen("unknown <script>")
    assert len(caplog.records) == 1
    assert "script" not in caplog.text


def test_networks_of_ipv6_grow() -> None:
    assert networks("2001:db8:1:203::1") == (
        ("2001:db8:1:203::", 1),
        ("2001:db8:1:200::/56", 4),
        ("2001:db8:1::/48", 16),
    )
    assert networks("::ffff:192.0.2.1") == (("192.0.2.1", 1),)
    assert network("192.0.2.1") == "192.0.2.1"
