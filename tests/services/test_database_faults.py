"""PostgreSQL restarted, away, frozen, full or in conflict, while nobody looks and amid a sign-in (F16 to F24)."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from tests.services.conftest import MakePortal
from tests.services.parts import Postgres
from tests.services.portal import Portal
from tests.services.programs import wait_for
from tests.services.seed import PASSWORD
from tests.services.visitor import Response, Visitor, location, words_of

BACK_IN_A_MOMENT = "Back in a moment"
OTHERS_END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.fixture(scope="module")
def fragile(folder: Path, seeded: Postgres) -> Iterator[Postgres]:
    """Return a PostgreSQL of this module's own, with the people of the seed."""
    if not seeded.program:
        pytest.skip("PostgreSQL's programs are not installed: the machine's server is not ours to restart")
    server = Postgres(folder / "fragile")
    server.copy("seed", seeded)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def frail(make_portal: MakePortal, fragile: Postgres) -> Iterator[Portal]:
    portal = make_portal("frail", own_broker=True, database=fragile.database("seed"))
    portal.start_web()
    portal.start_worker(beat=True)
    portal.start_poller()
    yield portal
    portal.stop()


def test_a_restart_while_idle_costs_nobody_a_page(frail: Portal, fragile: Postgres) -> None:
    """F16: every connection of the web process has been used, and every first request after it succeeds."""
    visitor = frail.member().ask_for_sms()
    token = frail.token(visitor)
    for _ in range(16):
        assert visitor.get("/entrar/token/").status_code == 200
    fragile.restart()
    assert [visitor.get("/entrar/token/").status_code for _ in range(16)] == [200] * 16
    assert not visitor.is_in()
    assert location(visitor.post_token(token)) == "/"


def test_without_a_database_the_portal_says_so(frail: Portal, fragile: Postgres) -> None:
    """F19: 503 of our own with a time to come back, at every step; nothing is consumed; senders live on."""
    visitor = frail.member().ask_for_sms()
    token = frail.token(visitor)
    visitor.get("/entrar/token/")
    fragile.crash()
    try:
        for response in (
            visitor.post_at_once("/entrar/token/", token=token),
            visitor.get("/entrar/token/"),
            visitor.get("/"),
            visitor.post_at_once("/entrar/canal/", channel="email"),
            visitor.post_at_once("/entrar/", username=visitor.login, password="wrong"),
        ):
            assert_unavailable(response)
        as_program = visitor.session.get(f"{frail.base}/", headers={"Accept": "application/json"}, timeout=30)
        assert (as_program.status_code, as_program.json()) == (503, {"detail": "unavailable"})
        ready = requests.get(f"{frail.base}/readyz", timeout=10)
        assert (ready.status_code, ready.json()["database"]) == (503, "down")
        assert requests.get(f"{frail.base}/healthz", timeout=10).status_code == 200
        wait_for(lambda: "the database does not answer" in frail.logs(), meaning="the poller's warning")
    finally:
        fragile.start()
    assert not visitor.is_in()
    assert location(visitor.post_token(token)) == "/"
    # Worker and poller are the same processes as before, and send again.
    again = frail.member().ask_for_sms()
    assert location(again.post_token(frail.token(again))) == "/"
    assert all(program.process and program.process.poll() is None for program in frail.programs)


def test_a_frozen_database_holds_nobody_for_ever(frail: Portal, fragile: Postgres) -> None:
    """F19: it accepts and says nothing. A page waits 8 s for an open connection, 3 s for a new one; then 503."""
    visitor = frail.member().ask_for_sms()
    token = frail.token(visitor)
    visitor.get("/entrar/token/")
    fragile.freeze()
    try:
        for _ in range(2):
            began = time.monotonic()
            assert_unavailable(visitor.get("/entrar/token/"))
            assert time.monotonic() - began < 13
        assert requests.get(f"{frail.base}/healthz", timeout=5).status_code == 200
    finally:
        fragile.thaw()
    assert not visitor.is_in()
    assert location(visitor.post_token(token)) == "/"


def test_a_read_only_database_fails_closed(frail: Portal, fragile: Postgres) -> None:
    """F24, also for a disk that is full: 503 where something would be written, nothing is lost, senders live on."""
    visitor, token, post = ready_to_prove(frail)
    outside = frail.member()
    outside.get("/entrar/")
    rule = "ALTER DATABASE seed SET default_transaction_read_only = "
    try:
        administer(fragile, rule + "on")
        frail.database.rows(OTHERS_END)
        assert_unavailable(post())
        assert_unavailable(outside.post_at_once("/entrar/", username=outside.login, password=PASSWORD))
        assert not visitor.is_in()
        wait_for(lambda: "the database does not answer: InternalError" in frail.logs(), meaning="the poller's warning")
    finally:
        administer(fragile, rule + "off")
        frail.database.rows(OTHERS_END)
    assert [verified for _, verified, _ in frail.challenges_of(visitor)] == [False]
    assert location(visitor.post_token(token)) == "/"
    again = frail.member().ask_for_sms()
    assert location(again.post_token(frail.token(again))) == "/"
    assert all(program.process and program.process.poll() is None for program in frail.programs)


def administer(server: Postgres, statement: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


def test_without_a_free_connection_the_portal_says_so_at_once(frail: Portal, fragile: Postgres) -> None:
    """F21: the web process has lost its own and gets no other: 503 within 2 s, and no line to wait in."""
    visitor, token, post = ready_to_prove(frail)
    hoard: list[psycopg.Connection[object]] = []
    try:
        frail.database.rows(OTHERS_END)
        with contextlib.suppress(psycopg.OperationalError):
            for _ in range(500):
                hoard.append(psycopg.connect(frail.database.url))  # noqa: PERF401 (until there is none left)
        assert 50 < len(hoard) < 500
        began = time.monotonic()
        assert_unavailable(post())
        assert time.monotonic() - began < 2
    finally:
        for connection in hoard:
            connection.close()
    assert not visitor.is_in()
    assert location(visitor.post_token(token)) == "/"


def test_who_loses_a_deadlock_is_tried_once_more(frail: Portal, fragile: Postgres) -> None:
    """F20: the request holds its sign-in and waits for us, we wait for it: the database ends one, and it is sent."""
    visitor = frail.member()
    visitor.post_password()
    captcha = visitor.captcha("/entrar/canal/")
    answers: list[Response] = []

    def post() -> None:
        answers.append(visitor.post_at_once("/entrar/canal/", channel="sms", altcha=captcha))

    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'twofactor_challenge'::regclass"
    with psycopg.connect(frail.database.url) as ours:
        ours.execute("LOCK TABLE twofactor_challenge IN SHARE MODE")
        thread = threading.Thread(target=post)
        thread.start()
        wait_for(lambda: frail.database.rows(waiting), meaning="somebody who waits for us")
        ours.execute("SET LOCAL deadlock_timeout = '10s'")  # the other one notices, and loses
        ours.execute("UPDATE twofactor_pendingsignin SET introduced = introduced")
    thread.join(30)
    assert location(answers[0]) == "/entrar/token/"
    assert fragile.program
    assert "deadlock detected" in fragile.program.written()
    assert len(frail.challenges_of(visitor)) == 1
    assert location(visitor.post_token(frail.token(visitor))) == "/"


def assert_unavailable(response: Response) -> None:
    assert response.status_code == 503, words_of(response)
    assert BACK_IN_A_MOMENT in words_of(response)
    assert int(response.headers["Retry-After"]) > 0
    assert "no-store" in response.headers["Cache-Control"]
    assert "Traceback" not in response.text


def post_into_a_crash(portal: Portal, server: Postgres, table: str, post: Callable[[], Response]) -> Response:
    """Post, and crash the server when the request waits to write to a table."""
    answers: list[Response] = []
    thread = threading.Thread(target=lambda: answers.append(post()))
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
    lock = psycopg.connect(portal.database.url)
    try:
        lock.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())
        thread.start()
        wait_for(lambda: portal.database.rows(waiting, table), meaning=f"somebody who waits for {table}")
        server.crash()
        thread.join(30)
    finally:
        lock.close()
        server.start()
    return answers[0]


def ready_to_prove(portal: Portal) -> tuple[Visitor, str, Callable[[], Response]]:
    visitor = portal.member().ask_for_sms()
    token = portal.token(visitor)
    visitor.get("/entrar/token/")
    return visitor, token, lambda: visitor.post_at_once("/entrar/token/", token=token)


@pytest.mark.parametrize("table", ["twofactor_challenge", "accounts_auditevent"])
def test_a_restart_inside_verify_takes_everything_back(frail: Portal, fragile: Postgres, table: str) -> None:
    """F17: before the attempt is counted, or with the token consumed and the commit to come: neither happened."""
    visitor, token, post = ready_to_prove(frail)
    assert_unavailable(post_into_a_crash(frail, fragile, table, post))
    ((attempts, verified, _superseded),) = frail.challenges_of(visitor)
    assert not verified
    assert attempts <= 1
    assert not visitor.is_in()
    assert frail.intruders() == set()
    assert location(visitor.post_token(token)) == "/"
    assert visitor.is_in()


def test_a_restart_after_the_commit_opens_no_half_sign_in(frail: Portal, fragile: Postgres) -> None:
    """F18: consumed, and the session was not written: outside, told so, and in again by another token."""
    visitor, token, post = ready_to_prove(frail)
    assert_unavailable(post_into_a_crash(frail, fragile, "accounts_session", post))
    assert [verified for _, verified, _ in frail.challenges_of(visitor)] == [True]
    assert not visitor.is_in()
    response = visitor.post_token(token)
    assert location(response).startswith("/entrar/")
    assert not visitor.is_in()
    assert frail.intruders() == set()
    assert location(visitor.ask_for_sms().post_token(frail.token(visitor, 2))) == "/"


def test_a_crash_while_a_message_is_sent_sends_it_again(frail: Portal, fragile: Postgres) -> None:
    """F2 for the database: the gateway has it, the outcome is lost; one duplicate with the same digits at most."""
    visitor = frail.member()
    frail.twilio.will_answer(visitor.number, "hold", "ok")
    visitor.ask_for_sms()
    first = frail.token(visitor)
    fragile.crash()
    try:
        frail.twilio.release()
        wait_for(lambda: "InterfaceError" in frail.logs() or "OperationalError" in frail.logs(), meaning="the loss")
    finally:
        fragile.start()
    frail.end_leases()
    assert frail.token(visitor, 2) == first
    frail.wait_for_state(visitor.number, "sent", 2)
    assert not visitor.is_in()
    assert location(visitor.post_token(first)) == "/"
