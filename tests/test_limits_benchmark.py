"""The scenarios of the limits: the document shows what the program plays (B-18)."""

import re
from collections import Counter
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from benchmarks.limits import attackers, people
from benchmarks.limits.__main__ import HEAD, cells, price_of_honest_people
from benchmarks.limits.scenarios import SCENARIOS
from tests.tools import ROOT
from twofactor.tokens import worst_day

pytestmark = pytest.mark.django_db

# What was played, and whose worst day it is.
STAYS_WITHIN = {
    "1 stolen password, a day": "one stolen password",
    "the same where the account takes no tokens by e-mail": "all passwords of an account of 40, stolen",
    "20 stolen passwords of one account of 40 people, a day": "all passwords of an account of 40, stolen",
    "two outsiders at one victim's phone and mailbox": "an account, at a number without a login",
}


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


def test_the_document_states_the_worst_day_of_each_kind_of_attacker() -> None:
    """B-18: `manage.py limits --worst-day` prints it of the limits in force, and the scenarios stay within it."""
    out = StringIO()
    call_command("limits", "--worst-day", stdout=out)
    document = (ROOT / "docs" / "security.md").read_text()
    assert document.split("<!-- manage.py limits --worst-day -->\n")[1].split("<!-- end -->")[0] == out.getvalue()
    most = {day.who: day.sms for day in worst_day.all_of_them()}
    played = {row[0]: int(row[7].replace(",", "")) for row in rows_of_the_document()[2:]}
    for scenario, who in STAYS_WITHIN.items():
        assert played[scenario] <= most[who], scenario


def test_the_worst_day_is_printed_at_the_price_that_is_paid() -> None:
    """B-18: of one SMS, in US$."""
    out = StringIO()
    call_command("limits", "--worst-day", "--price", "0.25", stdout=out)
    head, _rule, *rows = out.getvalue().splitlines()
    assert "| US$ at 0.25 |" in head
    costs = {cells[1]: (cells[2], cells[4]) for cells in (re.split(r"\s*\|\s*", row) for row in rows)}
    assert costs == {day.who: (f"{day.sms:,}", f"{day.sms / 4:,.2f}") for day in worst_day.all_of_them()}
    call_command("limits", "--price", "0.25", stdout=(without := StringIO()))
    assert without.getvalue().startswith("| what | limit |")


@pytest.mark.parametrize("scope", ["account", "person", "system", "phone_typed"])
def test_the_worst_day_follows_the_limits(scope: str, settings: Any) -> None:
    """B-18: who changes a limit reads what it costs."""
    before = worst_day.all_of_them()
    settings.LIMITS = {**settings.LIMITS, scope: [(7, 86_400)]}
    assert worst_day.all_of_them() != before


QUICK = ("forget", "1 stolen", "crowds", "no tokens by e-mail")


@pytest.mark.parametrize("name", [name for name in SCENARIOS if any(part in name for part in QUICK)])
def test_a_quick_scenario_holds_what_is_promised(name: str, settings: Any) -> None:
    """B-01: nobody is refused, a known browser waits 0 s, a new one under two minutes."""
    settings.ALTCHA_MAX_WORK = 2500  # as far above the tests' work as where it ships
    honest = SCENARIOS[name]().honest
    assert honest.people > 0
    assert (honest.refused, honest.known_wait) == (0, 0)
    assert (honest.new_wait or 0) < 120


def test_a_guesser_gets_past_every_captcha(settings: Any) -> None:
    """B-04: else the figures of the botnet are those of attackers who give up at the first captcha."""
    settings.ALTCHA_MAX_WORK = 2500
    (victim,) = people.users(1, people.account())
    steps = [attackers.guess(victim.username, f"192.0.2.{number}") for number in range(105)]
    assert sum(step >= 0 for step in steps) == 100
    assert sum(step > 0 for step in steps) == 90


def test_an_honest_sign_in_costs_one_sms() -> None:
    """B-18: where nobody attacks and nobody asks again; the program prints it."""
    played = SCENARIOS["an office in which three people forget their password"]()
    honest = Counter({"SMS": attackers.messages()[0], "sign-ins": people.finished_sign_ins()})
    assert honest == {"SMS": 40, "sign-ins": 40}  # ten of thirty signed in on a day long ago, too
    assert played.honest.asked_again == 0
    assert "1.000 SMS a finished sign-in (40 of 40)" in price_of_honest_people(honest)


def test_sms_that_people_ask_for_again_are_counted_apart() -> None:
    (user,) = people.users(1, people.account())
    person = people.Person(user, "192.0.2.50")
    assert person.sign_in(resend=True)
    honest = Counter(
        {"SMS": attackers.messages()[0], "sign-ins": people.finished_sign_ins(), "asked again": person.asked_again}
    )
    assert "2.000 SMS a finished sign-in (2 of 1); 1.000 without the 1" in price_of_honest_people(honest)


def test_a_refusal_is_shown_as_one() -> None:
    """B-18: honest figures: a row that does not hold says so."""
    result = SCENARIOS["1 stolen password, a day"]()
    result.honest.refused, result.honest.why = 2, {"token": 2}
    assert "**2** (2 × token)" in cells("x", result, 0.05)
