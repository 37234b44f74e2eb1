"""A program that speaks Sinch's batches and fails as told.   python -m tests.services.fake_sinch PORT

Controlled as the fake Twilio is. What it would not take is answered as Sinch does, with its own code and text.
"""

import json
import secrets
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.services.fake_twilio import Server, State

PLAN = "0123456789abcdef0123456789abcdef"
API_TOKEN = "fake-sinch-api-token"
SENDER = "5511900000000"
LONGEST_WAIT = 60

# HTTP status: Sinch's code and text.
ERRORS = {
    "400": ("syntax_invalid_parameter_format", "Invalid parameter"),
    "401": ("unauthorized", "Unauthorized"),
    "403": ("unknown_originator", "Sender is not allowed"),
    "404": ("not_found", "Service plan not found"),
    "429": ("too_many_requests", "Too many requests"),
    "500": ("internal_error", "Internal error"),
    "503": ("unavailable", "Service unavailable"),
}
STATE = State()


class Handler(BaseHTTPRequestHandler):
    """One connection of the portal's, or of the test."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        wanted = parse_qs(urlsplit(self.path).query).get("to")
        with STATE.lock:
            found = [one for one in STATE.received if not wanted or one["To"] in wanted]
        self.answer(200, found)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
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
            self.create_batch(json.loads(body))

    def create_batch(self, batch: dict[str, Any]) -> None:
        released = STATE.released
        to = "+" + str(batch.get("to", [""])[0])
        kind = self.error_of(batch) or STATE.next_answer(to)
        with STATE.lock:
            STATE.received.append({"at": time.time(), "answer": kind, "To": to, "Body": batch.get("body"), **batch})
        if kind in ERRORS:
            code, text = ERRORS[kind]
            self.answer(int(kind), {"code": code, "text": text})
        elif kind == "hang":
            time.sleep(LONGEST_WAIT)
        else:
            if kind == "hold":
                released.wait(LONGEST_WAIT)
            self.accept(batch)

    def error_of(self, batch: dict[str, Any]) -> str | None:
        """Return the status of what Sinch would not take, looked at in its order."""
        if self.headers.get("Authorization") != f"Bearer {API_TOKEN}":
            return "401"
        if self.path != f"/xms/v1/{PLAN}/batches":
            return "404"
        if batch.get("from") != SENDER:
            return "403"
        to, body = batch.get("to"), batch.get("body")
        good = isinstance(to, list) and len(to) == 1 and str(to[0]).isdigit() and bool(body)
        return None if good and self.lives(batch) and self.reports(batch) else "400"

    def reports(self, batch: dict[str, Any]) -> bool:
        """Tell whether the batch says where its reports go, if it wants any."""
        return batch.get("delivery_report") == "none" or str(batch.get("callback_url")).startswith("http")

    def lives(self, batch: dict[str, Any]) -> bool:
        """Tell whether the batch ends in the future, if it says when it ends."""
        if "expire_at" not in batch:
            return True
        return datetime.fromisoformat(batch["expire_at"]) > datetime.now(UTC)

    def accept(self, batch: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        made = {"id": secrets.token_hex(13).upper(), "canceled": False, "type": "mt_text", "flash_message": False}
        self.answer(201, {**batch, **made, "created_at": now, "modified_at": now})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
