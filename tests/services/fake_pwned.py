"""The range API of leaked passwords, in a process of its own: `python -m tests.services.fake_pwned PORT MODE`."""

import hashlib
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SILENCE = 30  # seconds
LEAKED = "xkvqz leaked wmfht rpdl"


class Range(BaseHTTPRequestHandler):
    """Answers as its mode says: the leaked password's suffix, or nothing in time, or nonsense."""

    mode = "answers"

    def do_GET(self) -> None:
        if self.mode == "hangs":
            time.sleep(SILENCE)
        digest = hashlib.sha1(LEAKED.encode(), usedforsecurity=False).hexdigest().upper()
        known = digest[5:] if self.path == f"/range/{digest[:5]}" else "0" * 35
        body = b"nonsense" if self.mode == "stammers" else f"{known}:42\r\n{'1' * 35}:0".encode()
        self.send_response(503 if self.mode == "fails" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Range.mode = sys.argv[2]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Range).serve_forever()
