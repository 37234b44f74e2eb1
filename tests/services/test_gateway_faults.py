"""When Twilio does not answer, answers byte by byte, or says no. One worker of three slots, and the sweep."""

from collections.abc import Iterator

import pytest

from tests.services.conftest import MakePortal
from tests.services.portal import Portal, digits, now
from tests.services.visitor import Visitor

SLOTS = 3


@pytest.fixture(scope="module")
def narrow(make_portal: MakePortal) -> Iterator[Portal]:
    portal = make_portal("narrow", own_broker=True)
    portal.start_web()
    portal.start_worker(SLOTS, beat=True)
    yield portal
    portal.stop()


def ask(portal: Portal, *answers: str) -> Visitor:
    """Let somebody ask for an SMS that Twilio will answer like this."""
    visitor = portal.member()
    portal.twilio.will_answer(visitor.number, *answers)
    return visitor.ask_for_sms()


def tokens_sent(portal: Portal, visitor: Visitor) -> list[str]:
    return [digits(request["Body"]) for request in portal.twilio.received(visitor.number)]


def test_slots_come_free_and_the_same_token_is_tried_once_more(narrow: Portal) -> None:
    """G-01, G-04, F26, F27, F29: a silent and two dripping answers hold a slot for 15 s at most."""
    stuck = [ask(narrow, kind, "ok") for kind in ("hang", "drip_headers", "drip_body")]
    taken = max(narrow.twilio.wait_for(visitor.number)[0]["at"] for visitor in stuck)
    # Each of these holds a slot until released: all three can only come when all three slots are free.
    probes = [ask(narrow, "hold") for _ in range(SLOTS)]
    assert not all(narrow.twilio.received(visitor.number) for visitor in probes)
    free = max(narrow.twilio.wait_for(visitor.number, seconds=25)[0]["at"] for visitor in probes)
    narrow.twilio.release()
    assert free - taken <= 15
    for visitor in stuck:
        narrow.twilio.wait_for(visitor.number, 2, seconds=25)
        narrow.wait_for_state(visitor.number, "sent", 2)
        first, second = tokens_sent(narrow, visitor)
        assert first == second
    for visitor in probes:
        narrow.wait_for_state(visitor.number, "sent", 1, "")


def test_what_is_tried_again_and_what_is_not(narrow: Portal) -> None:
    """G-02, G-03, G-04, F25, F28, F29, F30: two tries at most, the second with less time to live."""
    permanent = {code: ask(narrow, code) for code in ("21211", "21610", "20003")}
    passing = {kind: ask(narrow, kind, "ok") for kind in ("20429", "20500", "20503", "reset")}
    hopeless = ask(narrow, "20500")
    for kind, visitor in passing.items():
        first, second = narrow.twilio.wait_for(visitor.number, 2, seconds=25)
        assert digits(first["Body"]) == digits(second["Body"]), kind
        assert 180 >= int(first["ValidityPeriod"]) > int(second["ValidityPeriod"]) >= 30, kind
        narrow.wait_for_state(visitor.number, "sent", 2)
    narrow.twilio.wait_for(hopeless.number, 2, seconds=25)
    narrow.wait_for_state(hopeless.number, "failed", 2, "twilio-20500")
    # By now the sweep has passed over all of them, and once more when asked.
    assert narrow.manage("deliver_pending", "--once").returncode == 0
    for code, visitor in permanent.items():
        assert narrow.messages_to(visitor.number) == [("failed", 1, f"twilio-{code}")]
        assert len(narrow.twilio.received(visitor.number)) == 1
    assert len(narrow.twilio.received(hopeless.number)) == 2


def test_nobody_gets_in_because_nothing_was_sent(narrow: Portal) -> None:
    """Q-05: with the gateway refusing, e-mail is the way in, and it works."""
    visitor = ask(narrow, "21211")
    began = now()
    assert not visitor.is_in()
    visitor.post("/entrar/canal/", channel="email")
    body = narrow.mail.wait_for(visitor.email)["data"]
    visitor.post_token(digits(body[body.index("\r\n\r\n") :]))
    assert visitor.is_in()
    assert now() - began < 10
