"""How many wrong passwords are allowed, and from whom (B-01 to B-05).

Only wrong passwords are counted, by the name that was typed, so that nobody learns who exists. The counters are read in
the statement that finds the person, so a right password costs nothing more. Nobody is refused because of what others
did:

* A known browser (``accounts/auth/known_browsers.py``) has a counter of its own for each of its people. When that is
  used up it counts as a new one, because somebody who shares a browser can copy its cookie and guess elsewhere.
* All others are new browsers. A login or an address that fails is asked for a captcha, whose work grows; only the same
  login from the same address is refused. After a hundred wrong passwords for a login (NIST SP 800-63B, 3.2.2) new
  browsers need a link from the mailbox, which makes them known ones.

The login and the address of a person share the counts of an hour and longer. When the limit was reached under the
other name the answer is that of a wrong password: another answer would tell that the two names are one person's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from accounts.models import User
from accounts.rate_limits import (
    Usage,
    Window,
    count,
    forget,
    hidden,
    is_running_of,
    load_of,
    network,
    slot,
    waits_of,
    windows,
    windows_of_networks,
)

ANYWHERE = "password_anywhere"
RequireCaptcha = Callable[[int], None]  # its argument is the step of the captcha's work, as in ``Restrictions.step``


@dataclass(frozen=True, slots=True)
class PasswordWindows:
    """The windows for a password in a new browser.

    ``of_pair`` are those of login and address together, ``of_name`` those of the login from anywhere, ``of_person``
    those of the person by either name, ``of_captcha`` those that lead to a captcha.
    """

    of_pair: tuple[Window, ...]
    of_name: tuple[Window, ...]
    of_person: tuple[Window, ...]
    of_captcha: tuple[Window, ...]

    @classmethod
    def of(cls, login: str, ip: str | None) -> "PasswordWindows":
        """Return the windows of a login from an address."""
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

    def with_slots(self) -> tuple["PasswordWindows", dict[str, str]]:
        """Return it with slots instead of keys, and the keys: a statement is built once for all keys."""
        keys = {window.key: f"key{number}" for number, window in enumerate(self.all_windows)}
        groups = (self.of_pair, self.of_name, self.of_person, self.of_captcha)
        slots = [tuple(_renamed(window, keys[window.key]) for window in group) for group in groups]
        return PasswordWindows(*slots), {name: key for key, name in keys.items()}

    def annotate(self, people: QuerySet[User]) -> QuerySet[User]:
        """Add the seconds for which no password may be tried from here, and the load that sets the captcha's work."""
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
    """What a password attempt has to wait for or do first: seconds, and the load that decides the captcha's work."""

    pair_wait: int = 0
    name_wait: int = 0
    load: int = 0

    @classmethod
    def of(cls, row: User | None) -> "Restrictions":
        """Return it from any person's row with ``PasswordWindows.annotate``; None where there are no people."""
        facts: Any = row
        return cls(facts.pair_wait or 0, facts.name_wait or 0, facts.load or 0) if row else cls()

    @property
    def step(self) -> int:
        """Return how often the captcha's work is doubled, counted from one; 0 when no captcha is required."""
        return self.load.bit_length()


def count_wrong_password(login: str, ip: str | None, person: User | None) -> list[Usage]:
    """Count a wrong password of a new browser in one statement: for the typed name, and for both names of a person."""
    other = [name for name in (person.username, person.email) if name != _name(login)] if person else []
    more = [window for name in other for window in _of_either_name(name, ip)]
    return count(dict.fromkeys([*PasswordWindows.of(login, ip).all_windows, *more]))


def forget_series(person: User, ip: str | None) -> None:
    """Clear wrong passwords that were followed by a sign-in of a new browser: they are no longer in a row.

    Those from everywhere, and those from this address (NIST SP 800-63B, 3.2.2). The captcha's counts stay. A sign-in of
    a known browser clears none: it would give guessers elsewhere a hundred more each morning.
    """
    names, here = names_of(person), network(ip)
    forget(Q(key__in=[key for name in names for key in (f"{ANYWHERE} {name}", f"password_from_address {name} {here}")]))


def count_on_known_browser(person: User, browser: str) -> None:
    """Count a wrong password of a known browser, in its own counter only."""
    count(windows("password_known", f"{person.pk} {browser}"))


def own_windows(person: User, browser: str) -> list[Window]:
    """Return the windows of a signed-in person's wrong passwords: for each known browser, and for all others together.

    A stolen session without the known browser cannot use up its owner's.
    """
    return windows("reauthentication", f"{person.pk} {browser or 'new'}")


def _of_either_name(name: str, ip: str | None) -> list[Window]:
    """Return the windows that a name shares with the person's other one: an hour and longer, not the short one."""
    key = f"#{hidden(_name(name))}"
    shared = [*windows("password_from_address", f"{key} {network(ip)}"), *windows(ANYWHERE, key)]
    return [window for window in shared if window.seconds >= settings.HOUR]


def _of_known_browser(_key: str) -> Any:
    """Return the key of the person's counter in the browser that the statement gets as a slot."""
    parts = (Value("password_known "), Cast(OuterRef("pk"), CharField()), Value(" "), slot("browser"))
    return Concat(*parts, output_field=CharField())


def names_of(person: User) -> list[str]:
    """Return the names under which a person's wrong passwords are counted."""
    names = [hidden(_name(name)) for name in (person.username, person.email)]
    return [*names, *(f"#{name}" for name in names)]


def _renamed(window: Window, key: str) -> Window:
    # Not by dataclasses.replace, which looks at every field: this runs for some ten windows of each password.
    return Window(key, window.seconds, window.limit, window.scope)


def _name(login: str) -> str:
    """Return the name of a login in the counters; it is hashed, because people type passwords into the wrong field."""
    return login.strip().lower()
