"""Each variable is read, trimmed and checked at the start; what is wrong is said by name, in one sentence."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection

from messaging.delivery.mail import EmailBackend
from tests.services.parts import make_certificate
from tests.tools import production, settings_with

SECRET = "p4ss"


def made(**environment: str) -> dict[str, Any]:
    return settings_with(**production(**environment))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PUBLIC_URL", "portal.example", "must begin with http:// or https://."),
        ("PUBLIC_URL", "localhost:8000", "must begin with http:// or https://."),
        ("PUBLIC_URL", "'https://portal.example'", "stands in quotation marks."),
        ("PUBLIC_URL", '"https://portal.example"', "stands in quotation marks."),
        ("PUBLIC_URL", "https://portal.example/portal", "must end with the host"),
        ("PUBLIC_URL", "https://portal.example?a", "must end with the host"),
        ("PUBLIC_URL", "https://me@portal.example", "must end with the host"),
        ("PUBLIC_URL", "https://portal example", "must be a host name"),
        ("PUBLIC_URL", "https://", "cannot be read as an address"),
        ("PUBLIC_URL", "https://portal.example:http", "cannot be read as an address"),
        ("TRUSTED_PROXY_COUNT", "", "is not set."),
        ("TRUSTED_PROXY_COUNT", "one", "must be a whole number from 0 to 10"),
        ("TRUSTED_PROXY_COUNT", "-1", "must be a whole number from 0 to 10"),
        ("ALLOWED_HOSTS", "*", "must be a host name"),
        ("ALLOWED_HOSTS", ".portal.example", "must be a host name"),
        ("ALLOWED_HOSTS", "portal.example:8000", "must be a host name"),
        ("DATABASE_URL", f"postgres://u:{SECRET}/x@db.example/n", "cannot be read as an address"),
        ("DATABASE_URL", f"postgres://u:12/{SECRET}@db.example/n", "cannot be read as an address"),
        ("DATABASE_URL", f"postgres://u:{SECRET}#x@db.example/n", "cannot be read as an address"),
        ("DATABASE_URL", f"postgres://u:{SECRET}?x@db.example/n", "cannot be read as an address"),
        ("DATABASE_URL", "postgres://db.example/", "must end with the name of a database"),
        ("DATABASE_URL", "postgres://db.example/n?options=-cjit", "may not set options"),
        ("DATABASE_URL", f"mysql://u:{SECRET}@db.example/n", "must begin with postgres:// or postgresql://."),
        ("REDIS_URL", "sentinel://redis.example:26379/0", "must begin with redis:// or rediss://."),
        ("REDIS_URL", f"redis://:{SECRET}/x@redis.example/0", "cannot be read as an address"),
        ("REDIS_URL", "redis://redis.example/tokens", "must end with the number of a database"),
        ("REDIS_URL", "rediss://redis.example/0?ssl_certs=none", 'has "ssl_certs" behind the question mark.'),
        ("EMAIL_URL", f"http://u:{SECRET}@mail.example", "must begin with smtp:// or smtp+tls://"),
        ("EMAIL_URL", "smtp://mail.example?verify=none", 'has "verify" behind the question mark.'),
        ("EMAIL_URL", f"smtp://u:{SECRET}/x@mail.example:25", "cannot be read as an address"),
        ("DEFAULT_FROM_EMAIL", "Portal", "must be an address such as"),
        ("TOKEN_LIFETIME_SECONDS", "20", "must be a whole number from 60 to 600"),
        ("TOKEN_LIFETIME_SECONDS", "601", "must be a whole number from 60 to 600"),
        ("ALLOWED_REGIONS", "BRA", "must be ISO codes of countries"),
        ("LIMIT_USER", "5", "must be written as how many/seconds"),
        ("LIMIT_USER", "5/0", "must be written as how many/seconds"),
        ("LIMIT_USERS", "5/900", "is not known. Known are LIMIT_ACCOUNT"),
        ("DEBUG", "enabled", 'must be "on" or "off"'),
        ("CAPTCHA_FALLBACK", "maybe", 'must be "on" or "off"'),
        ("TWILIO_API_URL", "localhost:1", "must begin with http:// or https://."),
        ("SINCH_API_URL", "us.sms.api.sinch.com", "must begin with http:// or https://."),
        ("RECAPTCHA_DOMAIN", "https://www.google.com", "must end with the host"),
        ("SECURITY_CONTACT", "security@portal.example", "must begin with mailto: or https://."),
        ("TIME_ZONE", "Brazil", "must be the name of a time zone"),
        ("LOG_FORMAT", "xml", "must be one of json, line"),
        ("CONN_MAX_AGE", "ten", "must be a whole number"),
        ("HSTS_SECONDS", "1y", "must be a whole number"),
        ("HSTS_PRELOAD", "on", "wants HSTS_SUBDOMAINS=on"),
    ],
)
def test_what_is_wrong_stops_the_start_by_its_name_and_shows_no_secret(name: str, value: str, said: str) -> None:
    """O-10."""
    with pytest.raises(ImproperlyConfigured) as refused:
        made(**{name: value})
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} ")
    assert said in sentence
    assert "\n" not in sentence
    assert SECRET not in sentence


@pytest.mark.parametrize(
    ("name", "value", "setting", "read"),
    [
        ("PUBLIC_URL", " https://Portal.Example/ ", "PUBLIC_URL", "https://portal.example"),
        ("PUBLIC_URL", "https://ação.example:8443", "PUBLIC_URL", "https://xn--ao-siap.example:8443"),
        ("PUBLIC_URL", "https://ação.example", "PUBLIC_HOST", "xn--ao-siap.example"),
        ("PUBLIC_URL", "https://ação.example", "ALLOWED_HOSTS", ["xn--ao-siap.example"]),
        ("ALLOWED_HOSTS", " Portal.example, ação.example,,[::1]", "ALLOWED_HOSTS", None),
        ("ALLOWED_REGIONS", " br , PT,pt,", "ALLOWED_REGIONS", ["BR", "PT"]),
        ("ALLOWED_REGIONS", "", "ALLOWED_REGIONS", ["BR"]),
        ("ALLOWED_REGIONS", " , ", "ALLOWED_REGIONS", ["BR"]),
        ("SMS_GATEWAYS", "twilio , sinch", "SMS_GATEWAYS", ["twilio", "sinch"]),
        ("SECRET_KEY_FALLBACKS", "one, two", "SECRET_KEY_FALLBACKS", ["one", "two"]),
        (
            "TOKEN_KEY",
            " $TOKENS-with-a-dollar-in-front-of-them ",
            "TOKEN_KEY",
            "$TOKENS-with-a-dollar-in-front-of-them",
        ),
        ("CAPTCHA_FALLBACK", " On ", "CAPTCHA_FALLBACK", True),
        ("CAPTCHA_FALLBACK", "no", "CAPTCHA_FALLBACK", False),
        ("TOKEN_LIFETIME_SECONDS", "60", "TOKEN_LIFETIME_SECONDS", 60),
        ("TOKEN_LIFETIME_SECONDS", "", "TOKEN_LIFETIME_SECONDS", 180),
        ("METRICS_TOKEN", " secret ", "METRICS_TOKEN", "secret"),
    ],
)
def test_harmless_spellings_of_a_value_are_read(name: str, value: str, setting: str, read: Any) -> None:
    """O-10."""
    expected = ["portal.example", "xn--ao-siap.example", "[::1]"] if read is None else read
    assert made(**{name: value})[setting] == expected


@pytest.mark.parametrize(
    ("url", "password", "host", "sslmode"),
    [
        ("postgres://u:a%2Fb%40c@db.example:6432/n", "a/b@c", "db.example", "verify-full"),
        ("postgres://u@db.example/n?sslmode=disable", "", "db.example", "disable"),
        ("postgresql://u@127.0.0.1/n", "", "127.0.0.1", None),
        ("postgres://u@%2Fvar%2Frun%2FPostgres/n", "", "/var/run/Postgres", None),
    ],
)
def test_a_database_over_a_network_is_verified_unless_its_address_says_otherwise(
    url: str, password: str, host: str, sslmode: str | None
) -> None:
    """O-10."""
    database = made(DATABASE_URL=url)["DATABASES"]["default"]
    assert (database["ENGINE"], database["NAME"]) == ("messaging.postgresql", "n")
    assert (database["PASSWORD"], database["HOST"], database["OPTIONS"].get("sslmode")) == (password, host, sslmode)
    assert ("sslrootcert" in database["OPTIONS"]) == (sslmode == "verify-full")


def test_a_pooler_gets_no_options_and_no_lasting_cursors() -> None:
    """O-03."""
    url = "postgres://u@127.0.0.1/n"
    plain, pooled = (made(DATABASE_URL=url, DATABASE_POOLER=on)["DATABASES"]["default"] for on in ("off", "on"))
    assert "statement_timeout=5s" in plain["OPTIONS"]["options"]
    assert "options" not in pooled["OPTIONS"]
    assert (plain["DISABLE_SERVER_SIDE_CURSORS"], pooled["DISABLE_SERVER_SIDE_CURSORS"]) == (False, True)


@pytest.mark.parametrize(
    ("pooler", "prepared", "expected"),
    [("", "", True), ("", "off", False), ("on", "", False), ("on", "on", True)],
)
def test_statements_are_prepared_unless_a_pooler_lends_the_connections(
    pooler: str, prepared: str, expected: bool
) -> None:
    variables = {"DATABASE_POOLER": pooler, "DATABASE_PREPARED": prepared}
    options = made(DATABASE_URL="postgres://u@127.0.0.1/n", **variables)["DATABASES"]["default"]["OPTIONS"]
    assert ("prepare_threshold" in options, "server_side_binding" in options) == (expected, expected)


@pytest.mark.parametrize(
    ("url", "port", "starttls", "tls"),
    [
        ("smtp://mail.example", 25, False, False),
        ("smtp+tls://mail.example", 587, True, False),
        ("smtps://mail.example", 465, False, True),
        ("smtp+ssl://u:p%2F@mail.example:2465", 2465, False, True),
    ],
)
def test_the_scheme_of_a_mail_server_says_how_tls_is_spoken(url: str, port: int, starttls: bool, tls: bool) -> None:
    settings = made(EMAIL_URL=url)
    names = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_USE_SSL", "EMAIL_VERIFY")
    assert [settings[name] for name in names] == ["mail.example", port, starttls, tls, True]
    assert settings["EMAIL_HOST_PASSWORD"] == ("p/" if "u:" in url else "")


# TLS against a certificate that nobody vouches for -----------------------------------------------


class SelfSigned:
    """A server whose certificate nobody vouches for. It counts who shook hands and who did not."""

    def __init__(self, folder: Path, *, ask_first: bool) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*make_certificate(folder))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.ask_first = self.listener.getsockname()[1], ask_first
        self.met: list[str] = []
        self.thread = threading.Thread(target=self.meet, daemon=True)
        self.thread.start()

    def meet(self) -> None:
        client, _address = self.listener.accept()
        with closing(client):
            client.settimeout(60)
            if self.ask_first:  # PostgreSQL: is TLS spoken here? Yes.
                client.recv(8)
                client.sendall(b"S")
            try:
                with self.context.wrap_socket(client, server_side=True) as hidden:
                    hidden.recv(1)
            except OSError as error:
                self.met.append("refused" if "UNKNOWN_CA" in str(error) else str(error))
            else:
                self.met.append("met")


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[Callable[..., SelfSigned]]:
    servers: list[SelfSigned] = []

    def serve(*, ask_first: bool = False) -> SelfSigned:
        servers.append(SelfSigned(tmp_path, ask_first=ask_first))
        return servers[-1]

    yield serve
    for server in servers:
        server.listener.close()


def knock_at_postgres(port: int, more: str, settings: Any) -> None:
    database = made(DATABASE_URL=f"postgres://u@localhost:{port}/n?{more}")["DATABASES"]["default"]
    ways = {name: value for name, value in database["OPTIONS"].items() if name != "server_side_binding"}  # Django's own
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host=database["HOST"], port=port, **ways)


def knock_at_redis(port: int, more: str, settings: Any) -> None:
    found = made(REDIS_URL=f"rediss://localhost:{port}/0?{more}")
    options = {"socket_connect_timeout": 30, "socket_timeout": 30}
    broker = Connection(found["CELERY_BROKER_URL"], ssl=found["CELERY_BROKER_USE_SSL"], transport_options=options)
    with pytest.raises(Exception, match=r"."):
        broker.ensure_connection(max_retries=0, timeout=30)


def knock_at_mail(port: int, more: str, settings: Any) -> None:
    found = made(EMAIL_URL=f"smtps://localhost:{port}?{more}")
    settings.EMAIL_VERIFY = found["EMAIL_VERIFY"]
    with pytest.raises(OSError, match=r"."):
        EmailBackend(host="localhost", port=port, use_ssl=True, use_tls=False, timeout=3).open()


@pytest.mark.parametrize(
    ("knock", "verified", "unverified"),
    [
        (knock_at_postgres, "sslmode=verify-full", "sslmode=require"),
        (knock_at_redis, "", "ssl_cert_reqs=none"),
        (knock_at_mail, "", "verify=none"),
    ],
)
def test_a_certificate_that_nobody_vouches_for_is_refused_unless_the_address_says_otherwise(
    knock: Callable[[int, str, Any], None],
    verified: str,
    unverified: str,
    self_signed: Callable[..., SelfSigned],
    settings: Any,
) -> None:
    """O-10."""
    for more, met in ((verified, "refused"), (unverified, "met")):
        server = self_signed(ask_first=knock is knock_at_postgres)
        knock(server.port, more, settings)
        server.thread.join(60)
        assert server.met == [met]


# What only checks can tell ------------------------------------------------------------------------


def told() -> dict[str, str]:
    """Return the problems that the checks find, by id."""
    found = run_checks(tags=[Tags.security], include_deployment_checks=True)
    return {str(problem.id): problem.msg for problem in found}


def test_a_country_without_telephones_is_refused(settings: Any) -> None:
    settings.ALLOWED_REGIONS = ["BR", "XX"]
    assert told()["twofactor.E004"].endswith(": XX.")
    settings.ALLOWED_REGIONS = ["BR", "PT"]
    assert "twofactor.E004" not in told()


def test_a_host_that_makes_two_sms_of_a_token_is_reported(settings: Any) -> None:
    """T-11, O-17: it costs twice."""
    settings.PUBLIC_HOST = "portal.example"
    assert "twofactor.W001" not in told()
    settings.PUBLIC_HOST = "the-portal-of-a-company-with-a-long-name.customers.example.com"
    assert re.search(r"makes an SMS \d+ characters longer than one segment of 160", told()["twofactor.W001"])


def test_https_without_a_proxy_is_reported(settings: Any) -> None:
    """O-04."""
    settings.SECURE, settings.TRUSTED_PROXY_COUNT = True, 0
    assert "delivery.W001" in told()
    settings.TRUSTED_PROXY_COUNT = 1
    assert "delivery.W001" not in told()


@pytest.mark.parametrize(
    ("environment", "header"),
    [
        ({}, (31_536_000, False, False)),
        ({"HSTS_SUBDOMAINS": "on"}, (31_536_000, True, False)),
        ({"HSTS_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"}, (31_536_000, True, True)),
        ({"HSTS_SECONDS": "3600"}, (3600, False, False)),
        ({"HSTS_SECONDS": "0"}, (0, False, False)),
        ({"PUBLIC_URL": "http://portal.example", "HSTS_SUBDOMAINS": "on"}, (0, False, False)),
    ],
)
def test_hsts_covers_other_hosts_only_when_asked_to(
    environment: dict[str, str], header: tuple[int, bool, bool]
) -> None:
    """O-11."""
    settings = made(**environment)
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    assert tuple(settings[name] for name in names) == header
