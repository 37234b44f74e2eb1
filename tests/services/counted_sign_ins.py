"""Sign in some people in one process, and count.   python -m tests.services.counted_sign_ins FIRST COUNT GATEWAY

Runs in a portal's own environment, without its web processes and workers: requests go straight into the WSGI
application, tokens are sent by the same flow as a worker's. Prints JSON: Python calls and PostgreSQL's own counters of
one sign-in, of pages behind the gate, the least one among them, and of the worker's part. Counts only:
they are the same on a busy machine.
"""

import gc
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

WARM = 10  # people before the first who is counted: by then each page was rendered, each statement planned for good

STATEMENTS = """
    SELECT coalesce(sum(calls) FILTER (WHERE query !~ '^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)'), 0)::int,
           coalesce(sum(calls) FILTER (WHERE query ~ '^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)'), 0)::int,
           coalesce(sum(plans), 0)::int, coalesce(sum(total_plan_time), 0)::float,
           coalesce(sum(total_exec_time), 0)::float
    FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = current_database() AND query !~ 'pg_stat_statements|pg_current_wal'"""


class Ledger:
    """What was counted so far."""

    def __init__(self) -> None:
        self.calls = 0
        self.requests = 0
        self.on = False

    def note(self, frame: Any, event: str, argument: object) -> None:
        self.calls += event == "call"


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
    calls, requests_before = ledger.calls, ledger.requests
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
    found |= {"calls": ledger.calls - calls, "requests": ledger.requests - requests_before}
    for name, value in found.items():
        into[name] = into.get(name, 0) + value


def count(first: int, number: int, gateway: str) -> dict[str, dict[str, float]]:
    """Return what one sign-in costs, and the pages behind it."""
    import django  # noqa: PLC0415 (in this process only)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    django.setup()

    import psycopg  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415
    from django.http import HttpResponse  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415

    from messaging import urls  # noqa: PLC0415
    from messaging.wsgi import application  # noqa: PLC0415
    from tests.services.browser import Browser  # noqa: PLC0415
    from tests.services.seed import number_of  # noqa: PLC0415

    urls.urlpatterns.append(path("page/", lambda _request: HttpResponse("Behind the door.")))
    ledger = Ledger()
    parts: dict[str, dict[str, float]] = {}
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        for index in range(first, first + WARM + number):
            found = {} if index < first + WARM else parts
            browser = Browser(settings.PUBLIC_URL, f"u{index:03d}", number_of(index), set())
            browser.session.mount(settings.PUBLIC_URL, Straight(application, ledger))

            def part(name: str, into: dict[str, dict[str, float]] = found) -> Any:
                return counted(ledger, into.setdefault(name, {}), database)

            _walk(browser, part, gateway)
    return {name: {fact: value / number for fact, value in facts.items()} for name, facts in parts.items()}


def _walk(browser: Any, part: Callable[[str], Any], gateway: str) -> None:
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
    with part("worker"):
        _deliver(browser.number)
    received = requests.get(f"{gateway}/control/received", {"to": browser.number}, timeout=5).json()
    token = digits(received[-1]["Body"])
    with part("sign-in"):
        answer = browser.post_at_once("/entrar/token/", token=token)
        assert answer.headers.get("Location") == "/", answer.text
        assert browser.get("/meu-perfil/").status_code == 200
    for name, path in (("profile", "/meu-perfil/"), ("home", "/"), ("page", "/page/")):
        with part(name):
            assert browser.get(path).status_code == 200


def _deliver(number: str) -> None:
    from messaging.delivery import flows  # noqa: PLC0415
    from messaging.delivery.models import Message  # noqa: PLC0415

    flows.deliver(Message.objects.filter(destination=number).latest("id").pk)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(count(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
