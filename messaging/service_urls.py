"""DATABASE_URL, REDIS_URL and EMAIL_URL, parsed into the settings of Django and Celery.

With TLS the other side's certificate is verified, unless the address says otherwise.
"""

import re
import ssl
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import certifi

from messaging.environment import split, text, wrong

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
OFF = "none"
OURS = {"connect_timeout", "options"}  # set by settings.py for each connection to PostgreSQL
# Where systems keep the certificate authorities that they trust, in one file.
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
SMTP = {
    # scheme: its default port, STARTTLS, TLS from the first byte
    "smtp": (25, False, False),
    "smtp+tls": (587, True, False),
    "smtps": (465, False, True),
    "smtp+ssl": (465, False, True),
}


def database(name: str, value: str) -> dict[str, Any]:
    """Return Django's settings of a database: PostgreSQL, or a file of SQLite."""
    if value.startswith("sqlite:"):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": urlsplit(value).path.removeprefix("/") or ":memory:"}
    parts = split(name, value, "postgres", "postgresql")
    if not parts.path.strip("/"):
        raise wrong(name, "must end with the name of a database: postgres://user:password@host:port/name.")
    host = parts.netloc.rpartition("@")[2]
    socket = unquote(host) if host.upper().startswith("%2F") else ""
    return {
        "ENGINE": "messaging.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": socket or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": _verified(name, parts, on_this_machine=bool(socket) or parts.hostname in LOOPBACK),
    }


def _verified(name: str, parts: SplitResult, *, on_this_machine: bool) -> dict[str, str]:
    """Verify the server's certificate and name, unless it is on this machine or ``sslmode`` says otherwise."""
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if ours := OURS & given.keys():
        raise wrong(name, f"may not set {', '.join(sorted(ours))}: the portal says that with each connection itself.")
    if not on_this_machine:
        given.setdefault("sslmode", "verify-full")
    if given.get("sslmode") in {"verify-ca", "verify-full"}:
        given.setdefault("sslrootcert", authorities())
    return given


def authorities() -> str:
    """Return the file of the authorities that this machine trusts; without one, Mozilla's list.

    PostgreSQL's library needs a file, and the one in psycopg's wheel does not look where this system has its own.
    """
    known = [text("SSL_CERT_FILE"), *AUTHORITIES]
    return next((path for path in known if path and Path(path).is_file()), certifi.where())


def broker(name: str, value: str) -> tuple[str, dict[str, Any] | None]:
    """Return Redis' address as Celery takes it, and how its TLS is verified: None without TLS.

    ``rediss://…?ssl_cert_reqs=none`` verifies nothing; ``ssl_ca_certs`` names a file with an authority of one's own.
    """
    parts = split(name, value, "redis", "rediss")
    if not re.fullmatch(r"/?[0-9]*", parts.path, re.ASCII):
        raise wrong(name, "must end with the number of a database, such as redis://:password@host:6379/0.")
    given = options(name, parts, {"ssl_cert_reqs", "ssl_ca_certs"} if parts.scheme == "rediss" else ())
    plain = parts._replace(query="").geturl()
    if parts.scheme == "redis":
        return plain, None
    if given.get("ssl_cert_reqs") == OFF:
        return plain, {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    authority = {"ssl_ca_certs": given["ssl_ca_certs"]} if "ssl_ca_certs" in given else {}
    return plain, {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, **authority}


def mail_server(name: str, value: str) -> dict[str, Any]:
    """Return Django's settings of a mail server: ``smtp://`` plain, ``smtp+tls://`` STARTTLS, ``smtps://`` TLS.

    ``?verify=none`` does not verify the server's certificate.
    """
    parts = split(name, value, *SMTP)
    port, starttls, tls = SMTP[parts.scheme]
    given = options(name, parts, {"verify"} if starttls or tls else ())
    return {
        "EMAIL_HOST": unquote(parts.hostname or ""),
        "EMAIL_PORT": parts.port or port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": starttls,
        "EMAIL_USE_SSL": tls,
        "EMAIL_VERIFY": given.get("verify") != OFF,
    }


def options(name: str, parts: SplitResult, known: Collection[str]) -> dict[str, str]:
    """Return the options after the question mark of an address; refuse those that would do nothing."""
    found = dict(parse_qsl(parts.query, keep_blank_values=True))
    for option in found:
        if option not in known:
            raise wrong(
                name, f'has "{option}" behind the question mark. Known are: {", ".join(sorted(known)) or "none"}.'
            )
    return found
