"""J-04: a record is one line, whatever is in it."""

import io
import json
import logging
import logging.config
from datetime import datetime
from typing import Any

import pytest

from tests.tools import production, settings_with

pytestmark = pytest.mark.django_db


INJECTIONS = [
    "\r\nFORGED",
    "\nFORGED",
    "\rFORGED",
    "\x1b[2K\x1b[1GFORGED",
    "\u2028FORGED",
    "\u2029FORGED",
    "\x85FORGED",
]
INJECTIONS += ["\x0bFORGED", "\x0cFORGED", "\x00FORGED", "\u202eFORGED"]


def written(log_format: str, *, error: Exception | None = None, text: str = "") -> str:
    """Return what the portal's own console handler makes of a record."""
    made = settings_with(EMBEDDED="1", LOG_FORMAT=log_format)["LOGGING"]
    maker: Any = logging.config.DictConfigurator(made)
    paper = io.StringIO()
    handler = logging.StreamHandler(paper)
    handler.setFormatter(maker.configure_formatter(made["formatters"][made["handlers"]["console"]["formatter"]]))
    for name in made["handlers"]["console"]["filters"]:
        handler.addFilter(maker.configure_filter(made["filters"][name]))
    facts = {"name": "the.logger", "levelname": "WARNING", "msg": "refused: %s", "args": (text,)}
    handler.handle(logging.makeLogRecord({**facts, "exc_info": (type(error), error, None) if error else None}))
    return paper.getvalue()


@pytest.mark.parametrize("injection", INJECTIONS, ids=ascii)
@pytest.mark.parametrize("log_format", ["line", "json"])
def test_a_record_is_one_line_whatever_is_in_it(log_format: str, injection: str) -> None:
    """J-04."""
    line = written(log_format, text=f"a{injection}")
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert "FORGED" in line
    assert all(sign.isprintable() for sign in line[:-1])


@pytest.mark.parametrize("injection", INJECTIONS, ids=ascii)
@pytest.mark.parametrize("log_format", ["line", "json"])
def test_an_exception_cannot_forge_a_record(log_format: str, injection: str) -> None:
    """J-04: its text may come from a client; whatever follows the record's own line is indented."""
    _first, *rest = written(log_format, error=ValueError(f"a{injection}"), text="x").splitlines()
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert bool(rest) == (log_format == "line")


def test_a_json_record_says_all_of_it() -> None:
    """J-01, J-04."""
    entry = json.loads(written("json", text="ção\u2028", error=ValueError("why")))
    assert entry.pop("exception") == "ValueError: why"
    assert datetime.fromisoformat(entry.pop("at")).tzinfo
    assert entry == {"level": "warning", "logger": "the.logger", "request_id": "-", "message": "refused: ção\u2028"}


def test_a_json_record_without_an_exception_has_none() -> None:
    assert "exception" not in json.loads(written("json", text="x"))


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [({"EMBEDDED": "1"}, "line"), (production(), "json"), (production(LOG_FORMAT="line"), "line")],
    ids=["embedded", "production", "chosen"],
)
def test_production_logs_for_machines(environment: dict[str, str], chosen: str) -> None:
    """Issue 3, point 9."""
    assert settings_with(**environment)["LOGGING"]["handlers"]["console"]["formatter"] == chosen
