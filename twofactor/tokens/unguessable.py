"""Attempts at what nobody can guess, recovery codes and passkeys: they do not wait for the lockout schedule (B-12).

Somebody who knows the password can cause the pause by wrong tokens, and after a hundred of them no token is taken any
more. A recovery code has 66 bits or more and a passkey signs, so neither needs the schedule (NIST SP 800-63B, 3.1.2.2,
requires a limit below 64 bits). Before the pause a wrong one counts with the wrong tokens (L-02). During the pause it
counts apart, for each known browser or network: it neither makes the pause longer nor adds to the hundred. A wrong one
waits after five a day. A right one never waits, whatever others typed in that network: nobody guesses one, so a limit
of right ones would stop no attacker.
"""

from dataclasses import dataclass
from zlib import crc32

from django.db import transaction

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.audit.thinning import record_thinned
from accounts.auth.known_browsers import KNOWN_SOURCE
from accounts.models import User
from accounts.notifications.notify import is_first, notify
from accounts.rate_limits import Usage
from twofactor.exceptions import Limited
from twofactor.models.journeys import source_of
from twofactor.tokens import lockout

NETWORK_COUNTS = 256  # of a person


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted attempt: with the wrong tokens, as one of so many ``failures``, or apart."""

    user: User
    failures: int | None
    apart: list[Usage]

    def was_wrong(self, purpose: str) -> None:
        """Record a wrong answer. Raises Limited where it begins a pause, and after five wrong ones during it."""
        if self.failures is not None:
            lockout.note_wrong_answer(self.user, self.failures, purpose)
        else:
            note_wrong_apart(self.user, purpose, self.apart)

    def was_right(self) -> None:
        """Take back what was counted apart; the other count is taken back by what the answer opens."""
        rate_limits.take_back(usage.window for usage in self.apart)


def count(user: User) -> Attempt:
    """Count an attempt before it is compared."""
    if counted := lockout.COUNT.row(user=user.pk):
        return Attempt(user, counted.failures, [])
    user.attempt_is_apart = True
    return Attempt(user, None, count_apart(user))


def count_apart(user: User) -> list[Usage]:
    """Count an attempt for this known browser or network only; networks share so many counts.

    Somebody who knows the password left a row for each of a million networks, and a new password, which deletes the
    person's rows, took longer than a statement may.
    """
    source = source_of(user)
    if not source.startswith(KNOWN_SOURCE):
        source = f"network {crc32(source.encode()) % NETWORK_COUNTS}"
    return rate_limits.count(rate_limits.windows("recovery", f"{user.pk} {source}"))


def note_wrong_apart(user: User, purpose: str, usages: list[Usage]) -> None:
    """Record a wrong answer, and notify the person of the fifth of this source (L-07). Raises Limited after it."""
    if waits := [usage.wait for usage in usages if usage.is_over_limit]:
        raise Limited(max(1, *waits), "recovery", user)
    record_thinned(Action.TOKEN_REFUSED, user=user, purpose=purpose)
    if not any(usage.used == usage.window.limit for usage in usages):
        return
    if is_first(f"recovery told {user.pk}"):
        with transaction.atomic():
            notify(user, record_event(Action.SECOND_FACTOR_FAILING, user=user))
