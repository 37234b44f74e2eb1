"""E-mail by SMTP: the portal's own name, headers of automatic mail, and verified TLS."""

import re
import smtplib
import ssl
from email.utils import make_msgid
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.mail.backends import smtp


def own_name() -> str:
    """Return the portal's name for mail servers, which refuse the bare name of a container (RFC 5321)."""
    try:
        version = ip_address(settings.PUBLIC_HOST).version
    except ValueError:
        return str(settings.PUBLIC_HOST)
    return f"[{settings.PUBLIC_HOST}]" if version == 4 else f"[IPv6:{settings.PUBLIC_HOST}]"


def headers() -> dict[str, str]:
    """Return the headers of an automatic e-mail, so that no absence notice answers it (RFC 3834)."""
    return {
        "Message-ID": make_msgid(domain=own_name()),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }


def without_addresses(answer: bytes | str) -> str:
    """Return a mail server's answer for the log: on one line, and without the addresses that it often repeats."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return re.sub(r"<[^>]*>|\S+@\S+", "<...>", " ".join(text.split()))[:300]


class _Smtp(smtplib.SMTP):
    """A connection that gives the portal's name."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "local_hostname": own_name()})


class _SmtpOverTls(smtplib.SMTP_SSL):
    """A connection that gives the portal's name, with TLS from the first byte."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "local_hostname": own_name()})


class EmailBackend(smtp.EmailBackend):
    """Django's SMTP with the portal's name; the server's certificate is verified unless EMAIL_URL says otherwise."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _SmtpOverTls if self.use_ssl else _Smtp

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not settings.EMAIL_VERIFY:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
