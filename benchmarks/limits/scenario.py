"""What every scenario is made of: its name, its result, and people who sign in."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import User
from benchmarks.limits.people import Outcome, Person

OFFICE, CARRIER, HOME, THIEF = "198.51.100.7", "203.0.113.200", "192.0.2.50", "203.0.113.66"
HOUR, DAY = 3600, 86_400
NOTHING = "–"  # what attackers did where there are none


@dataclass
class Result:
    """One row: what honest people met, and what attackers spent and got."""

    honest: Outcome
    did: str = NOTHING
    sms: int = 0
    emails: int = 0
    note: str = ""


Scenario = Callable[[], Result]
SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    """Register a scenario under the name that the table shows."""

    def register(play: Scenario) -> Scenario:
        SCENARIOS[name] = play
        return play

    return register


def one(user: User, *, known: bool, address: str = HOME) -> Person:
    """Return a person at a known or a new browser."""
    person = Person(user, address)
    return person.make_known() if known else person


def see(*people: Person, channel: str = "sms") -> Outcome:
    """Let people sign in, one after the other; return what they met."""
    outcome = Outcome()
    for person in people:
        person.sign_in(channel=channel)
        outcome.add(person)
    return outcome
