"""The work that the self-hosted captcha asks of a browser. Needs no Django."""

import base64
import hashlib
import json
from typing import Any


def solve(challenge: dict[str, Any]) -> str:
    """Do the work that an ALTCHA challenge asks for."""
    for number in range(challenge["maxNumber"] + 1):
        digest = hashlib.sha256(f"{challenge['salt']}{number}".encode()).hexdigest()
        if digest == challenge["challenge"]:
            solved = {key: challenge[key] for key in ("algorithm", "challenge", "salt", "signature")}
            return base64.b64encode(json.dumps({**solved, "number": number}).encode()).decode()
    raise AssertionError("unsolvable captcha")
