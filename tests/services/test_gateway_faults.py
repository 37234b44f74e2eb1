"""When Twilio does not answer, answers byte by byte, or says no. One worker of three slots, and the sweep."""

from collections.abc import Iterator, Sequence

import pytest
from django.conf import settings

from tests.services.browser import Browser, location, words_of
from tests.services.conftest import MakePortal
from tests.services.portal import Portal, digits
from tests.services.programs import free_port, wait_for
from tests.services.promptness import in_time

SLOTS = 3
STUCK = ("hang", "drip_headers", "drip_body")


@pytest.fixture(scope="module")
def narrow(make_portal: MakePortal) -> Iterator[Portal]:
    portal = make_portal("narrow", own_broker=True)
    portal.start_web()
    portal.start_worker(SLOTS)
    yield portal
    portal.stop()


def ask(portal: Portal, *answers: str) -> Browser:
    """Let somebody ask for an SMS that Twilio will answer like this."""
    browser = portal.member()
    portal.twilio.will_answer(browser.number, *answers)
    return browser.ask_for_sms()


def tokens_sent(portal: Portal, browser: Browser) -> list[str]:
    return [digits(request["Body"]) for request in portal.twilio.received(browser.number)]


def test_slots_come_free_and_the_same_token_is_tried_once_more(narrow: Portal) -> None:
    """G-01, G-04, F26, F27, F29: a silent and two dripping answers hold a slot for 15 s at most."""
    in_time(15, lambda: seconds_of_three_stuck_slots(narrow), tries=3)


def seconds_of_three_stuck_slots(narrow: Portal) -> float:
    """Return how long three slots are held by answers that do not come, and see what becomes of those messages."""
    stuck, probes = (
        people_of(narrow, answers) for answers in ([(kind, "ok") for kind in STUCK], [("hold", "ok")] * SLOTS)
    )
    clicks = {browser: browser.at_the_choice() for browser in (*stuck, *probes)}  # so that only clicks are left
    for browser in stuck:
        clicks[browser]()
    taken = [narrow.twilio.wait_for(browser.number)[0]["at"] for browser in stuck]
    # Each of these holds a slot until released: all three can only come when all three slots are free.
    for browser in probes:
        clicks[browser]()
    free = max(narrow.twilio.wait_for(browser.number)[0]["at"] for browser in probes)
    narrow.twilio.release()
    assert free - min(taken) > settings.GATEWAY_READ_SECONDS, "they were stuck, also the two that drip"
    assert not any(browser.is_in() for browser in stuck)
    for browser in stuck:
        narrow.twilio.wait_for(browser.number, 2)
        narrow.wait_for_state(browser.number, "sent", 2)
        first, second = tokens_sent(narrow, browser)
        assert first == second
    for browser in probes:  # on a busy machine the first of them may have been held for too long, too
        wait_for(lambda: narrow.messages_to(browser.number)[0][0] == "sent", meaning="a sent probe")  # noqa: B023
    narrow.close_circuits()
    return float(free - max(taken))


def people_of(portal: Portal, answers: Sequence[Sequence[str]]) -> list[Browser]:
    """Return people whose SMS Twilio will answer like this."""
    people = [portal.member() for _ in answers]
    for browser, each in zip(people, answers, strict=True):
        portal.twilio.will_answer(browser.number, *each)
    return people


# What Twilio refuses for good (G-03), and what the token page says then.
PERMANENT = {
    "21211": "this number cannot receive it",
    "21614": "this number cannot receive it",
    "21635": "this number cannot receive it",
    "30006": "this number cannot receive it",
    "21408": "we cannot send SMS to this country",
    "60605": "we cannot send SMS to this country",
    "21610": "has refused our messages",
    "60410": "blocks this range",
}
BLOCKS_THE_RANGE = "60410"
# What may pass: certainly not processed (F28), or unsure (F25, F29).
PASSING = ("20429", "20500", "20503", "reset")
HOPELESS = ("20429", "20500")


def test_what_is_tried_again_and_what_is_not(narrow: Portal) -> None:
    """G-02, G-03, G-04, F25, F28, F29, F30: two tries at most, the second with less time to live."""
    permanent = {code: ask(narrow, code) for code in PERMANENT if code != BLOCKS_THE_RANGE}
    passing = {kind: ask(narrow, kind, "ok") for kind in PASSING}
    hopeless = {kind: ask(narrow, kind) for kind in HOPELESS}
    for kind, browser in passing.items():
        first, second = narrow.twilio.wait_for(browser.number, 2)
        assert digits(first["Body"]) == digits(second["Body"]), kind
        assert 180 >= int(first["ValidityPeriod"]) > int(second["ValidityPeriod"]) >= 30, kind
        narrow.wait_for_state(browser.number, "sent", 2)
        assert browser.delivery_status() == ("going", "On its way.")
    for browser in hopeless.values():
        narrow.twilio.wait_for(browser.number, 2)
        assert "could not send it" in browser.wait_for_status("failed")
    permanent[BLOCKS_THE_RANGE] = ask(narrow, BLOCKS_THE_RANGE)  # the last one: everybody here has numbers of one range
    narrow.twilio.wait_for(permanent[BLOCKS_THE_RANGE].number)
    # By now the sweep has passed over all of them, and once more when asked.
    assert narrow.manage("deliver_pending", "--once").returncode == 0
    for code, browser in permanent.items():
        assert narrow.messages_to(browser.number) == [("failed", 1, f"twilio-{code}")]
        assert PERMANENT[code] in browser.wait_for_status("failed")
        assert len(narrow.twilio.received(browser.number)) == 1
    narrow.unblock_ranges()
    for browser in hopeless.values():
        assert len(narrow.twilio.received(browser.number)) == 2
    assert narrow.open_circuits() == {}  # fewer than 20 calls failed, and numbers are not the gateway's fault
    for browser in [*permanent.values(), *passing.values(), *hopeless.values()]:
        assert not browser.is_in()


@pytest.mark.parametrize("code", ["20003", "21606", "21608", "30002"])
def test_our_own_fault_opens_the_circuit_at_once(narrow: Portal, code: str) -> None:
    """F31: one call, the operator's alarm, e-mail offered to everybody; the probe ends it."""
    browser = ask(narrow, code, "ok")
    wait_for(narrow.open_circuits, meaning="an open circuit")
    # On a busy machine its half minute may be over before this is looked at.
    narrow.database.rows("UPDATE delivery_opencircuit SET open_until = open_until + interval '1 hour' RETURNING name")
    try:
        assert narrow.open_circuits() == {"twilio": "ours"}
        assert narrow.metric('messaging_circuit_open{gateway="twilio"}') == 1
        other = narrow.member()
        other.post_password()
        assert "SMS is not working right now" in words_of(other.get("/entrar/canal/"))
        assert len(narrow.twilio.received(browser.number)) == 1
        assert not browser.is_in()
        # Time passes: the next try is the probe.
        narrow.database.rows("UPDATE delivery_opencircuit SET open_until = opened_at RETURNING name")
        narrow.end_leases()
        assert narrow.manage("deliver_pending", "--once").returncode == 0
        narrow.wait_for_state(browser.number, "sent", 2)
        assert narrow.open_circuits() == {}
    finally:
        narrow.close_circuits()
    first, second = tokens_sent(narrow, browser)
    assert first == second
    assert location(browser.post_token(second)) == "/"


def test_a_gateway_that_refuses_connections_is_reported_on_the_page(make_portal: MakePortal) -> None:
    """F25: two tries, the truth, and e-mail next to it."""
    portal = make_portal("deaf", TWILIO_API_URL=f"http://127.0.0.1:{free_port()}")
    portal.start_web()
    portal.start_poller("--interval", "0.2")
    browser = portal.member().ask_for_sms()
    assert "Try again or use the other way" in browser.wait_for_status("failed")
    assert portal.messages_to(browser.number) == [("failed", 2, "NewConnectionError")]
    assert not browser.is_in()
    assert location(browser.post("/entrar/canal/", channel="email")) == "/entrar/token/"
    assert portal.mail.wait_for(browser.email)
    portal.stop()


def test_nobody_gets_in_because_nothing_was_sent(narrow: Portal) -> None:
    """Q-05: with the gateway refusing, e-mail is the way in, and it works."""
    browser = ask(narrow, "21211")
    assert not browser.is_in()
    browser.post("/entrar/canal/", channel="email")
    body = narrow.mail.wait_for(browser.email)["data"]
    browser.post_token(digits(body[body.index("\r\n\r\n") :]))
    assert browser.is_in()
