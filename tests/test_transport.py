"""Requests to a gateway as they leave: certificates, proxies, time-outs, connections. The servers are on loopback."""

import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from urllib3.exceptions import HTTPError, ProxyError, ReadTimeoutError, SSLError

from messaging.delivery.transport import TwilioTransport
from tests.services.parts import make_certificate
from tests.services.programs import wait_for

# What is sent again and again, and after how many seconds each time.
ENDLESS = {"/flood": (b" " * 65_536, 0), "/drip": (b" ", 0.02)}
FORM = {"To": "+5511987654321", "Body": "o seu código é 123456 & +"}


class Server(ThreadingHTTPServer):
    """A server on loopback that keeps what it was asked."""

    daemon_threads = True

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[dict[str, Any]] = []
        self.accepted = 0
        self.silent, self.ended, self.sent = False, threading.Event(), 0
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.origin = f"{'https' if certificate else 'http'}://localhost:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.accepted += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients here hang up on purpose."""


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.asked.append({"path": self.path, "headers": self.headers, "form": parse_qs(body)})
        if self.server.silent:
            self.server.ended.wait(30)
        if without_end := ENDLESS.get(self.path):
            self.send_without_end(*without_end)
            return
        status = 307 if "moved" in self.path else 201
        answer = '{"sid": "SMé"}'.encode()
        self.send_response(status)
        if "packed" in self.path:
            answer = gzip.compress(b" " * 10_000_000)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def send_without_end(self, part: bytes, seconds: float) -> None:
        """Send the same part again and again, until the client hangs up."""
        self.send_response(201)
        self.send_header("Content-Length", str(10**12))
        self.end_headers()
        while not self.server.ended.wait(seconds):
            self.wfile.write(part)
            self.server.sent += len(part)

    def do_CONNECT(self) -> None:
        self.server.asked.append({"path": self.path, "headers": self.headers, "method": "CONNECT"})
        self.send_error(403)

    def log_message(self, *_args: Any) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        server.ended.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def serve(servers: list[Server], certificate: tuple[Path, Path] | None = None) -> Server:
    servers.append(Server(certificate))
    return servers[-1]


def post(origin: str, path: str = "/Messages.json", transport: TwilioTransport | None = None) -> Any:
    return (transport or TwilioTransport(origin)).request("POST", origin + path, data=FORM, auth=("AC1", "sécret"))


def test_a_form_arrives_as_it_was_meant(servers: list[Server]) -> None:
    server = serve(servers)
    answer = post(server.origin, "/2010/Messages.json")
    (asked,) = server.asked
    assert asked["path"] == "/2010/Messages.json"
    assert asked["form"] == {name: [value] for name, value in FORM.items()}
    assert asked["headers"]["Authorization"] == "Basic QUMxOnPpY3JldA=="  # as requests encodes it
    assert (answer.status_code, answer.text) == (201, '{"sid": "SMé"}')


def test_a_connection_is_used_again(servers: list[Server]) -> None:
    server = serve(servers)
    transport = TwilioTransport(server.origin)
    for _ in range(3):
        post(server.origin, transport=transport)
    assert (len(server.asked), server.accepted) == (3, 1)


def test_a_redirect_is_not_followed(servers: list[Server]) -> None:
    """G-01: it would carry number and token elsewhere."""
    server = serve(servers)
    assert post(server.origin, "/moved").status_code == 307
    assert len(server.asked) == 1


def test_a_silent_server_is_given_up_and_asked_once(servers: list[Server], settings: Any) -> None:
    """G-01, F29: a second request could be a second SMS."""
    settings.GATEWAY_READ_SECONDS = 0.2
    server = serve(servers)
    server.silent = True
    with pytest.raises(ReadTimeoutError):
        post(server.origin)
    wait_for(lambda: server.asked)  # a busy machine may read it only now
    assert len(server.asked) == 1


@pytest.mark.parametrize("path", ENDLESS)
def test_an_answer_without_end_is_given_up(servers: list[Server], settings: Any, path: str) -> None:
    """G-01, F27: it neither fills the memory nor keeps its thread, of which all calls together have so many."""
    settings.GATEWAY_CAP_SECONDS = 0.5
    server = serve(servers)
    with pytest.raises(HTTPError):
        post(server.origin, path)
    assert server.sent < 100_000_000  # what the sockets' buffers hold is sent too


def test_an_answer_of_a_few_kilobytes_does_not_grow(servers: list[Server]) -> None:
    """What is packed is not asked for, and is not unpacked."""
    server = serve(servers)
    assert len(post(server.origin, "/packed").text) < 100_000
    assert server.asked[0]["headers"]["Accept-Encoding"] == "identity"


def test_a_certificate_that_nobody_vouches_for_is_refused(servers: list[Server], tmp_path: Path) -> None:
    server = serve(servers, make_certificate(tmp_path))
    with pytest.raises(SSLError):
        post(server.origin)
    assert server.asked == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_certificate_of_the_environments_bundle_is_taken(
    servers: list[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    certificate, key = make_certificate(tmp_path)
    monkeypatch.setenv(name, str(certificate))
    server = serve(servers, (certificate, key))
    assert post(server.origin).status_code == 201
    address, lookup = str(server.server_address[0]), socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **options: lookup(address, *rest, **options))
    with pytest.raises(SSLError):  # it is not for this name
        post(server.origin.replace("localhost", "gateway.example"))
    assert len(server.asked) == 1


def test_plain_requests_go_to_a_proxy_by_their_whole_address(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(servers)
    monkeypatch.setenv("HTTP_PROXY", proxy.origin.replace("http://", "http://us:er@"))
    assert post("http://gateway.example").status_code == 201
    (asked,) = proxy.asked
    assert asked["path"] == "http://gateway.example/Messages.json"
    assert asked["headers"]["Proxy-Authorization"] == "Basic dXM6ZXI="


def test_requests_by_tls_go_through_a_proxy_that_reads_nothing(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(servers)
    monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
    with pytest.raises(HTTPError) as refused:
        post("https://gateway.example")
    assert isinstance(refused.value, ProxyError | OSError)
    (asked,) = proxy.asked
    assert (asked["method"], asked["path"]) == ("CONNECT", "gateway.example:443")
    assert "Authorization" not in asked["headers"]


def test_a_host_that_needs_no_proxy_is_asked_directly(servers: list[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(servers), serve(servers)
    monkeypatch.setenv("HTTP_PROXY", proxy.origin)
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert post(server.origin).status_code == 201
    assert (len(server.asked), proxy.asked) == (1, [])
