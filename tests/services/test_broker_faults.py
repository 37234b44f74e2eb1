"""When the broker is gone, frozen or has forgotten everything."""

import signal
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.services.browser import location
from tests.services.conftest import MakePortal
from tests.services.portal import Portal
from tests.services.programs import PATIENCE, wait_for
from tests.services.promptness import answered_in, ask_promptly, in_time, seconds_to_the_gateway

SOON = 10.0
AT_THE_GATEWAY = 5.0


@pytest.fixture(scope="module")
def shaky(make_portal: MakePortal) -> Iterator[Portal]:
    """Return a portal whose broker may be mistreated; a poller sends, and no worker."""
    portal = make_portal("shaky", own_broker=True)
    portal.start_web()
    portal.start_poller()
    yield portal
    portal.stop()


@pytest.fixture
def frozen(shaky: Portal) -> Iterator[None]:
    """Freeze the broker after the portal has talked to it."""
    shaky.member().ask_for_sms()
    shaky.broker.program.signal(signal.SIGSTOP)
    yield
    shaky.broker.program.signal(signal.SIGCONT)


@pytest.fixture
def gone(shaky: Portal) -> Iterator[None]:
    """Take the broker away after the portal has talked to it; it comes back empty."""
    shaky.member().ask_for_sms()
    shaky.broker.program.kill()
    yield
    shaky.broker.start()


def sign_in_all_the_same(portal: Portal) -> None:
    """Q-01, Q-02: several in a row, so that every pooled connection has been tried."""
    people = [ask_promptly(portal) for _ in range(3)]
    by_email = ask_promptly(portal, "email")
    for browser in people:
        assert not browser.is_in()
        assert location(browser.post_token(portal.token(browser))) == "/"
        assert len(portal.twilio.received(browser.number)) == 1
    assert portal.mail.wait_for(by_email.email)
    in_time(SOON, lambda: seconds_to_the_gateway(portal))


@pytest.mark.usefixtures("gone")
def test_without_a_broker_tokens_leave_by_the_poller(shaky: Portal) -> None:
    """F7."""
    sign_in_all_the_same(shaky)


@pytest.mark.usefixtures("frozen")
def test_with_a_frozen_broker_tokens_leave_by_the_poller(shaky: Portal) -> None:
    """F8."""
    sign_in_all_the_same(shaky)


@pytest.mark.usefixtures("frozen")
def test_readiness_names_a_frozen_broker(shaky: Portal) -> None:
    """Q-06: bounded, and ready all the same, for tokens still leave."""
    shaky.wait_for_a_sender()
    response = answered_in(3, lambda: requests.get(f"{shaky.base}/readyz", timeout=PATIENCE))
    assert (response.status_code, response.json()) == (200, {"database": "ok", "broker": "down", "sender": "ok"})
    answered_in(1, lambda: requests.get(f"{shaky.base}/healthz", timeout=PATIENCE))


@pytest.mark.usefixtures("gone")
def test_readiness_names_a_missing_broker(shaky: Portal) -> None:
    """Q-06."""
    shaky.wait_for_a_sender()
    response = requests.get(f"{shaky.base}/readyz", timeout=PATIENCE)
    assert (response.status_code, response.json()) == (200, {"database": "ok", "broker": "down", "sender": "ok"})


def test_a_broker_that_forgot_everything_forgets_no_limit(shaky: Portal) -> None:
    """Q-04, F10: pending sign-in, attempts and token outlive it."""
    browser = shaky.member().ask_for_sms()
    token = shaky.token(browser)
    for wrong in range(3):
        browser.post_token(f"{(int(token) + 1 + wrong) % 1_000_000:06}")
    client = shaky.broker.client()
    client.flushall()
    client.close()
    assert shaky.challenges_of(browser)[0][0] == 3
    browser.post("/entrar/token/reenviar/", form_at="/entrar/token/")
    assert len(shaky.messages_to(browser.number)) == 1  # the cool-down holds
    assert location(browser.post_token(token)) == "/"


# With a worker: the services of the compose file -------------------------------------------------


@pytest.fixture(scope="module")
def woken(make_portal: MakePortal) -> Iterator[Portal]:
    portal = make_portal("woken", own_broker=True)
    portal.start_web()
    portal.start_worker()
    yield portal
    portal.stop()


def lose_by_death(portal: Portal) -> Iterator[None]:
    portal.broker.program.kill()
    yield
    portal.broker.start()


def lose_by_frost(portal: Portal) -> Iterator[None]:
    portal.broker.program.signal(signal.SIGSTOP)
    yield
    portal.broker.program.signal(signal.SIGCONT)


def lose_by_forgetting(portal: Portal) -> Iterator[None]:
    """Forget the queue with the message in it: the worker is away meanwhile, so that it cannot be quicker."""
    worker = portal.programs[-1]
    worker.kill()
    yield
    client = portal.broker.client()
    assert client.llen("tokens") >= 1  # the one before may lie there yet: the worker looks by itself, too
    client.flushall()
    client.close()
    worker.start(portal.broker.has_consumer)


@pytest.mark.parametrize("lose", [lose_by_death, lose_by_frost, lose_by_forgetting])
def test_a_worker_consumes_again_and_the_sweep_sends_the_rest(
    woken: Portal, lose: Callable[[Portal], Iterator[None]]
) -> None:
    """F7, F8, F10, F11, Q-01, Q-02: what was asked for meanwhile leaves by one look of the poller."""
    earlier = ask_promptly(woken)
    woken.token(earlier)
    outage = lose(woken)
    next(outage)
    try:
        meanwhile = ask_promptly(woken)
    finally:
        next(outage, None)
    wait_for(woken.broker.has_consumer, meaning="a worker that consumes again")
    later = ask_promptly(woken)
    assert woken.token(later)  # by the wake-up or by the worker's own look: no poller is there
    in_time(SOON, lambda: seconds_to_the_gateway(woken))
    assert not any(browser.is_in() for browser in (earlier, meanwhile, later))
    assert woken.manage("deliver_pending", "--once").returncode == 0
    for browser in (earlier, meanwhile, later):
        assert location(browser.post_token(woken.token(browser))) == "/"
        assert len(woken.twilio.received(browser.number)) == 1


def test_a_worker_sends_within_five_seconds_while_the_broker_is_dead(woken: Portal) -> None:
    """Q-07: one after the other, as people come; the worker looks into the database by itself."""
    outage = lose_by_death(woken)
    next(outage)
    try:
        browser = ask_promptly(woken)
        assert location(browser.post_token(woken.token(browser))) == "/"
        took = [seconds_to_the_gateway(woken) for _ in range(8)]
    finally:
        next(outage, None)
    late = [seconds for seconds in took if seconds > AT_THE_GATEWAY]
    assert len(late) <= 2, f"more than a busy machine delays now and then: {took}"


def test_a_worker_gives_nothing_back_to_a_broker_that_died(woken: Portal) -> None:
    """F11: it held a message meanwhile; it sends that one, and keeps neither a copy of it nor a list in a file."""
    browser = woken.member()
    woken.twilio.will_answer(browser.number, "hang")
    ask = browser.ask_for_sms()
    woken.twilio.wait_for(browser.number)
    woken.broker.program.kill()
    woken.broker.start()
    wait_for(woken.broker.has_consumer, meaning="a worker that consumes again")
    woken.twilio.release()
    client = woken.broker.client()
    assert client.llen("tokens") == 0
    client.close()
    assert "RESTORE" not in woken.logs()
    assert "DUMP" not in woken.logs()
    assert location(ask.post_token(woken.token(browser))) == "/"


def test_a_flush_at_every_step_loses_nothing(woken: Portal) -> None:
    """Q-04, F10: the whole way of a sign-in, with everything in the broker gone after each step."""
    client = woken.broker.client()
    browser = woken.member()
    client.flushall()
    assert location(browser.post_password()) == "/entrar/canal/"
    client.flushall()
    assert location(browser.post_channel()) == "/entrar/token/"
    client.flushall()
    assert woken.manage("deliver_pending", "--once").returncode == 0
    token = woken.token(browser)
    assert not browser.is_in()
    client.flushall()
    assert location(browser.post_token(token)) == "/"
    client.flushall()
    client.close()
    assert browser.is_in()
    assert len(woken.twilio.received(browser.number)) == 1
