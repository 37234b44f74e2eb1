"""When the broker is gone, frozen or has forgotten everything, and when the worker dies. The poller is there."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from tests.services.conftest import MakePortal
from tests.services.portal import Portal, digits, now
from tests.services.programs import Program
from tests.services.visitor import Visitor, location

PROMPT = 1.0
SOON = 10.0


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


def ask_promptly(portal: Portal, channel: str = "sms") -> Visitor:
    """Ask for a token, with an eye on the clock."""
    visitor = portal.member()
    visitor.post_password()
    response = visitor.post_channel(channel)
    assert location(response) == "/entrar/token/"
    assert response.elapsed.total_seconds() <= PROMPT
    return visitor


def sign_in_all_the_same(portal: Portal) -> None:
    """Q-01, Q-02: several in a row, so that every pooled connection has been tried."""
    began = now()
    people = [ask_promptly(portal) for _ in range(3)]
    by_email = ask_promptly(portal, "email")
    for visitor in people:
        assert location(visitor.post_token(portal.token(visitor, seconds=SOON))) == "/"
        assert len(portal.twilio.received(visitor.number)) == 1
    assert portal.mail.wait_for(by_email.email, seconds=SOON)
    assert now() - began < 4 * SOON


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
    response = requests.get(f"{shaky.base}/readyz", timeout=10)
    assert (response.status_code, response.json()) == (200, {"database": "ok", "broker": "down"})
    assert response.elapsed.total_seconds() < 3
    assert requests.get(f"{shaky.base}/healthz", timeout=10).elapsed.total_seconds() < 1


@pytest.mark.usefixtures("gone")
def test_readiness_names_a_missing_broker(shaky: Portal) -> None:
    """Q-06."""
    response = requests.get(f"{shaky.base}/readyz", timeout=10)
    assert (response.status_code, response.json()) == (200, {"database": "ok", "broker": "down"})


def test_a_broker_that_forgot_everything_forgets_no_limit(shaky: Portal) -> None:
    """Q-04, F10: pending sign-in, attempts and token outlive it."""
    visitor = shaky.member().ask_for_sms()
    token = shaky.token(visitor)
    for wrong in range(3):
        visitor.post_token(f"{(int(token) + 1 + wrong) % 1_000_000:06}")
    client = shaky.broker.client()
    client.flushall()
    client.close()
    assert shaky.challenges_of(visitor)[0][0] == 3
    assert visitor.post("/entrar/token/reenviar/", form_at="/entrar/token/").status_code == 429  # the cool-down holds
    assert location(visitor.post_token(token)) == "/"


@dataclass
class Murder:
    portal: Portal
    victim: Visitor
    at: float
    poller: Program


@pytest.fixture(scope="module", autouse=True)
def murder(make_portal: MakePortal) -> Iterator[Murder]:
    """Kill a worker while Twilio has its request. Done first, so that the lease runs out beside the other tests."""
    portal = make_portal("deadly", own_broker=True)
    portal.start_web()
    worker = portal.start_worker()
    visitor = portal.member()
    portal.twilio.will_answer(visitor.number, "hold", "ok")
    visitor.ask_for_sms()
    portal.token(visitor)
    killed = now()
    worker.kill()
    yield Murder(portal, visitor, killed, portal.start_poller())
    portal.stop()


def test_a_killed_worker_loses_nothing(murder: Murder) -> None:
    """Q-03, F1, F2: again within 20 s, and the same token. The poller that did it ends when asked (F4)."""
    portal, visitor = murder.portal, murder.victim
    first, second = portal.twilio.wait_for(visitor.number, 2, seconds=25)
    assert second["at"] - murder.at <= 20
    assert digits(first["Body"]) == digits(second["Body"])
    portal.wait_for_state(visitor.number, "sent", 2, "")
    assert location(visitor.post_token(digits(second["Body"]))) == "/"
    portal.twilio.release()
    murder.poller.ask_to_stop()
    assert murder.poller.ended(5) == 0
