"""Two gateways: what one does not take goes by the other, with the same digits (F35)."""

from collections.abc import Iterator
from functools import partial

import pytest
import requests

from tests.services import fake_sinch
from tests.services.browser import Browser, at_once, location, words_of
from tests.services.conftest import MakePortal
from tests.services.portal import Portal, Sinch, digits, with_sinch
from tests.services.programs import PATIENCE, wait_for
from tests.services.promptness import in_time


@pytest.fixture(scope="module")
def doubled(make_portal: MakePortal, sinch: Sinch) -> Iterator[Portal]:
    portal = make_portal("doubled", own_broker=True, **with_sinch(sinch.url))
    portal.secrets.add(fake_sinch.API_TOKEN)
    portal.start_web()
    portal.start_worker(30)
    portal.start_poller()
    yield portal
    portal.stop()


@pytest.fixture(autouse=True)
def closed_circuits(doubled: Portal) -> Iterator[None]:
    yield
    doubled.close_circuits()


def ask(portal: Portal, sinch: Sinch, *answers: str, by_sinch: str = "ok") -> Browser:
    browser = portal.member()
    portal.twilio.will_answer(browser.number, *answers)
    sinch.will_answer(browser.number, by_sinch)
    return browser.ask_for_sms()


def carried_by(portal: Portal, browser: Browser) -> str:
    statement = "SELECT gateway FROM delivery_message WHERE destination = %s"
    return str(portal.database.rows(statement, browser.number)[0][0])


def test_what_was_surely_not_taken_goes_by_the_other_at_once(doubled: Portal, sinch: Sinch) -> None:
    """F28, F31, G-04: 429 and our own credentials; the request is as Sinch wants it, and says when it ends."""
    for code in ("20429", "20003"):
        in_time(1, partial(seconds_to_the_other, doubled, sinch, code))  # a second claim waits for a second or more


def seconds_to_the_other(doubled: Portal, sinch: Sinch, code: str) -> float:
    """Return how long it takes from the first gateway to the second."""
    browser = ask(doubled, sinch, code)
    (request,) = sinch.wait_for(browser.number)
    (first,) = doubled.twilio.received(browser.number)
    assert request["answer"] == "ok"
    assert request["Body"] == first["Body"]
    assert "expire_at" in request
    doubled.wait_for_state(browser.number, "sent", 2, "")
    assert carried_by(doubled, browser) == "sinch"
    assert not browser.is_in()
    assert location(browser.post_token(sinch.token(browser.number))) == "/"
    doubled.close_circuits()
    return float(request["at"] - first["at"])


def test_a_refused_number_is_refused_once(doubled: Portal, sinch: Sinch) -> None:
    """F30: no second gateway is asked about a landline."""
    browser = ask(doubled, sinch, "21614")
    assert "this number cannot receive it" in browser.wait_for_status("failed")
    assert sinch.received(browser.number) == []
    assert not browser.is_in()


def test_two_refusing_gateways_are_reported_on_the_page(doubled: Portal, sinch: Sinch) -> None:
    """F38 on the SMS side: two calls in all, then the truth."""
    browser = ask(doubled, sinch, "20429", by_sinch="500")
    assert "could not send it" in browser.wait_for_status("failed")
    assert len(doubled.twilio.received(browser.number)) == len(sinch.received(browser.number)) == 1
    assert not browser.is_in()


def test_the_circuit_opens_hands_over_and_closes_again(doubled: Portal, sinch: Sinch) -> None:
    """F35: half of twenty calls fail; from then on everything goes by Sinch, and a probe brings Twilio back."""
    good = [doubled.member() for _ in range(10)]
    bad = [doubled.member() for _ in range(11)]
    for browser in bad:
        doubled.twilio.will_answer(browser.number, "20500")
    clicks = {browser: browser.at_the_choice() for browser in (*good, *bad)}  # all calls come in one minute
    at_once([clicks[browser] for browser in good])
    for browser in good:
        doubled.wait_for_state(browser.number, "sent", 1, "")
    assert doubled.open_circuits() == {}
    at_once([clicks[browser] for browser in bad])
    wait_for(doubled.open_circuits, meaning="an open circuit")
    assert doubled.open_circuits() == {"twilio": "unsure"}
    doubled.database.rows("UPDATE delivery_opencircuit SET open_until = open_until + interval '1 hour' RETURNING name")
    assert doubled.metric('messaging_circuit_open{gateway="twilio"}') == 1
    assert doubled.metric('messaging_circuit_open{gateway="sinch"}') == 0

    # Those whose first call failed get the same digits by Sinch; nobody gets more than two messages. On a busy machine
    # the circuit may open before the last of them has called Twilio.
    handed_over = 0
    for browser in bad:
        wait_for(partial(is_over, doubled, browser), 60, meaning="sent or failed")
        by_twilio, by_sinch = doubled.twilio.received(browser.number), sinch.received(browser.number)
        assert len(by_twilio) + len(by_sinch) == (2 if by_twilio else 1)
        assert len({digits(request["Body"]) for request in [*by_twilio, *by_sinch]}) == 1
        handed_over += bool(by_twilio and by_sinch)
        assert not browser.is_in()
    assert handed_over >= 1

    # SMS is still offered, and does not even try Twilio.
    later = doubled.member()
    later.post_password()
    assert "SMS is not working" not in words_of(later.get("/entrar/canal/"))
    later = doubled.member().ask_for_sms()
    token = sinch.token(later.number)
    assert doubled.twilio.received(later.number) == []
    assert location(later.post_token(token)) == "/"

    # Its time passes. The probe fails: still open. The next one succeeds: closed.
    for answer, still_open in (("20500", True), ("ok", False)):
        doubled.database.rows("UPDATE delivery_opencircuit SET open_until = opened_at RETURNING name")
        probe = ask(doubled, sinch, answer)
        doubled.twilio.wait_for(probe.number)
        wait_for(lambda: bool(doubled.open_circuits()) is still_open, meaning="the probe's outcome")  # noqa: B023
        wait_for(lambda: doubled.messages_to(probe.number)[0][0] == "sent", meaning="a sent probe")  # noqa: B023
        assert carried_by(doubled, probe) == ("sinch" if still_open else "twilio")
        assert not probe.is_in()
    back = ask(doubled, sinch, "ok")
    doubled.wait_for_state(back.number, "sent", 1, "")
    assert carried_by(doubled, back) == "twilio"
    assert sinch.received(back.number) == []


def is_over(portal: Portal, browser: Browser) -> bool:
    """Tell whether the one message to a person is sent or has failed."""
    ((state, _tries, _error),) = portal.messages_to(browser.number)
    return state in {"sent", "failed"}


def test_sinch_reports_the_delivery_status(doubled: Portal, sinch: Sinch) -> None:
    """G-06: at the address that it was given with the message, and at no other."""
    browser = ask(doubled, sinch, "20429")
    (request,) = sinch.wait_for(browser.number)
    doubled.wait_for_state(browser.number, "sent", 2, "")
    report = {"type": "recipient_delivery_report_sms", "batch_id": "B1", "status": "Delivered", "code": 0}
    assert (
        requests.post(request["callback_url"].replace("-2:", "-1:"), json=report, timeout=PATIENCE).status_code == 403
    )
    assert browser.delivery_status() == ("going", "On its way.")
    assert requests.post(request["callback_url"], json=report, timeout=PATIENCE).status_code == 204
    assert browser.delivery_status() == ("arrived", "Delivered to the phone.")
    assert not browser.is_in()
