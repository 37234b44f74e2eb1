"""The origin of a request: its id, its client address, its browser. Set once, read by audit log and logs."""

import ipaddress
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a request. Empty outside of requests (commands, workers)."""

    request_id: str = "-"
    ip: str | None = None
    user_agent: str = ""
    known_browsers: str = ""  # the cookie of accounts/auth/known_browsers.py, unchecked


current: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 (frozen)


@contextmanager
def as_if_from(origin: Origin) -> Iterator[None]:
    """Record what happens in here with this origin: for tasks that write about an earlier request."""
    before = current.set(origin)
    try:
        yield
    finally:
        current.reset(before)


def of(request: HttpRequest) -> Origin:
    """Return the origin of a request. It reads ``META``, because ``headers`` would parse all headers first."""
    agent = printable(request.META.get("HTTP_USER_AGENT", "")[:200])
    return Origin(
        request_id=uuid.uuid4().hex[:16],
        ip=client_ip(request),
        user_agent=agent,
        known_browsers=request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, ""),
    )


def printable(text: str) -> str:
    """Return a text on one line, with a space for whatever cannot be printed (J-04)."""
    if text.isprintable():  # nearly all are; the loop cost 103 Python calls a request for a browser's name
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def client_ip(request: HttpRequest) -> str | None:
    """Return the client's address as the last trusted proxy saw it, never as the client says (C-10).

    If the proxy's value cannot be read, it is the proxy's own address (B-14).
    """
    peer = address_in(request.META.get("REMOTE_ADDR", ""))
    if not (depth := settings.TRUSTED_PROXY_COUNT):
        return peer
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(hops) < depth:
        return peer
    if address := address_in(hops[-depth]):
        return address
    _note_unreadable(settings.TRUSTED_PROXY_COUNT)
    return peer


@lru_cache(maxsize=1000)
def address_in(hop: str) -> str | None:
    """Return the address in one place of X-Forwarded-For, with or without port, brackets and quotes (RFC 7239)."""
    text = hop.strip().strip('"').strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))  # PostgreSQL's inet has no zones
    except ValueError:
        return None


@cache
def _note_unreadable(depth: int) -> None:
    """Log once per process that all clients share the proxy's address, without the header's contents (J-04)."""
    logger.warning("X-Forwarded-For has no address in place %s from the right: the proxy's own one is used", depth)


class RequestIdFilter(logging.Filter):
    """Give every log record the id of the request it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current.get().request_id
        return True
