"""What an operator asks when something is wrong: each dependency looked at, and one plain sentence about it.

Nothing is sent, and nothing is changed. Apps above register what they depend on.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import requests
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http.request import validate_host
from kombu.exceptions import OperationalError

from messaging.database import Epoch
from messaging.delivery import doorbell, flows, gateways
from messaging.delivery.faults import Fault
from messaging.delivery.models import Message, OpenCircuit

MOST_OFFSET_SECONDS = 1
SILENCE_SECONDS = 60
REACH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: ``state`` is "ok", "warning" (works, but look at it) or "broken"."""

    state: str
    sentence: str


Examination = Callable[[], Iterator[Finding]]
_examinations: list[Examination] = []


def examines(examination: Examination) -> Examination:
    """Register the decorated function as an examination of something the portal depends on."""
    _examinations.append(examination)
    return examination


def examine() -> Iterator[Finding]:
    """Look at everything, one thing after the other."""
    for examination in _examinations:
        try:
            yield from examination()
        except DatabaseError:
            yield broken(f"{examination.__name__.capitalize()}: cannot be told without the database.")


def ok(sentence: str) -> Finding:
    """Return a good finding."""
    return Finding("ok", sentence)


def warning(sentence: str) -> Finding:
    """Return a finding that somebody should look at, in time."""
    return Finding("warning", sentence)


def broken(sentence: str) -> Finding:
    """Return a finding that needs somebody now."""
    return Finding("broken", sentence)


@examines
def configuration() -> Iterator[Finding]:
    """Run the security checks that also guard the start."""
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=not settings.EMBEDDED)
    for problem in found:
        if not problem.is_silenced():
            kind = broken if problem.level >= checks.ERROR else warning
            yield kind(f"Settings: {problem.msg} {problem.hint or ''} ({problem.id})".replace("  ", " "))
    if not found:
        yield ok("Settings: safe, and complete for every gateway in SMS_GATEWAYS.")


@examines
def address() -> Iterator[Finding]:
    """Look at the public address: one of our hosts, by https, and answering."""
    if not validate_host(settings.PUBLIC_HOST, settings.ALLOWED_HOSTS):
        yield broken(f"Public address: {settings.PUBLIC_HOST} is not in ALLOWED_HOSTS; its visitors get 400.")
    if not settings.SECURE and not settings.EMBEDDED:
        yield warning("Public address: PUBLIC_URL is not https; tokens and cookies travel in the clear.")
    try:
        answer = requests.get(f"{settings.PUBLIC_URL}/healthz", timeout=REACH_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        yield warning(f"Public address: {settings.PUBLIC_URL} does not answer from here ({type(error).__name__}).")
        return
    if answer.status_code == 200:
        yield ok(f"Public address: {settings.PUBLIC_URL} answers.")
    else:
        yield warning(f"Public address: {settings.PUBLIC_URL}/healthz answers {answer.status_code} instead of 200.")


@examines
def database() -> Iterator[Finding]:
    """Ask the database for its time, and whether its tables are those of this code."""
    try:
        yield _clock()
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        yield broken(f"Database: it does not answer ({type(error).__name__}). Nobody can sign in.")
        return
    if waiting:
        yield broken(f"Migrations: {len(waiting)} wait; run manage.py migrate.")
    else:
        yield ok("Migrations: all applied.")


def _clock() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {Epoch.sql(connection.vendor)}", [])
        seconds = cursor.fetchone()[0] - int(time.time())
    if abs(seconds) > MOST_OFFSET_SECONDS:
        return warning(f"Database: it answers, but its clock is {seconds:+d} s off this machine; look at NTP (F40).")
    return ok("Database: it answers, and its clock agrees with this machine.")


@examines
def broker() -> Iterator[Finding]:
    """Ring the broker's bell without a message."""
    if not settings.REDIS_URL:
        yield warning("Broker: there is none; messages leave by the poller, some seconds later.")
        return
    try:
        doorbell.ping()
    except (OperationalError, OSError) as error:
        yield warning(f"Broker: it does not answer ({type(error).__name__}); messages leave by the poller only.")
    else:
        yield ok("Broker: it answers.")


@examines
def sender() -> Iterator[Finding]:
    """Look for the heartbeat of whoever sends, and for messages that wait too long."""
    silence = flows.silence()
    if silence is None:
        yield broken("Sender: no worker and no poller has ever looked for messages. Start one.")
    elif silence > SILENCE_SECONDS:
        yield broken(f"Sender: nobody has looked for messages for {silence:.0f} s. Restart worker and beat.")
    else:
        yield ok(f"Sender: looked for messages {silence:.0f} s ago.")
    if waiting := Message.objects.sendable().count():
        yield warning(f"Queue: {waiting} messages wait to be sent.")


@examines
def sms() -> Iterator[Finding]:
    """Greet every SMS gateway with our credentials."""
    if not settings.SMS_GATEWAYS:
        yield warning("SMS: no gateway is configured (SMS_GATEWAYS); two factor cannot be switched on.")
    for name in settings.SMS_GATEWAYS:
        yield _greeting(f"SMS by {name}", lambda name=name: gateways.gateway(name).greet())  # type: ignore[misc]
    for circuit in OpenCircuit.objects.filter(name__in=settings.SMS_GATEWAYS):
        yield warning(f"SMS by {circuit.name}: not used since {circuit.opened_at:%H:%M} UTC ({circuit.fault}).")


@examines
def mail() -> Iterator[Finding]:
    """Open a connection to the mail server."""
    if settings.EMAIL_BACKEND.endswith("outbox.EmailBackend"):
        yield ok("E-mail: kept in the outbox of the embedded default.")
        return
    yield _greeting(f"E-mail by {settings.EMAIL_HOST}:{settings.EMAIL_PORT}", gateways.greet_mail_server)


def _greeting(what: str, greet: Callable[[], None]) -> Finding:
    try:
        greet()
    except gateways.GatewayError as error:
        why = "refuses our credentials" if error.fault is Fault.OURS else "does not answer as it should"
        return broken(f"{what}: it {why} ({error.reason}).")
    return ok(f"{what}: it answers and knows us.")
