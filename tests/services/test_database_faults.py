"""PostgreSQL restarted, away, frozen, full or in conflict, while nobody looks and amid a sign-in (F16 to F24)."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests

from tests.services.browser import Browser, Response, location, words_of
from tests.services.conftest import MakePortal
from tests.services.parts import Postgres
from tests.services.portal import Portal
from tests.services.programs import PATIENCE, wait_for
from tests.services.promptness import TRIES, answered_in, in_time
from tests.services.seed import PASSWORD

BACK_IN_A_MOMENT = "Back in a moment"
# Waits for their ends: else the portal may still find a connection open that ends a moment later.
OTHERS_END = """
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.fixture(scope="module")
def fragile(folder: Path, seeded: Postgres) -> Iterator[Postgres]:
    """Return a PostgreSQL of this module's own, with the people of the seed."""
    if not seeded.program:
        pytest.skip("PostgreSQL's programs are not installed: the machine's server is not ours to restart")
    server = Postgres(folder / "fragile", max_connections="100")
    server.copy("seed", seeded)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def frail(make_portal: MakePortal, fragile: Postgres) -> Iterator[Portal]:
    portal = make_portal("frail", own_broker=True, database=fragile.database("seed"))
    portal.start_web()
    portal.start_worker()
    portal.start_poller()
    yield portal
    portal.stop()


def test_a_restart_while_idle_costs_nobody_a_page(frail: Portal, fragile: Postgres) -> None:
    """F16: every connection of the web process has been used, and every first request after it succeeds."""
    browser = frail.member().ask_for_sms()
    token = frail.token(browser)
    for _ in range(16):
        assert browser.get("/entrar/token/").status_code == 200
    fragile.restart()
    assert [browser.get("/entrar/token/").status_code for _ in range(16)] == [200] * 16
    assert not browser.is_in()
    assert location(browser.post_token(token)) == "/"


def test_without_a_database_the_portal_says_so(frail: Portal, fragile: Postgres) -> None:
    """F19: 503 of our own with a time to come back, at every step; nothing is consumed; senders live on."""
    browser = frail.member().ask_for_sms()
    token = frail.token(browser)
    browser.get("/entrar/token/")
    fragile.crash()
    try:
        for response in (
            browser.post_at_once("/entrar/token/", token=token),
            browser.get("/entrar/token/"),
            browser.get("/"),
            browser.post_at_once("/entrar/canal/", channel="email"),
            browser.post_at_once("/entrar/", username=browser.login, password="wrong"),
        ):
            assert_unavailable(response)
        as_program = browser.session.get(f"{frail.base}/", headers={"Accept": "application/json"}, timeout=PATIENCE)
        assert (as_program.status_code, as_program.json()) == (503, {"detail": "unavailable"})
        ready = requests.get(f"{frail.base}/readyz", timeout=PATIENCE)
        assert (ready.status_code, ready.json()["database"]) == (503, "down")
        assert requests.get(f"{frail.base}/healthz", timeout=PATIENCE).status_code == 200
        wait_for(lambda: "the database does not answer" in frail.logs(), meaning="the poller's warning")
    finally:
        fragile.start()
    assert not browser.is_in()
    assert location(browser.post_token(token)) == "/"
    # Worker and poller are the same processes as before, and send again.
    again = frail.member().ask_for_sms()
    assert location(again.post_token(frail.token(again))) == "/"
    assert all(program.process and program.process.poll() is None for program in frail.programs)


def test_a_frozen_database_holds_nobody_for_ever(frail: Portal, fragile: Postgres) -> None:
    """F19: it accepts and says nothing. A page waits 8 s for an open connection, 3 s for a new one; then 503."""
    browser = frail.member().ask_for_sms()
    token = frail.token(browser)
    browser.get("/entrar/token/")
    fragile.freeze()
    try:
        for _ in range(2):
            in_time(13, lambda: seconds_of_a_refusal(lambda: browser.get("/entrar/token/")), tries=3)
        assert answered_in(5, lambda: requests.get(f"{frail.base}/healthz", timeout=PATIENCE)).status_code == 200
    finally:
        fragile.thaw()
    assert not browser.is_in()
    assert location(browser.post_token(token)) == "/"


def seconds_of_a_refusal(ask: Callable[[], Response]) -> float:
    """Return how long it takes until a page says that the database does not answer."""
    began = time.monotonic()
    assert_unavailable(ask())
    return time.monotonic() - began


def test_a_read_only_database_fails_closed(frail: Portal, fragile: Postgres) -> None:
    """F24, also for a disk that is full: 503 where something would be written, nothing is lost, senders live on."""
    browser, token, post = ready_to_prove(frail)
    outside = frail.member()
    outside.get("/entrar/")
    rule = "ALTER DATABASE seed SET default_transaction_read_only = "
    try:
        administer(fragile, rule + "on")
        frail.database.rows(OTHERS_END)
        assert_unavailable(post())
        assert_unavailable(outside.post_at_once("/entrar/", username=outside.login, password=PASSWORD))
        assert not browser.is_in()
        wait_for(lambda: "the database does not answer: InternalError" in frail.logs(), meaning="the poller's warning")
    finally:
        administer(fragile, rule + "off")
        frail.database.rows(OTHERS_END)
    assert [verified for _, verified, _ in frail.challenges_of(browser)] == [False]
    assert location(browser.post_token(token)) == "/"
    again = frail.member().ask_for_sms()
    assert location(again.post_token(frail.token(again))) == "/"
    assert all(program.process and program.process.poll() is None for program in frail.programs)


def administer(server: Postgres, statement: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


def test_without_a_free_connection_the_portal_says_so_at_once(frail: Portal, fragile: Postgres) -> None:
    """F21: the web process has lost its own and gets no other: 503 within 2 s, and no line to wait in."""
    browser, token, post = ready_to_prove(frail)
    hoard: list[psycopg.Connection[object]] = []
    try:
        frail.database.rows(OTHERS_END)
        with contextlib.suppress(psycopg.OperationalError):
            for _ in range(500):
                hoard.append(psycopg.connect(frail.database.url))  # noqa: PERF401 (until there is none left)
        assert 50 < len(hoard) < 500
        in_time(2, lambda: seconds_of_a_refusal(post))
    finally:
        for connection in hoard:
            connection.close()
    # Each ends a moment later, and is counted until then.
    wait_for(lambda: connections(frail) < len(hoard) / 2, meaning="free connections")
    assert not browser.is_in()
    assert location(browser.post_token(token)) == "/"


def connections(portal: Portal) -> int:
    """Return how many connections the server has; more than there may be while it refuses one."""
    try:
        ((number,),) = portal.database.rows("SELECT count(*) FROM pg_stat_activity")
    except psycopg.OperationalError:
        return 500
    return int(number)


def test_who_loses_a_deadlock_is_tried_once_more(frail: Portal, fragile: Postgres) -> None:
    """F20: the request holds its sign-in and waits for us, we wait for it: the database ends one, and it is sent."""
    people = iter([frail.member() for _time in range(TRIES)])
    browser = next(people)
    while (answer := of_a_deadlock(frail, fragile, browser)) is None:
        browser = next(people)
    assert location(answer) == "/entrar/token/"
    assert len(frail.challenges_of(browser)) == 1
    assert location(browser.post_token(frail.token(browser))) == "/"


def of_a_deadlock(frail: Portal, fragile: Postgres, browser: Browser) -> Response | None:
    """Bring a request into a deadlock that it loses, and return its answer.

    It looks for one a second after it began to wait, once. On a busy machine we may not wait for it by then, so that
    there is none, or we lose: then the answer is None.
    """
    assert fragile.program
    before = fragile.program.written().count("deadlock detected")
    click = browser.at_the_choice()
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'twofactor_challenge'::regclass"
    with ThreadPoolExecutor(1) as pool, contextlib.suppress(psycopg.errors.DeadlockDetected):
        with psycopg.connect(frail.database.url) as ours:
            ours.execute("LOCK TABLE twofactor_challenge IN SHARE MODE")
            future = pool.submit(click)
            wait_for(lambda: frail.database.rows(waiting), meaning="somebody who waits for us")
            ours.execute("SET LOCAL deadlock_timeout = '10s'")  # the other one notices, and loses
            ours.execute("UPDATE twofactor_pendingsignin SET introduced = introduced")
        answer = future.result(PATIENCE)
        return answer if fragile.program.written().count("deadlock detected") > before else None
    return None


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
        thread.join(PATIENCE)
    finally:
        lock.close()
        server.start()
    return answers[0]


def ready_to_prove(portal: Portal) -> tuple[Browser, str, Callable[[], Response]]:
    browser = portal.member().ask_for_sms()
    token = portal.token(browser)
    browser.get("/entrar/token/")
    return browser, token, lambda: browser.post_at_once("/entrar/token/", token=token)


@pytest.mark.parametrize("table", ["twofactor_challenge", "accounts_auditevent"])
def test_a_restart_inside_verify_takes_everything_back(frail: Portal, fragile: Postgres, table: str) -> None:
    """F17: before the attempt is counted, or with the token consumed and the commit to come: neither happened."""
    browser, token, post = ready_to_prove(frail)
    assert_unavailable(post_into_a_crash(frail, fragile, table, post))
    ((attempts, verified, _superseded),) = frail.challenges_of(browser)
    assert not verified
    assert attempts <= 1
    assert not browser.is_in()
    assert frail.intruders() == set()
    assert location(browser.post_token(token)) == "/"
    assert browser.is_in()


def test_a_restart_after_the_commit_opens_no_half_sign_in(frail: Portal, fragile: Postgres) -> None:
    """F18: consumed, and the session was not written: outside, told so, and in again by another token."""
    browser, token, post = ready_to_prove(frail)
    assert_unavailable(post_into_a_crash(frail, fragile, "accounts_session", post))
    assert [verified for _, verified, _ in frail.challenges_of(browser)] == [True]
    assert not browser.is_in()
    response = browser.post_token(token)
    assert location(response).startswith("/entrar/")
    assert not browser.is_in()
    assert frail.intruders() == set()
    assert location(browser.ask_for_sms().post_token(frail.token(browser, 2))) == "/"


def test_a_crash_while_a_message_is_sent_sends_it_again(frail: Portal, fragile: Postgres) -> None:
    """F2 for the database: the gateway has it, the outcome is lost; one duplicate with the same digits at most."""
    browser = frail.member()
    frail.twilio.will_answer(browser.number, "hold", "ok")
    browser.ask_for_sms()
    first = frail.token(browser)
    ((number,),) = frail.database.rows("SELECT id FROM delivery_message WHERE destination = %s", browser.number)
    fragile.crash()
    try:
        frail.twilio.release()
        # The last thing that is tried; before it, a worker records many together.
        wait_for(lambda: f"message {number} could not be sent" in frail.logs(), meaning="the loss")
    finally:
        fragile.start()
    frail.end_leases()
    assert frail.token(browser, 2) == first
    frail.wait_for_state(browser.number, "sent", 2)
    assert not browser.is_in()
    assert location(browser.post_token(first)) == "/"
