"""The work that the self-hosted captcha asks of a browser. Needs no Django."""

import base64
import hashlib
import json
import re
from html import unescape
from typing import Any

import altcha


def challenge_in(page: str) -> dict[str, Any] | None:
    """Return the challenge of the captcha on a page, if it has one."""
    found = re.search(r'<altcha-widget challenge(?:json)?="([^"]+)"', page)
    return json.loads(unescape(found[1])) if found else None


def solve(asked: dict[str, Any]) -> str:
    """Do the work that an ALTCHA challenge asks for."""
    if "salt" in asked:
        return _solve_version_1(asked)
    challenge = altcha.Challenge.from_dict(asked)
    solution = altcha.solve_challenge(challenge)
    assert solution, "unsolvable captcha"
    return altcha.Payload(challenge, solution).to_base64()


def _solve_version_1(asked: dict[str, Any]) -> str:
    """Do the work of the protocol before, which the last release still speaks."""
    for number in range(asked["maxNumber"] + 1):
        if hashlib.sha256(f"{asked['salt']}{number}".encode()).hexdigest() == asked["challenge"]:
            solved = {key: asked[key] for key in ("algorithm", "challenge", "salt", "signature")}
            return base64.b64encode(json.dumps({**solved, "number": number}).encode()).decode()
    raise AssertionError("unsolvable captcha")


def challenge_on(answer: Any) -> dict[str, Any]:
    """Return the captcha's challenge on a page."""
    challenge = challenge_in(answer.content.decode())
    assert challenge, "no captcha"
    return challenge
