"""The scenarios of the limits: the document shows what the program plays (B-18)."""

import re
from typing import Any

import pytest

from benchmarks.limits.__main__ import HEAD, cells
from benchmarks.limits.scenarios import SCENARIOS
from tests.tools import ROOT

pytestmark = pytest.mark.django_db


def rows_of_the_document() -> list[list[str]]:
    text = (ROOT / "docs" / "security.md").read_text()
    table = text.split("<!-- python -m benchmarks.limits -->\n")[1].split("<!-- end -->")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]


def test_the_document_shows_what_was_played_and_names_the_rest() -> None:
    """B-18: a day of each kind of attacker, in messages and in money."""
    head, _rule, *rows = rows_of_the_document()
    assert tuple(head[: len(HEAD)]) == HEAD
    shown = [row[0] for row in rows]
    assert shown == [name for name in SCENARIOS if name in shown]
    document = (ROOT / "docs" / "security.md").read_text()
    assert [name for name in SCENARIOS if name not in document] == []
    assert all(re.fullmatch(r"[\d,]+\.\d\d", row[-1]) for row in rows)


@pytest.mark.parametrize(
    "name", [name for name in SCENARIOS if "forget" in name or "1 stolen" in name or "crowds" in name]
)
def test_a_quick_scenario_holds_what_is_promised(name: str, settings: Any) -> None:
    """B-01: nobody is refused, a known browser waits 0 s, a new one under two minutes."""
    settings.ALTCHA_MOST_WORK = 2500  # as far above the tests' work as where it ships
    honest = SCENARIOS[name]().honest
    assert honest.people > 0
    assert (honest.refused, honest.known_wait) == (0, 0)
    assert (honest.new_wait or 0) < 120


def test_a_refusal_is_shown_as_one() -> None:
    """B-18: honest figures: a row that does not hold says so."""
    result = SCENARIOS["1 stolen password, a day"]()
    result.honest.refused, result.honest.why = 2, {"token": 2}
    assert "**2** (2 × token)" in cells("x", result, 0.05)
