"""Sign in some people in one process, and count.   python -m tests.services.counted_sign_ins FIRST COUNT GATEWAY

Runs in a portal's own environment, without its web processes and workers: requests go straight into the WSGI
application, tokens are sent by the same flow as a worker's. Prints JSON: calls, also by package, and PostgreSQL's own
counters of one sign-in, of pages behind the gate, the least one among them, of the worker's part, of twenty tokens that
a worker sends together, and of a look for messages that finds none. Counts only: they are the same on a busy machine.
"""

import gc
import io
import json
import os
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPMessage
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

BATCH = 20  # messages of a worker with a backlog
WARM = 10  # people before the first who is counted: by then each page was rendered, each statement planned for good

STATEMENTS = """
    SELECT coalesce(sum(calls) FILTER (WHERE query !~ '^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)'), 0)::int,
           coalesce(sum(calls) FILTER (WHERE query ~ '^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)'), 0)::int,
           coalesce(sum(plans), 0)::int, coalesce(sum(total_plan_time), 0)::float,
           coalesce(sum(total_exec_time), 0)::float
    FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = current_database() AND query !~ 'pg_stat_statements|pg_current_wal'"""


PACKAGE = "in "  # the beginning of the names of facts that are the calls of a package, of Python and C
INSTALLED, OURS = Path(sysconfig.get_path("purelib")), Path(__file__).parents[2]


class Ledger:
    """What was counted so far."""

    def __init__(self) -> None:
        self.calls = 0
        self.c_calls = 0
        self.by_code: Counter[CodeType] = Counter()
        self.requests = 0
        self.on = False

    def note(self, frame: Any, event: str, argument: object) -> None:
        """Count a call of Python by the function that is called, a call of C by the one that calls."""
        if event == "call" or event == "c_call":
            self.calls += event == "call"
            self.c_calls += event == "c_call"
            self.by_code[frame.f_code] += 1

    def by_package(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for code, number in self.by_code.items():
            found[PACKAGE + package_of(code.co_filename)] += number
        return found


def package_of(file: str) -> str:
    """Return the package of a file, of Django with its part."""
    path = Path(file)
    for root in (INSTALLED, OURS):
        if path.is_relative_to(root):
            first, *rest = path.relative_to(root).parts
            two = first == "django" and len(rest) > 1
            return f"{first}.{rest[0]}" if two else first.removesuffix(".py")
    return "Python"


class Straight(BaseAdapter):
    """Hands the requests of a ``requests.Session`` to a WSGI application in this process."""

    def __init__(self, application: Any, ledger: Ledger) -> None:
        super().__init__()
        self.application, self.ledger = application, ledger

    def send(self, request: Any, **_options: Any) -> requests.Response:  # type: ignore[override]
        body = (request.body or "").encode() if not isinstance(request.body, bytes) else request.body
        environ = environ_of(request, body)
        answered: list[Any] = []
        gc.disable()
        sys.setprofile(self.ledger.note if self.ledger.on else None)
        try:
            result = self.application(environ, lambda *head: answered.append(head))
            content = b"".join(result)
            result.close()
        finally:
            sys.setprofile(None)
            gc.enable()
        self.ledger.requests += self.ledger.on
        return response_of(request, answered[0][0], answered[0][1], content)

    def close(self) -> None:
        """Nothing is open."""


def environ_of(request: Any, body: bytes) -> dict[str, Any]:
    parts = urlsplit(request.url)
    fields = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    return {
        **fields,
        "REQUEST_METHOD": request.method,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": parts.scheme,
    }


def response_of(request: Any, status: str, headers: list[tuple[str, str]], content: bytes) -> requests.Response:
    message = HTTPMessage()
    for name, value in headers:
        message[name] = value
    raw = HTTPResponse(
        io.BytesIO(content),
        headers=dict(headers),
        status=int(status.split(maxsplit=1)[0]),
        preload_content=False,
        original_response=SimpleNamespace(msg=message, isclosed=lambda: True, close=lambda: None),  # type: ignore[arg-type]
    )
    response = requests.Response()
    response.status_code, response.raw, response.request, response.url = raw.status, raw, request, request.url
    response.headers.update(dict(headers))
    extract: Any = requests.cookies.extract_cookies_to_jar
    extract(response.cookies, request, raw)
    response._content = raw.read(decode_content=True)
    return response


@contextmanager
def counted(ledger: Ledger, into: dict[str, Any], database: Any) -> Iterator[None]:
    """Count what happens meanwhile, in this process and in PostgreSQL."""
    calls, c_calls, requests_before = ledger.calls, ledger.c_calls, ledger.requests
    packages = ledger.by_package()
    database.execute("SELECT pg_stat_statements_reset()")
    (begun,) = database.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    ledger.on = True
    try:
        yield
    finally:
        ledger.on = False
    names = ("statements", "transactions", "plans", "planning_ms", "executing_ms")
    found = dict(zip(names, database.execute(STATEMENTS).fetchone(), strict=True))
    (found["wal"],) = database.execute("SELECT (pg_current_wal_insert_lsn() - %s)::int", [begun]).fetchone()
    found |= {"calls": ledger.calls - calls, "c_calls": ledger.c_calls - c_calls}
    found |= {"requests": ledger.requests - requests_before, **(ledger.by_package() - packages)}
    for name, value in found.items():
        into[name] = into.get(name, 0) + value


Measure = Callable[[Ledger, dict[str, Any], Any], AbstractContextManager[None]]


def count(first: int, number: int, gateway: str, measure: Measure = counted) -> dict[str, dict[str, float]]:
    """Return what one sign-in costs, and the pages behind it; ``measure`` adds up what happens inside a part."""
    import django  # noqa: PLC0415 (in this process only)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    # On a busy machine it takes more than ten minutes: a connection made anew would plan each statement again.
    os.environ.setdefault("CONN_MAX_AGE", "86400")
    django.setup()

    import psycopg  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415
    from django.http import HttpResponse  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415

    from messaging import urls  # noqa: PLC0415
    from messaging.postgresql import base  # noqa: PLC0415
    from messaging.wsgi import application  # noqa: PLC0415
    from tests.services.browser import Browser  # noqa: PLC0415
    from tests.services.seed import number_of  # noqa: PLC0415
    from twofactor.factors.passkeys import alone  # noqa: PLC0415

    urls.urlpatterns.append(path("page/", lambda _request: HttpResponse("Behind the door.")))
    ledger = Ledger()
    parts: dict[str, dict[str, float]] = {}
    # Seconds after which the database is asked once more: a busy machine takes longer for what is counted.
    quiet, known = (patch.object(base, "QUIET_SECONDS", 10**9), patch.object(alone, "LOOK_SECONDS", 10**9))
    with quiet, known, psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        for index in range(first, first + WARM + number):
            found = {} if index < first + WARM else parts
            browser = Browser(settings.PUBLIC_URL, f"u{index:03d}", number_of(index), set())
            browser.session.mount(settings.PUBLIC_URL, Straight(application, ledger))

            def part(name: str, into: dict[str, dict[str, float]] = found) -> Any:
                return measure(ledger, into.setdefault(name, {}), database)

            _walk(browser, part, gateway, ledger)
    return {name: {fact: value / number for fact, value in facts.items()} for name, facts in parts.items()}


def _walk(browser: Any, part: Callable[[str], Any], gateway: str, ledger: Ledger) -> None:
    """Sign in to the profile, in the fewest requests that a browser needs, then look at that page and at home."""
    from tests.altcha import challenge_in, solve  # noqa: PLC0415
    from tests.services.portal import digits  # noqa: PLC0415

    with part("sign-in"):
        browser.get("/entrar/")
        answer = browser.post_at_once(
            "/entrar/", username=browser.login, password="correct horse battery", straight="on"
        )
        page = browser.get("/entrar/canal/") if answer.status_code == 302 else browser.read(answer)
    challenge = challenge_in(page.text)
    assert challenge, page.text
    solved = solve(challenge)
    with part("sign-in"):
        answer = browser.post_at_once("/entrar/canal/", channel="sms", altcha=solved, straight="on")
        assert answer.status_code in {200, 302}, answer.text
        page = browser.get("/entrar/token/") if answer.status_code == 302 else browser.read(answer)
    message = _message_to(browser.number)
    with part("worker"):
        _profiled(ledger, lambda: _deliver(message))
    many = _again(message)
    with part("backlog"):
        _profiled(ledger, lambda: _deliver_together(many))
    received = requests.get(f"{gateway}/control/received", {"to": browser.number}, timeout=60).json()
    token = digits(received[-1]["Body"])
    with part("sign-in"):
        answer = browser.post_at_once("/entrar/token/", token=token)
        assert answer.headers.get("Location") == "/", answer.text
        assert browser.get("/meu-perfil/").status_code == 200
    _look()  # sends the notices that wait
    with part("look"):
        _profiled(ledger, _look)
    for name, path in (("profile", "/meu-perfil/"), ("home", "/"), ("page", "/page/")):
        with part(name):
            assert browser.get(path).status_code == 200


def _message_to(number: str) -> int:
    from messaging.delivery.models import Message  # noqa: PLC0415

    return int(Message.objects.filter(destination=number).latest("id").pk)


def _deliver(message: int) -> None:
    """Send a message as a worker does, but call the gateway in this thread, which is the one that is counted."""
    from messaging.delivery import flows, gateways  # noqa: PLC0415

    with patch.object(gateways, "in_time", lambda call: call()):
        flows.deliver(message)


def _again(message: int) -> list[int]:
    """Queue a message that was sent as many others, to the same number; return their ids."""
    from messaging.delivery.models import Message, State  # noqa: PLC0415

    names = ("channel", "destination", "kind", "subject_id", "language", "owner_id", "expires_at")
    row = Message.objects.filter(pk=message).values(*names).get()
    new = Message.objects.bulk_create(Message(**row, state=State.QUEUED) for _ in range(BATCH))
    return [one.pk for one in new]


def _deliver_together(messages: list[int]) -> None:
    """Send messages as a worker with a backlog does, but call the gateway in this thread."""
    from messaging.delivery import dispatcher, gateways  # noqa: PLC0415

    def call(work: Callable[[], Any]) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(work())
        return done

    one = dispatcher.Dispatcher(BATCH)
    one.take(*messages)
    # A busy machine, whose calls are counted besides, needs more than a second; then it would give messages back.
    with patch.object(dispatcher, "READY_SECONDS", 10**9), patch.object(gateways, "start", call):
        one.turn()
        one.turn()
    assert not one.sent


def _look() -> None:
    """Look for messages as each worker does every two seconds."""
    from messaging.delivery import flows  # noqa: PLC0415

    flows.deliver_pending(by="worker")


def _profiled(ledger: Ledger, work: Callable[[], None]) -> None:
    sys.setprofile(ledger.note if ledger.on else None)
    try:
        work()
    finally:
        sys.setprofile(None)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(count(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
