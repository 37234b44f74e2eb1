"""The examinations of ``manage.py doctor``: one sentence about each dependency.

They send nothing and change nothing. The apps above have examinations of their own (twofactor/doctor.py).
"""

import http.client
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.http.request import validate_host
from django.shortcuts import resolve_url
from kombu.exceptions import OperationalError

from messaging.database import Epoch
from messaging.delivery import flows, gateways, wakeup
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Channel, Message, OpenCircuit

MAX_OFFSET_SECONDS = 1
REACH_SECONDS = 5
PATIENCE_SECONDS = 2
PREPARED_AT_RUN = 3  # settings.py: prepare_threshold


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of an examination: ``state`` is "ok", "warning" (works, but should be looked at) or "broken"."""

    state: str
    sentence: str


Examination = Callable[[], Iterator[Finding]]


def examine(examinations: Iterable[Examination]) -> Iterator[Finding]:
    """Run the examinations one after the other."""
    for examination in examinations:
        try:
            yield from examination()
        except DatabaseError:
            yield broken(f"{examination.__name__.capitalize()}: cannot be examined without the database.")


def ok(sentence: str) -> Finding:
    """Return that something works."""
    return Finding("ok", sentence)


def warning(sentence: str) -> Finding:
    """Return that something works, but should be looked at soon."""
    return Finding("warning", sentence)


def broken(sentence: str) -> Finding:
    """Return that something is broken and has to be mended now."""
    return Finding("broken", sentence)


def configuration() -> Iterator[Finding]:
    """Run the security checks that also run at the start."""
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=not settings.EMBEDDED)
    yield from _problems("Settings", found)
    if not found:
        yield ok("Settings: safe, and complete for every gateway in SMS_GATEWAYS.")


def _problems(part: str, found: Iterable[checks.CheckMessage]) -> Iterator[Finding]:
    for problem in found:
        if not problem.is_silenced():
            kind = broken if problem.level >= checks.ERROR else warning
            yield kind(f"{part}: {problem.msg} {problem.hint or ''} ({problem.id})".replace("  ", " "))


def address() -> Iterator[Finding]:
    """Examine the public address: one of our hosts, https, and it answers."""
    if not validate_host(settings.PUBLIC_HOST, settings.ALLOWED_HOSTS):
        yield broken(f"Public address: {settings.PUBLIC_HOST} is not in ALLOWED_HOSTS; its clients get 400.")
    if not settings.SECURE and not settings.EMBEDDED:
        yield warning("Public address: PUBLIC_URL is not https; tokens and cookies travel in the clear.")
    yield from _page()


def _page() -> Iterator[Finding]:
    """Request the sign-in page as a client does: /healthz would answer where pages do not."""
    here = settings.PUBLIC_URL + resolve_url(settings.LOGIN_URL)
    try:
        answer = requests.get(here, timeout=REACH_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        yield warning(f"Public address: {settings.PUBLIC_URL} does not answer from here ({type(error).__name__}).")
        return
    if answer.status_code == 200:
        yield ok(f"Public address: {here} answers.")
    elif urljoin(here, answer.headers.get("Location", "")) == here and answer.is_redirect:
        yield broken(
            f"Public address: {here} redirects to itself: the portal does not see that the client uses https."
            " Let the proxy set X-Forwarded-Proto, and set TRUSTED_PROXY_COUNT."
        )
    else:
        yield broken(f"Public address: {here} answers {answer.status_code} instead of 200; nobody can sign in.")


def proxy() -> Iterator[Finding]:
    """Examine whether a proxy in front waits for the whole of a slow request, which would occupy one of few threads."""
    if settings.EMBEDDED:
        return
    try:
        passed_on = _answers_half_a_request()
    except OSError:
        return  # ``address`` has reported it
    if passed_on:
        yield warning(
            "Proxy: half a request reaches the portal; a few slow clients can block everybody."
            " Put a proxy in front that buffers requests: docs/operations.md."
        )
    else:
        yield ok("Proxy: it passes on complete requests only.")


def _answers_half_a_request() -> bool:
    """Send half a form to the public address. The portal itself refuses it unread, because of its origin."""
    parts = urlsplit(settings.PUBLIC_URL)
    kind = http.client.HTTPSConnection if settings.SECURE else http.client.HTTPConnection
    with closing(kind(str(parts.hostname), parts.port, timeout=PATIENCE_SECONDS)) as client:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "2"}
        client.request("POST", resolve_url(settings.LOGIN_URL), "x", {**headers, "Origin": "https://half.invalid"})
        try:
            return bool(client.getresponse().status)
        except (TimeoutError, http.client.HTTPException):
            return False


def database() -> Iterator[Finding]:
    """Examine the database: its clock, and whether its tables are those of this code."""
    try:
        yield _clock()
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        problems = checks.run_checks(tags=[checks.Tags.database], databases=[connection.alias])
    except DatabaseError as error:
        yield broken(f"Database: it does not answer ({type(error).__name__}). Nobody can sign in.")
        return
    yield from _problems("Database", problems)
    if missing := _missing_timeouts():
        yield broken(
            f"Database: {' and '.join(missing)} not set, so one slow statement can hold everybody. Behind a pooler the"
            " role has them: ALTER ROLE … SET statement_timeout = '5s'."
        )
    yield from _prepared_statements()
    if waiting:
        yield broken(f"Migrations: {len(waiting)} wait; run manage.py migrate.")
    else:
        yield ok("Migrations: all applied.")


def _missing_timeouts() -> list[str]:
    """Return the time-outs that are not in force on a connection like the portal's."""
    if connection.vendor != "postgresql":
        return []
    names = ["statement_timeout", "lock_timeout"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s), current_setting(%s)", names)
        return [name for name, value in zip(names, cursor.fetchone(), strict=True) if value == "0"]


def _prepared_statements() -> Iterator[Finding]:
    """Examine whether a prepared statement still exists after another connection has used the pooler's connection."""
    if connection.vendor != "postgresql" or not settings.DATABASE_PREPARED:
        return
    own, other = connection.copy(), connection.copy()
    try:
        _run_prepared(own)
        other.set_autocommit(False)  # from here on this one holds the server's connection
        _run_prepared(other)
        _run_prepared(own)
    except DatabaseError as error:
        yield broken(
            f"Database: it forgets prepared statements ({type(error).__name__}). Set DATABASE_PREPARED=off, or"
            " max_prepared_statements in PgBouncer from 1.21 on."
        )
    finally:
        own.close()
        other.close()


def _run_prepared(one: BaseDatabaseWrapper) -> None:
    with one.cursor() as cursor:
        for _ in range(PREPARED_AT_RUN):
            cursor.execute("SELECT %s::int", [1])


def _clock() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {Epoch.sql(connection.vendor)}", [])
        seconds = cursor.fetchone()[0] - int(time.time())  # noqa: TID251 (both clocks are compared)
    if abs(seconds) > MAX_OFFSET_SECONDS:
        return warning(f"Database: it answers, but its clock is {seconds:+d} s off this machine; look at NTP (F40).")
    return ok("Database: it answers, and its clock agrees with this machine.")


def broker() -> Iterator[Finding]:
    """Examine whether the broker answers."""
    if not settings.REDIS_URL:
        yield warning("Broker: there is none; messages leave by the poller, some seconds later.")
        return
    try:
        wakeup.ping()
    except (OperationalError, OSError) as error:
        yield warning(f"Broker: it does not answer ({type(error).__name__}); messages leave by the poller only.")
    else:
        yield ok("Broker: it answers.")


def sender() -> Iterator[Finding]:
    """Examine the senders' heartbeats, and whether messages have been waiting too long."""
    silence = flows.silence()
    if silence is None:
        yield broken("Sender: no worker and no poller has ever looked for messages. Start one.")
    elif silence > settings.SENDER_SILENCE_SECONDS:
        yield broken(f"Sender: nobody has looked for messages for {silence:.0f} s. Restart the workers.")
    else:
        yield ok(f"Sender: looked for messages {silence:.0f} s ago.")
    if waiting := Message.objects.sendable().count():
        yield warning(f"Queue: {waiting} messages wait to be sent.")


def sms() -> Iterator[Finding]:
    """Sign in at every SMS gateway with our credentials."""
    if not settings.SMS_GATEWAYS:
        yield warning("SMS: no gateway is configured (SMS_GATEWAYS); two factor authentication cannot be switched on.")
    for name in settings.SMS_GATEWAYS:
        yield _credentials(f"SMS by {name}", lambda name=name: gateways.check(name))  # type: ignore[misc]
    for circuit in OpenCircuit.objects.filter(name__in=settings.SMS_GATEWAYS):
        yield warning(f"SMS by {circuit.name}: not used since {circuit.opened_at:%H:%M} UTC ({circuit.fault}).")


def mail() -> Iterator[Finding]:
    """Open a connection to the mail server and sign in."""
    if settings.EMAIL_BACKEND.endswith("outbox.EmailBackend"):
        yield ok("E-mail: kept in the outbox of the embedded default.")
        return
    server = f"E-mail by {settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    yield _credentials(server, gateways.check_mail_server)
    refused = Message.objects.waiting_for_the_operator().filter(channel=Channel.EMAIL)
    if last := refused.order_by("-pk").first():
        yield broken(f"{server}: it refuses what we send ({last.error}); {refused.count()} messages wait.")


def _credentials(what: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except gateways.GatewayError as error:
        why = "refuses our credentials" if error.fault is Fault.OURS else "does not answer as it should"
        return broken(f"{what}: it {why} ({error.reason}).")
    return ok(f"{what}: it answers and accepts our credentials.")


EXAMINATIONS = (configuration, address, proxy, database, broker, sender, sms, mail)
