"""The saving of each statement that is built once: ``python -m benchmarks.statements`` prints a line for each.

Each is run as the portal runs it, and as a statement that is built again for each run, as the ORM does. On SQLite in
memory, or on the database of ``DATABASE_URL``: an empty one, of the benchmark's own. It runs in a transaction that is
rolled back. The figures are microseconds of processor time, of the fastest tenth of the rounds, which a busy machine
changes least.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command
from django.db import connections, transaction

if TYPE_CHECKING:
    from messaging.database import Compiled

ROUNDS = 300


def fresh() -> str:
    """Return an id that no row has yet."""
    return token_hex(6)


def told(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in values.items()}


def statements() -> Iterator[tuple[str, "Compiled[Any]", dict[str, Any]]]:
    """Return every compiled statement with values for its slots, or with functions that make a value for each run."""
    from accounts.audit import record
    from accounts.auth import session_store
    from accounts.factors import FactorKind
    from accounts.passwords import limits
    from messaging.delivery import blocked_prefixes, circuit, leases, looks, models
    from messaging.periodic import scheduler
    from twofactor.backends import PhoneBackend
    from twofactor.models import PendingSignIn
    from twofactor.models.challenges import CLOSE, ISSUE, JOURNEY_COLUMNS, _attempt, _shown
    from twofactor.models.journeys import BEGIN, FLAGS
    from twofactor.sign_in import flows as sign_in
    from twofactor.sign_in.query import OF_SESSION
    from twofactor.tokens import challenges, lockout, texts

    journey = {"journey": 1, "purpose": "login"}
    attempt, keys = limits.PasswordWindows.of("bob", "192.0.2.1").with_slots()
    nobody = {"ip": "192.0.2.1", "user_agent": "Firefox", "user_id": None}
    session = {**nobody, "session_data": "", "proof": None}
    yield "session of a request", session_store.LIVE, {"name": "a" * 40}
    yield "new session", session_store.ADD, {**session, "session_key": fresh}
    yield "session of a sign-in", session_store.BEGIN, {**session, "session_key": fresh, "old": "none"}
    event: dict[str, Any] = {**nobody, "account_id": None, "actor_id": None, "request_id": "", "data": {}}
    yield "audit event", record.ADD, {**event, "action": "login.pending"}
    yield "person of a request", PhoneBackend._person(), {"id": 1}
    yield "person who signs in", PhoneBackend._tried("username", attempt), {"typed": "bob", "browser": "", **keys}
    flags = dict.fromkeys(FLAGS, False)
    begun = {"user_id": 1, "session_hash": fresh, "auth_hash": "", "next_url": "", "source": "192.0.2.1"}
    yield "pending sign-in", BEGIN, begun | flags
    yield "sign-in of a session", OF_SESSION, {"session": "s" * 64}
    yield "circuits that are open", circuit.OPEN, {}
    yield "circuits, also to be probed", circuit.ALL, {}
    yield "send that a captcha pays for", challenges._granting(PendingSignIn), {"journey": 1}
    yield "factor that was proved", sign_in._proved(FactorKind.SMS, True), {"user": 1, "epoch": 0, "password": ""}
    yield "challenge that a page shows", _shown("pending_sign_in"), journey
    sent = {"channel": "sms", "destination": "+5511987654321"}
    asked = {
        **sent,
        "network": "192.0.2.1",
        "nonce": "",
        "key_id": "",
        **dict.fromkeys(JOURNEY_COLUMNS),
        "pending_sign_in_id": 1,
    }
    yield "challenge", ISSUE, {**asked, "user_id": 1, "purpose": fresh}
    yield "challenge that is used up", CLOSE, {"challenge": 1}
    yield "attempt at a challenge", _attempt("pending_sign_in"), journey
    yield "failure of a person", lockout.COUNT, {"user": 1}
    yield "challenge of a message", texts.CHALLENGE, {"id": 1}
    yield "challenges of many messages", texts.CHALLENGES, {"ids": [1, 2, 3]}
    token = {"kind": "token", "subject_id": 1, "language": "", "owner_id": 1, "lifetime": timedelta(seconds=180)}
    yield "message", models.QUEUE, sent | token
    yield "claim of a message", leases.CLAIM, {"id": 1}
    yield "claim of many messages", leases.CLAIM_MANY, {"ids": [1, 2, 3]}
    yield "message sent", leases.NOTE_SENT, {"id": 1, "tries": 1, "gateway": "twilio", "gateway_id": "SM1"}
    yield "heartbeat of a look", looks.BEAT, {"name": "worker"}
    yield "messages that are too late", looks.EXPIRE_LATE, {}
    yield "messages out of tries", looks.OUT_OF_TRIES, {}
    yield "messages that wait", looks.WAITING, {}
    yield "periodic tasks not due", scheduler.RESTING, {}
    yield "blocked prefix", blocked_prefixes.IN_FORCE, {"prefix": "+551198765"}
    yield "blocked prefixes", blocked_prefixes.AMONG_IN_FORCE, {"prefixes": ["+551198765", "+551198766"]}


def micros(run: Callable[[], object]) -> float:
    """Return the time of a call in the fastest tenth of the rounds."""
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
            once = micros(lambda: compiled.run(**told(values)))  # noqa: B023 (run at once)
            anew = micros(lambda: compiled.build().run(connections["default"], told(values)))  # noqa: B023
            print(f"{name:<30}{once:>12.0f}{anew:>12.0f}{anew - once:>8.0f}")
        transaction.set_rollback(True)


if __name__ == "__main__":
    main()
