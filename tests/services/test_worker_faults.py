"""When workers die in the middle, when a message is poison, and when everything is there twice."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.services.browser import Browser, at_once, location
from tests.services.conftest import MakePortal
from tests.services.portal import Portal, digits, now
from tests.services.programs import Program, wait_for
from tests.services.promptness import in_time, seconds_to_the_gateway

AGAIN = 20.0
SOON = 10.0


@dataclass
class Murder:
    portal: Portal
    before_the_call: Browser
    during_the_call: list[Browser]
    at: float
    poller: Program


@pytest.fixture(scope="module", autouse=True)
def murder(make_portal: MakePortal) -> Iterator[Murder]:
    """Kill a whole worker group while it sends. Done first, so that the leases run out beside the other tests."""
    # The other tests of this file come first, so their tokens have to live longer.
    portal = make_portal("deadly", own_broker=True, TOKEN_LIFETIME_SECONDS="600")
    portal.start_web()
    worker = portal.start_worker()
    held = [portal.member() for _ in range(4)]
    for browser in held:
        portal.twilio.will_answer(browser.number, "hold", "ok")
        browser.ask_for_sms()
        portal.token(browser)
    claimed = stop_after_the_claim(portal, worker)
    killed = now()
    portal.start_worker(ready=False)
    yield Murder(portal, claimed, held, killed, portal.start_poller())
    portal.stop()


def stop_after_the_claim(portal: Portal, worker: Program) -> Browser:
    """Kill the worker when it has claimed a message and not yet called the gateway: it waits for a table."""
    browser = portal.member()
    worker.signal(signal.SIGSTOP)
    browser.ask_for_sms()
    with psycopg.connect(portal.database.url) as lock:
        lock.execute("LOCK TABLE twofactor_challenge IN ACCESS EXCLUSIVE MODE")
        worker.signal(signal.SIGCONT)
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'twofactor_challenge'::regclass"
        wait_for(lambda: portal.database.rows(waiting), meaning="a worker at the renderer")
        worker.kill()
    assert portal.messages_to(browser.number) == [("sending", 1, "")]
    assert portal.twilio.received(browser.number) == []
    return browser


@pytest.fixture(scope="module")
def crowded(make_portal: MakePortal) -> Iterator[Portal]:
    """Return a portal that has two workers and two pollers."""
    portal = make_portal("crowded", own_broker=True)
    portal.start_web(workers=2)
    for _ in range(2):
        portal.start_worker()
        portal.start_poller("--interval", "0.1")
    yield portal
    portal.stop()


def test_everything_twice_sends_once(crowded: Portal) -> None:
    """F12, F13: two workers and two pollers, each with a watcher; ten people at once."""
    people = [crowded.member() for _ in range(10)]
    at_once([browser.ask_for_sms for browser in people])
    for browser in people:
        crowded.token(browser)
        crowded.wait_for_state(browser.number, "sent", 1, "")
        assert not browser.is_in()
    # Every sender passes over them once more.
    assert crowded.manage("deliver_pending", "--once").returncode == 0
    for browser in people:
        assert len(crowded.twilio.received(browser.number)) == 1
        assert location(browser.post_token(crowded.token(browser))) == "/"


POISON = """
    INSERT INTO delivery_message (channel, destination, kind, subject_id, language, state, tries, expires_at,
        gateway, gateway_id, error, fault)
    VALUES ('sms', %s, 'notice', 0, 'en', 'queued', 0, now() + interval '180 seconds', '', '', '', '')
    RETURNING id"""


def test_poison_stops_at_two_tries_and_holds_up_nobody(crowded: Portal) -> None:
    """F6: a message whose renderer raises is counted in its row, closed, and logged as an error."""
    poison = [f"+551198000000{index}" for index in range(5)]
    for destination in poison:
        crowded.database.rows(POISON, destination)
    in_time(SOON, lambda: seconds_to_the_gateway(crowded))
    browser = crowded.member().ask_for_sms()
    wait_for(lambda: closed(crowded, poison), meaning="closed poison")
    assert {crowded.messages_to(one) == [("failed", 2, "sender-died")] for one in poison} == {True}
    assert all(crowded.twilio.received(one) == [] for one in poison)
    assert "could not be sent" in crowded.logs()
    assert not browser.is_in()
    assert location(browser.post_token(crowded.token(browser))) == "/"


def test_a_claim_of_many_waits_for_none_of_them(make_portal: MakePortal) -> None:
    """F12: two workers that claim the same messages in another order would wait for each other."""
    portal = make_portal("locked")
    ((locked,), (free,)) = (
        *portal.database.rows(POISON, "+5511980000001"),
        *portal.database.rows(POISON, "+5511980000002"),
    )
    claimed = f"claim_many([{locked}, {free}], 'sms')"
    claim = f"from messaging.delivery.leases import claim_many; print([m.pk for m in {claimed}])"
    with psycopg.connect(portal.database.url) as other:
        other.execute("SELECT 1 FROM delivery_message WHERE id = %s FOR UPDATE", [locked])
        done = portal.manage("shell", "-c", claim)
    assert done.stdout.splitlines()[-1:] == [f"[{free}]"], done.stderr
    portal.stop()


def closed(portal: Portal, destinations: list[str]) -> bool:
    portal.end_leases()
    return all(portal.messages_to(one)[0][0] == "failed" for one in destinations)


def test_a_silent_gateway_does_not_hold_up_the_poller(make_portal: MakePortal) -> None:
    """Q-02, F26: without worker and broker, what is asked for while one call hangs leaves in time."""
    portal = make_portal("patient", own_broker=True)
    portal.start_web()
    portal.start_poller()
    in_time(SOON / 2, lambda: seconds_beside_a_silent_call(portal))
    portal.stop()


def seconds_beside_a_silent_call(portal: Portal) -> float:
    """Return how long an SMS takes from the click to the gateway, while another one hangs there."""
    stuck, browser = portal.member(), portal.member()
    portal.twilio.will_answer(stuck.number, "hang", "ok")
    click = browser.at_the_choice()
    stuck.ask_for_sms()
    portal.twilio.wait_for(stuck.number)
    clicked = now()
    assert location(click()) == "/entrar/token/"
    (first,) = portal.twilio.wait_for(browser.number)
    assert not browser.is_in()
    return float(first["at"]) - clicked


def test_a_killed_worker_loses_nothing(murder: Murder) -> None:
    """Q-03, F1, F2, F3: again within 20 s, at most one duplicate, and the same token."""
    portal = murder.portal
    once = portal.twilio.wait_for(murder.before_the_call.number)
    assert once[0]["at"] - murder.at <= AGAIN
    for browser in murder.during_the_call:
        first, second = portal.twilio.wait_for(browser.number, 2)
        assert second["at"] - murder.at <= AGAIN
        assert digits(first["Body"]) == digits(second["Body"])
    for browser in (murder.before_the_call, *murder.during_the_call):
        portal.wait_for_state(browser.number, "sent", 2)
        assert not browser.is_in()
    assert len(portal.twilio.received(murder.before_the_call.number)) == 1
    for browser in (murder.before_the_call, *murder.during_the_call):
        assert location(browser.post_token(portal.token(browser))) == "/"
        assert len(portal.twilio.received(browser.number)) <= 2
    portal.twilio.release()


def test_a_poller_ends_when_asked(murder: Murder) -> None:
    """F4."""
    looked = "SELECT 1 FROM delivery_heartbeat WHERE name = 'poller'"
    wait_for(lambda: murder.portal.database.rows(looked), meaning="the poller's first look")
    murder.poller.ask_to_stop()
    assert murder.poller.ended() == 0
