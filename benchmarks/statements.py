"""What a statement that is built once saves: ``python -m benchmarks.statements`` prints a line for each.

Each is run as the portal runs it, and as a statement that is built anew for each run, as the ORM does. On SQLite
in memory, or on the database of ``DATABASE_URL``: an empty one, of the benchmark's own. It runs in a transaction
that is rolled back. The figures are microseconds
of our processor time, of the fastest tenth of the rounds: what a busy machine changes least.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command
from django.db import transaction

if TYPE_CHECKING:
    from messaging.database import Compiled

ROUNDS = 300


def statements() -> Iterator[tuple[str, "Compiled[Any]", dict[str, Any]]]:
    """Return every compiled statement with values for its slots."""
    from accounts.auth.session_store import LIVE
    from accounts.passwords import limits
    from messaging.delivery import blocked_prefixes, leases
    from twofactor import notifications
    from twofactor.backends import PhoneBackend
    from twofactor.models.challenges import _attempt, _shown
    from twofactor.sign_in.query import OF_SESSION
    from twofactor.tokens import lockout

    journey = {"journey": 1, "purpose": "login"}
    attempt, keys = limits.Attempt.of("bob", "192.0.2.1").with_slots()
    yield "session of a request", LIVE, {"name": "a" * 40}
    yield "person of a request", PhoneBackend._person(), {"id": 1}
    yield "person who signs in", PhoneBackend._tried("username", attempt), {"typed": "bob", "browser": "", **keys}
    yield "sign-in of a session", OF_SESSION, {"session": "s" * 64}
    yield "challenge that a page shows", _shown("pending_sign_in"), journey
    yield "attempt at a challenge", _attempt("pending_sign_in"), journey
    yield "failure of a person", lockout.COUNT, {"user": 1}
    yield "challenge of a message", notifications.CHALLENGE, {"id": 1}
    yield "claim of a message", leases.CLAIM, {"id": 1}
    yield "message sent", leases.NOTE_SENT, {"id": 1, "tries": 1, "gateway": "twilio", "gateway_id": "SM1"}
    yield "blocked prefix", blocked_prefixes.IN_FORCE, {"prefix": "+551198765"}


def micros(run: Callable[[], object]) -> float:
    """Return what a call takes in the fastest tenth of the rounds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        run()
        times.append(time.thread_time() - begun)
    return sorted(times)[ROUNDS // 10] * 1_000_000


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    os.environ.setdefault("EMBEDDED", "1")
    os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="messaging-statements-"))
    django.setup()
    call_command("migrate", verbosity=0)
    print(f"{'statement':<30}{'built once':>12}{'each time':>12}{'saved':>8}")
    with transaction.atomic():
        for name, compiled, values in statements():
            once = micros(lambda: compiled.run(**values))  # noqa: B023 (run at once)
            anew = micros(lambda: compiled.build().run(**values))  # noqa: B023
            print(f"{name:<30}{once:>12.0f}{anew:>12.0f}{anew - once:>8.0f}")
        transaction.set_rollback(True)


if __name__ == "__main__":
    main()
