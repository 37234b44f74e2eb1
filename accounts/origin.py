"""Where a request comes from: its id, its client address, its browser. Set once, read by audit and logs."""

import ipaddress
import logging
import uuid
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. Empty outside of requests (commands, workers)."""

    request_id: str = "-"
    ip: str | None = None
    user_agent: str = ""


current: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 (frozen)


def of(request: HttpRequest) -> Origin:
    """Return the origin of a request."""
    agent = printable(request.headers.get("User-Agent", "")[:200])
    return Origin(request_id=uuid.uuid4().hex[:16], ip=client_ip(request), user_agent=agent)


def printable(text: str) -> str:
    """Return a text on one line, with a space for whatever cannot be printed (J-04)."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def client_ip(request: HttpRequest) -> str | None:
    """Return the client's address: what the last trusted proxy saw, never what the client says (C-10)."""
    address = request.META.get("REMOTE_ADDR", "")
    if depth := settings.TRUSTED_PROXY_COUNT:
        hops = request.headers.get("X-Forwarded-For", "").split(",")
        address = hops[-depth].strip() if len(hops) >= depth else address
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))  # PostgreSQL's inet knows no zones
    except ValueError:
        return None


class RequestIdFilter(logging.Filter):
    """Give every log record the id of the request it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current.get().request_id
        return True
