"""A program that speaks Twilio's Messages resource and fails as told.   python -m tests.services.fake_twilio PORT

Answers by number: ``POST /control/answers`` takes ``{"to": "+55…", "answers": ["hang", "ok"]}``; the last one
stays. ``GET /control/received?to=+55…`` lists the requests, ``POST /control/release`` lets go whatever is on hold.
``slow`` is ``ok`` after 300 ms. ``early-delivered`` (or another status) reports that status to the callback address
before it answers.
"""

import base64
import hashlib
import hmac
import json
import secrets
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "fake-twilio-auth-token"
SERVICE = "MG" + "fedcba9876543210" * 2
LONGEST_WAIT = 60

# Twilio's code: HTTP status and words.
ERRORS = {
    "20003": (401, "Authenticate"),
    "20404": (404, "The requested resource was not found"),
    "20429": (429, "Too Many Requests"),
    "20500": (500, "An internal server error has occurred"),
    "20503": (503, "Service unavailable"),
    "21211": (400, "Invalid 'To' Phone Number"),
    "21408": (403, "Permission to send an SMS has not been enabled for the region"),
    "21602": (400, "Message body is required."),
    "21603": (400, "A 'From' phone number is required."),
    "21604": (400, "A 'To' phone number is required."),
    "21606": (400, "The 'From' phone number provided is not a valid message-capable phone number"),
    "21608": (400, "The number is unverified. Trial accounts cannot send messages to unverified numbers"),
    "21610": (400, "Attempt to send to unsubscribed recipient"),
    "21614": (400, "'To' number is not a valid mobile number"),
    "21635": (400, "'To' number cannot be a landline"),
    "30002": (403, "Account suspended"),
    "30006": (400, "Landline or unreachable carrier"),
    "60410": (403, "Phone number prefix is blocked"),
    "60605": (403, "Destination country is not allowed"),
    "90007": (400, "ValidityPeriod is out of range"),
}


def sign(url: str, fields: dict[str, str]) -> str:
    """Return X-Twilio-Signature as Twilio's security page describes it, made without Twilio's library."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(AUTH_TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


def report(url: str, fields: dict[str, str]) -> int:
    """Post a status callback as Twilio does; return the status it was answered with."""
    headers = {"X-Twilio-Signature": sign(url, fields), "Host": urlsplit(url).netloc}
    request = Request(url, data=urlencode(fields).encode(), headers=headers)
    with urlopen(request, timeout=LONGEST_WAIT) as answer:
        return int(answer.status)


class State:
    """What it was told and what it saw."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answers: dict[str, list[str]] = {}
        self.received: list[dict[str, Any]] = []
        self.released = threading.Event()

    def next_answer(self, to: str) -> str:
        with self.lock:
            answers = self.answers.get(to) or ["ok"]
            return answers.pop(0) if len(answers) > 1 else answers[0]


STATE = State()


class Handler(BaseHTTPRequestHandler):
    """One connection of Twilio's client, or of the test."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        wanted = parse_qs(urlsplit(self.path).query).get("to")
        with STATE.lock:
            found = [one for one in STATE.received if not wanted or one.get("To") in wanted]
        self.answer(200, found)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/control/answers":
            told = json.loads(body)
            with STATE.lock:
                STATE.answers[told["to"]] = told["answers"]
            self.answer(200, {})
        elif self.path == "/control/release":
            STATE.released.set()
            STATE.released = threading.Event()
            self.answer(200, {})
        else:
            self.create_message({name: values[0] for name, values in parse_qs(body).items()})

    def create_message(self, form: dict[str, str]) -> None:
        released = STATE.released
        error = self.error_of(form)
        kind = STATE.next_answer(form.get("To", "")) if error is None else error
        sid = "SM" + secrets.token_hex(16)
        with STATE.lock:
            STATE.received.append({"at": time.time(), "answer": kind, "path": self.path, "sid": sid, **form})
        if kind in ERRORS:
            self.refuse(kind)
        elif kind in {"ok", "slow"}:
            time.sleep(0.3 if kind == "slow" else 0)
            self.accept(form, sid)
        elif kind == "hold":
            released.wait(LONGEST_WAIT)
            self.accept(form, sid)
        elif kind.startswith("early-"):
            report(form["StatusCallback"], {"MessageSid": sid, "MessageStatus": kind.removeprefix("early-")})
            self.accept(form, sid)
        else:
            getattr(self, kind)()

    def error_of(self, form: dict[str, str]) -> str | None:
        """Return the code of what Twilio would not take, looked at in Twilio's order."""
        expected = base64.b64encode(f"{SID}:{AUTH_TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            return "20003"
        if self.path != f"/2010-04-01/Accounts/{SID}/Messages.json":
            return "20404"
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return "21604"
        wanted = {"21604": "To" in form, "21602": "Body" in form}
        wanted["21603"] = "From" in form or form.get("MessagingServiceSid") == SERVICE
        wanted["90007"] = 1 <= int(form.get("ValidityPeriod", "36000")) <= 36000
        return next((code for code, holds in wanted.items() if not holds), None)

    def accept(self, form: dict[str, str], sid: str) -> None:
        now = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
        service = form.get("MessagingServiceSid")
        resource = {
            "body": form["Body"],
            "num_segments": "0" if service else "1",
            "direction": "outbound-api",
            "from": form.get("From"),
            "date_updated": now,
            "price": None,
            "error_message": None,
            "uri": f"/2010-04-01/Accounts/{SID}/Messages/{sid}.json",
            "account_sid": SID,
            "num_media": "0",
            "to": form["To"],
            "date_created": now,
            "status": "accepted" if service else "queued",
            "sid": sid,
            "date_sent": None,
            "messaging_service_sid": service,
            "error_code": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "subresource_uris": {"media": f"/2010-04-01/Accounts/{SID}/Messages/{sid}/Media.json"},
        }
        self.answer(201, resource)

    def refuse(self, code: str) -> None:
        status, message = ERRORS[code]
        more = f"https://www.twilio.com/docs/errors/{code}"
        self.answer(status, {"code": int(code), "message": message, "more_info": more, "status": status})

    def hang(self) -> None:
        """Take the request and never answer."""
        time.sleep(LONGEST_WAIT)

    def reset(self) -> None:
        """Take the request and hang up."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def drip_headers(self) -> None:
        """Answer at once, one byte at a time, without ever coming to the body."""
        self.wfile.write(b"HTTP/1.1 201 CREATED\r\nX-Slow: ")
        self.drip()

    def drip_body(self) -> None:
        """Answer at once, and never finish the body."""
        self.wfile.write(b'HTTP/1.1 201 CREATED\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"')
        self.drip()

    def drip(self) -> None:
        until = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < until:
            self.wfile.write(b"a")
            time.sleep(0.5)
        self.close_connection = True

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """As many connections as come, none waited for at the end."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Stay silent about clients that hang up on a drip."""


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
