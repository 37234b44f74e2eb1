"""Reading the environment: each variable is trimmed and checked, and an error names the variable in one sentence.

Only ``settings.py`` calls this module. An empty variable is one that is not set: that is how .env files and
compose files leave it out. No sentence repeats a value that may be a secret.
"""

import os
import re
from collections.abc import Collection, Sequence
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

import idna
from django.core.exceptions import ImproperlyConfigured

YES, NO = {"1", "on", "true", "yes"}, {"0", "off", "false", "no"}
QUOTES = "\"'"
HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)


def wrong(name: str, why: str) -> ImproperlyConfigured:
    """Return the error that stops the start: the variable's name and what it must be."""
    return ImproperlyConfigured(f"{name} {why}")


def text(name: str, default: str = "") -> str:
    """Return a variable without blanks around it, or the default where it is empty or not set."""
    value = os.environ.get(name, "").strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES:
        raise wrong(name, "stands in quotation marks. Write it without them.")
    return value or default


def also_from(path: Path) -> None:
    """Take what is not set from a file of ``NAME=value`` lines, if there is one: what ``make run`` runs with."""
    if path.is_file():
        for line in path.read_text().splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)


def required(name: str) -> str:
    """Return a variable that production cannot do without."""
    if value := text(name):
        return value
    raise ImproperlyConfigured(f"Set {name}. It has no default outside of the embedded one (make run).")


def flag(name: str, default: bool = False) -> bool:
    """Return a variable that is on or off."""
    value = text(name).lower()
    if not value:
        return default
    if value not in YES | NO:
        raise wrong(name, f'must be "on" or "off", not "{value}".')
    return value in YES


def number(name: str, default: int, least: int, most: int) -> int:
    """Return a whole number within its bounds."""
    return whole(name, text(name, str(default)), least, most)


def whole(name: str, value: str, least: int, most: int) -> int:
    """Return a text as a whole number within bounds, for the variable of this name."""
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise wrong(name, f'must be a whole number from {least} to {most}, not "{value}".')
    return int(value)


def choice(name: str, default: str, among: Collection[str]) -> str:
    """Return one of several words."""
    value = text(name, default)
    if value not in among:
        raise wrong(name, f'must be one of {", ".join(sorted(among))}, not "{value}".')
    return value


def items(name: str, default: Sequence[str] = ()) -> list[str]:
    """Return what is listed, separated by commas, without blanks and without what is empty."""
    found = [item.strip() for item in text(name).split(",")]
    return [item for item in found if item] or list(default)


def some(name: str, among: Sequence[str]) -> list[str]:
    """Return which of several words are listed; none where the variable is empty."""
    found = items(name)
    for item in found:
        if item not in among:
            raise wrong(name, f'must list some of {", ".join(among)}, not "{item}".')
    return found


def windows(name: str, default: str) -> list[tuple[int, int]]:
    """Return how many may be in how many seconds: ``LIMIT_PHONE=3/600,6/3600``."""
    found: list[tuple[int, int]] = []
    for window in items(name, default.split(",")):
        how_many, _, seconds = window.partition("/")
        if not (how_many.isascii() and how_many.isdigit() and seconds.isascii() and seconds.isdigit() and int(seconds)):
            raise wrong(name, f'must be written as how many/seconds, such as 3/600,6/3600, not "{window}".')
        found.append((int(how_many), int(seconds)))
    return found


def no_other(prefix: str, known: Collection[str]) -> None:
    """Refuse a variable that begins with ``prefix`` and is none of those we know: it would do nothing."""
    for name in sorted(os.environ):
        if name.startswith(prefix) and name not in known:
            raise wrong(name, f"is not known. Known are {', '.join(sorted(known))}.")


def regions(name: str, default: Sequence[str]) -> list[str]:
    """Return ISO codes of countries, in capitals. Whether phones of theirs are known is a system check."""
    found = [item.upper() for item in items(name, default)]
    for region in found:
        if not re.fullmatch(r"[A-Z]{2}", region, re.ASCII):
            raise wrong(name, f'must be ISO codes of countries such as BR,PT, not "{region}".')
    return list(dict.fromkeys(found))


def time_zone(name: str, default: str) -> str:
    """Return the name of a time zone that this machine has."""
    value = text(name, default)
    if value not in available_timezones():
        raise wrong(name, f'must be the name of a time zone such as America/Sao_Paulo, not "{value}".')
    return value


def origin(name: str, value: str) -> str:
    """Return a public address, scheme and host only, an accented host as the names system writes it (punycode)."""
    parts = split(name, value, "http", "https")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise wrong(name, "must end with the host, or its port: no path, no login, no question mark behind it.")
    port = f":{parts.port}" if parts.port else ""
    host = host_name(name, parts.hostname or "")
    return f"{parts.scheme}://{host}{port}"


def host_with_port(name: str, default: str) -> str:
    """Return a host, and its port if there is one."""
    return origin(name, f"https://{text(name, default)}").removeprefix("https://")


def address(name: str, default: str = "") -> str:
    """Return the address of an http service, or an empty text."""
    value = text(name, default)
    return split(name, value, "http", "https").geturl().rstrip("/") if value else ""


def split(name: str, value: str, *schemes: str) -> SplitResult:
    """Return the parts of an address with one of these schemes. An error does not repeat it: it may be secret."""
    form = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise wrong(name, _unreadable(schemes[0])) from None
    if parts.scheme not in schemes:
        raise wrong(name, f"must begin with {form}.")
    if port == 0 or not parts.hostname or any("@" in part for part in (parts.path, parts.query, parts.fragment)):
        raise wrong(name, _unreadable(schemes[0]))
    return parts


def _unreadable(scheme: str) -> str:
    if scheme == "http":
        return "cannot be read as an address such as https://portal.example.com."
    return (
        f"cannot be read as an address such as {scheme}://user:password@host:port. In a user or password,"
        " write / as %2F, ? as %3F, # as %23, @ as %40, : as %3A and % as %25."
    )


def hosts(name: str, default: Sequence[str]) -> list[str]:
    """Return host names, exact ones: a pattern would answer hosts that are not ours (W-03)."""
    return [host_name(name, item) for item in items(name, default)]


def host_name(name: str, value: str) -> str:
    """Return a host in lower case, an accented one in punycode, an IPv6 address in brackets."""
    host = value.strip("[]").lower()
    try:
        return f"[{host}]" if ip_address(host).version == 6 else host
    except ValueError:
        pass
    try:
        plain = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        plain = ""
    if not HOST_NAME.fullmatch(plain):
        raise wrong(name, f'must be a host name, without scheme, port or pattern, not "{value}".')
    return plain


def sender(name: str, default: str) -> str:
    """Return the sender of e-mails: an address, or a name and an address in angle brackets."""
    value = text(name, default)
    if not value.isprintable() or not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1]):
        raise wrong(name, "must be an address such as Portal <no-reply@portal.example.com>.")
    return value


def contact(name: str) -> str:
    """Return a mailto: or https: address, or nothing."""
    value = text(name)
    if value and not re.fullmatch(r"(mailto:[^@\s]+@|https://)[^@\s]+", value):
        raise wrong(name, "must begin with mailto: or https://.")
    return value
