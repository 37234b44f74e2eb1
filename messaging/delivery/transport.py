"""How requests to gateways travel: pooled connections, time-outs, and Twilio's requests without a session."""

import logging
import time
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient
from twilio.http.response import Response
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from messaging.deadline import MAX_THREADS

logger = logging.getLogger(__name__)

# As many as there may be calls at once.
CONNECTIONS: dict[str, Any] = {"pool_maxsize": MAX_THREADS, "pool_block": False, "max_retries": 0}

MAX_BYTES = 100_000  # of an answer; gateways send some hundreds
# Nothing else is asked for: a few kilobytes in another encoding may hold a gigabyte.
PLAIN = {"Accept-Encoding": "identity"}


def timeouts() -> tuple[float, float]:
    """Return the seconds to connect and the seconds between two reads."""
    return settings.GATEWAY_CONNECT_SECONDS, settings.GATEWAY_READ_SECONDS


def adapter() -> HTTPAdapter:
    """Return as many connections as there may be calls at once; it never retries by itself."""
    return HTTPAdapter(**CONNECTIONS)


def environment(url: str) -> dict[str, Any]:
    """Return the proxies and certificates of the environment.

    They are read once: requests would read them at each call, which was a third of the call's cost.
    """
    merged = requests.Session().merge_environment_settings(url, {}, None, None, None)
    return {"proxies": merged["proxies"], "verify": merged["verify"]}


def pooled(session: requests.Session, url: str) -> requests.Session:
    """Give a session these connections, and the environment as it is now."""
    both = adapter()
    session.mount("https://", both)
    session.mount("http://", both)
    around = environment(url)
    session.proxies, session.verify = around["proxies"], around["verify"]
    session.trust_env = False
    return session


def body_of(answer: Any) -> bytes:
    """Return the body of a gateway's answer as it came. Raises urllib3's HTTPError where it has no end in sight.

    A time-out is that of one read, and nobody ends the thread of a call that was given up (G-01): an answer of any
    length would fill the memory, or occupy a thread for ever.
    """
    body: bytes = answer.read1(MAX_BYTES, decode_content=False)
    until = time.monotonic() + settings.GATEWAY_CAP_SECONDS
    while answer.length_remaining != 0 and (part := answer.read1(MAX_BYTES, decode_content=False)):
        body += part
        if len(body) > MAX_BYTES or time.monotonic() > until:
            answer.close()
            raise HTTPError("an answer without end")
    return body


class Connections(HTTPAdapter):
    """The connections of requests, with its proxies and certificates, but without its requests and answers.

    Those took a third of a call: requests prepares each one anew, and guesses the encoding of an answer.
    """

    def __init__(self, url: str) -> None:
        super().__init__(**CONNECTIONS)
        self.environment = environment(url)
        self.known: dict[str, tuple[Any, bool]] = {}  # by origin

    def ask(self, method: str, url: str, headers: dict[str, str], body: str | None) -> BaseHTTPResponse:
        """Send a request with our own time-outs; follow no redirect. The body of the answer is not read yet.

        Raises urllib3's HTTPError.
        """
        scheme, _, host, path = url.split("/", 3)
        origin = f"{scheme}//{host}"
        pool, by_proxy = self.known.get(origin) or self._get_to_know(origin)
        connect, read = timeouts()
        answer: BaseHTTPResponse = pool.urlopen(
            method,
            url if by_proxy else f"/{path}",
            body=body,
            headers=headers,
            redirect=False,
            retries=False,
            assert_same_host=False,
            preload_content=False,
            timeout=Timeout(connect=connect, read=read),
        )
        return answer

    def _get_to_know(self, origin: str) -> tuple[Any, bool]:
        """Return the connections to a server as requests makes them, and whether a proxy wants the whole address."""
        request = requests.Request("POST", f"{origin}/").prepare()
        proxies, verify = self.environment["proxies"], self.environment["verify"]
        pool = self.get_connection_with_tls_context(request, verify, proxies=proxies)
        self.cert_verify(pool, origin, verify, None)  # type: ignore[no-untyped-call]
        return self.known.setdefault(origin, (pool, self.request_url(request, proxies) == request.url))


class TwilioTransport(HttpClient):
    """Sends the requests of Twilio's library by urllib3, over the connections of requests.

    A token took 1,787 Python calls by a session of requests, 1,467 by its adapter; this way it takes 1,016
    (``python -m benchmarks.counts``).
    """

    def __init__(self, url: str) -> None:
        super().__init__(logger, is_async=False)
        self.connections = Connections(url)

    def request(  # noqa: PLR0913, PLR0917 (the interface of Twilio's library)
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Send a request with our own time-outs; follow no redirect. Raises urllib3's HTTPError."""
        url = f"{uri}?{urlencode(params, doseq=True)}" if params else uri
        sent = {**PLAIN, **(headers or {}), **(_authorization(*auth) if auth else {})}
        answer = self.connections.ask(method.upper(), url, sent, urlencode(data, doseq=True) if data else None)
        return Response(answer.status, body_of(answer).decode(errors="replace"), answer.headers)


@lru_cache(maxsize=8)
def _authorization(user: str, password: str) -> dict[str, str]:
    return make_headers(basic_auth=f"{user}:{password}")
