"""How many wrong passwords are allowed, and from whom (B-01 to B-05).

Only wrong passwords are counted, by what was typed, so that nobody learns who exists; the counters are read in the
statement that finds the person, so a right password costs nothing more. Nobody is refused because of what others did:

* A known browser (``accounts/auth/known_browsers.py``) has a counter of its own for each of its people. Where that is
  used up it counts as a new one: whoever shares a browser can copy its cookie and guess elsewhere.
* All others are new browsers. A login or an address that fails is asked for a captcha, whose work grows; refused is
  only the same login from the same address. At a hundred wrong passwords for a login (NIST SP 800-63B, 3.2.2) new
  browsers need a link from the mailbox, which makes them known ones.

Login and address of one person are two names but one count by the hour and more. Where that was reached under the
other name the answer is that of a wrong password: another one would tell that the two names are one person's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from accounts.models import User
from accounts.rate_limits import (
    Balance,
    Window,
    count,
    forget,
    hidden,
    is_running_of,
    load_of,
    network,
    of_names,
    seconds_until_free,
    slot,
    waits_of,
    windows,
    windows_of_networks,
)

ANYWHERE = "password_anywhere"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The windows that the password of a new browser is tried against.

    ``of_pair`` are those of login and address, ``of_name`` of the login from anywhere, ``of_person`` of the person by
    whatever name, ``of_captcha`` those that ask for a captcha.
    """

    of_pair: tuple[Window, ...]
    of_name: tuple[Window, ...]
    of_person: tuple[Window, ...]
    of_captcha: tuple[Window, ...]

    @classmethod
    def of(cls, login: str, ip: str | None) -> "Attempt":
        """Return the attempt of a login from an address."""
        name = hidden(_name(login))
        return cls(
            of_pair=tuple(windows("password_from_address", f"{name} {network(ip)}")),
            of_name=tuple(windows(ANYWHERE, name)),
            of_person=tuple(_of_either_name(login, ip)),
            of_captcha=(*windows("password", name), *windows_of_networks("address_passwords", ip)),
        )

    @property
    def all_windows(self) -> list[Window]:
        """Return every window, in one order."""
        return [*self.of_pair, *self.of_name, *self.of_person, *self.of_captcha]

    def with_slots(self) -> tuple["Attempt", dict[str, str]]:
        """Return it with slots for keys, and what goes into them: a statement is built once for all keys."""
        keys = {window.key: f"key{number}" for number, window in enumerate(self.all_windows)}
        groups = (self.of_pair, self.of_name, self.of_person, self.of_captcha)
        slots = [tuple(replace(window, key=keys[window.key]) for window in group) for group in groups]
        return Attempt(*slots), {name: key for key, name in keys.items()}

    def annotate(self, people: QuerySet[User]) -> QuerySet[User]:
        """Add the seconds for which no password may be tried from here, and the load that the captcha grows with."""
        waits = {
            "pair_wait": waits_of(self.of_pair, slot),
            "name_wait": waits_of(self.of_name, slot),
            "person_wait": waits_of(self.of_person, slot),
            "known_wait": waits_of(windows("password_known", ""), _of_known_browser),
            "load": load_of(self.of_captcha, slot),
        }
        failed = is_running_of((*self.of_pair, *self.of_name, *self.of_person), slot)
        return people.annotate(failed_before=failed, **{name: Subquery(found[:1]) for name, found in waits.items()})


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What keeps a password from being tried: seconds to wait, and how often the captcha's limit is used up."""

    pair_wait: int = 0
    name_wait: int = 0
    load: int = 0

    @classmethod
    def of(cls, attempt: Attempt, user: User | None) -> "Restrictions":
        """Return it from the person's row, where there is one, else from the counters alone: the same either way."""
        if user is not None:
            facts: Any = user
            return cls(facts.pair_wait or 0, facts.name_wait or 0, facts.load or 0)
        load = load_of(attempt.of_captcha).first() or 0
        return cls(seconds_until_free(attempt.of_pair), seconds_until_free(attempt.of_name), load)

    @property
    def step(self) -> int:
        """Return how often the captcha's work is doubled, counted from one; 0 when none is asked for."""
        return self.load.bit_length()


def count_wrong_password(login: str, ip: str | None, person: User | None) -> list[Balance]:
    """Count a wrong password of a new browser, in one statement: for the name typed, and for both that a person has."""
    other = [name for name in (person.username, person.email) if name != _name(login)] if person else []
    more = [window for name in other for window in _of_either_name(name, ip)]
    return count(dict.fromkeys([*Attempt.of(login, ip).all_windows, *more]))


def forget_series(person: User, ip: str | None) -> None:
    """Forget wrong passwords that were followed by a sign-in of a new browser: they are no longer in a row.

    From everywhere, and from this address (NIST SP 800-63B, 3.2.2). The captcha's counts stay. A sign-in of a known
    browser forgets none: guesses elsewhere never reach it, and it would give them a hundred more each morning.
    """
    names = names_of(person)
    pairs = [f"password_from_address {name} {network(ip)}" for name in names]
    forget(of_names([ANYWHERE], names) | Q(key__in=pairs))


def count_on_known_browser(person: User, browser: str) -> None:
    """Count a wrong password of a known browser, where nothing else counts."""
    count(windows("password_known", f"{person.pk} {browser}"))


def own_windows(person: User, browser: str) -> list[Window]:
    """Return what somebody who is signed in may type wrong: for each known browser, and for all others together.

    A stolen session without the known browser cannot use up its owner's.
    """
    return windows("reauthentication", f"{person.pk} {browser or 'new'}")


def _of_either_name(name: str, ip: str | None) -> list[Window]:
    """Return what a name shares with the person's other one: an hour and more. The short window is for slips."""
    key = f"#{hidden(_name(name))}"
    shared = [*windows("password_from_address", f"{key} {network(ip)}"), *windows(ANYWHERE, key)]
    return [window for window in shared if window.seconds >= settings.HOUR]


def _of_known_browser(_key: str) -> Any:
    """Return the key of the person's counter on the browser that the statement is told."""
    parts = (Value("password_known "), Cast(OuterRef("pk"), CharField()), Value(" "), slot("browser"))
    return Concat(*parts, output_field=CharField())


def names_of(person: User) -> list[str]:
    """Return the names under which a person's wrong passwords are counted."""
    names = [hidden(_name(name)) for name in (person.username, person.email)]
    return [*names, *(f"#{name}" for name in names)]


def _name(login: str) -> str:
    """Return a login as it is counted; logins are hidden, for people type passwords into the wrong field."""
    return login.strip().lower()


Pay = Callable[[int], None]
