"""A program that speaks reCAPTCHA's siteverify over HTTPS.   python -m tests.services.fake_siteverify PORT CERT KEY

What a token says before its first dot is what it gets: ``success.…``, ``careless.…``, ``otherhost.…``,
``nohost.…``, ``refused.…``, ``http503.…``, ``nonsense.…``, ``array.…``, ``empty.…``, ``hang.…``,
``drip.…``, ``reset.…``. A token is good once, as Google's are, except a ``careless`` one.
"""

import json
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

SECRET = "fake-recaptcha-private-key-0123456789ab"
LONGEST_WAIT = 30
SEEN: set[str] = set()
LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One question of the portal's."""

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        token = form.get("response", "")
        with LOCK:
            duplicate = token in SEEN
            SEEN.add(token)
        if form.get("secret") != SECRET or self.path != "/recaptcha/api/siteverify":
            self.answer({"success": False, "error-codes": ["invalid-input-secret"]})
        elif duplicate and not token.startswith("careless."):
            self.answer({"success": False, "error-codes": ["timeout-or-duplicate"]})
        else:
            getattr(self, token.partition(".")[0], self.refused)()

    def success(self, hostname: str = "localhost") -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.answer({"success": True, "challenge_ts": now, "hostname": hostname})

    def careless(self) -> None:
        self.success()

    def otherhost(self) -> None:
        self.success("phishing.example")

    def nohost(self) -> None:
        self.answer({"success": True})

    def refused(self) -> None:
        self.answer({"success": False, "error-codes": ["invalid-input-response"]})

    def http503(self) -> None:
        self.answer({"success": True, "hostname": "localhost"}, 503)

    def nonsense(self) -> None:
        self.send(b"<html>success</html>")

    def array(self) -> None:
        self.answer(["success", True])

    def empty(self) -> None:
        self.send(b"")

    def hang(self) -> None:
        time.sleep(LONGEST_WAIT)

    def reset(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def drip(self) -> None:
        """Answer something good, one byte in half a second."""
        for byte in b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps({"success": True, "hostname": "localhost"}).encode():
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.5)

    def answer(self, content: object, status: int = 200) -> None:
        self.send(json.dumps(content).encode(), status)

    def send(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """HTTPS, each handshake in its connection's own thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, certificate: str, key: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: Any) -> None:
        """Stay silent about clients that hang up."""


if __name__ == "__main__":
    Server(int(sys.argv[1]), sys.argv[2], sys.argv[3]).serve_forever()
