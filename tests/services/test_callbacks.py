"""What Twilio reports afterwards: signed or not, early, late, twice, reversed (F32, F33, F34, G-05, G-06)."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.services import fake_twilio
from tests.services.browser import Browser, location, words_of
from tests.services.conftest import MakePortal
from tests.services.portal import Portal
from tests.services.programs import PATIENCE


@pytest.fixture(scope="module")
def told(make_portal: MakePortal) -> Iterator[Portal]:
    portal = make_portal("told")
    portal.start_web()
    portal.start_poller("--interval", "0.1")
    yield portal
    portal.stop()


def sent(portal: Portal) -> tuple[Browser, dict[str, Any]]:
    """Return somebody whose SMS Twilio has taken, and its request."""
    browser = portal.member().ask_for_sms()
    (request,) = portal.twilio.wait_for(browser.number)
    portal.token(browser)
    portal.wait_for_state(browser.number, "sent", 1, "")
    assert browser.delivery_status() == ("going", "On its way.")
    return browser, request


def state(portal: Portal, browser: Browser) -> str:
    ((now, _tries, _error),) = portal.messages_to(browser.number)
    return now


def test_a_delivered_message_is_reported_on_the_page(told: Portal) -> None:
    """F34, G-06: also twice, and also when the report of before comes after."""
    browser, request = sent(told)
    assert told.twilio.report(request, "queued") == 204
    assert told.twilio.report(request, "sent") == 204
    assert state(told, browser) == "sent"
    for status in ("delivered", "delivered", "sent", "queued", "undelivered", "read"):
        assert told.twilio.report(request, status, "30003" if status == "undelivered" else "") == 204
        assert browser.delivery_status() == ("arrived", "Delivered to the phone.")
    assert state(told, browser) == "delivered"
    assert "Delivered to the phone." in words_of(browser.get("/entrar/token/"))  # without JavaScript
    assert not browser.is_in()  # G-06: a report opens nothing
    assert location(browser.post_token(told.token(browser))) == "/"


UNDELIVERED = {
    "30003": "switched off or out of reach",
    "30005": "this number cannot receive it",
    "30006": "this number cannot receive it",
    "30008": "the carrier does not say why",
    "99999": "",
}


@pytest.mark.parametrize("code", UNDELIVERED)
def test_an_undelivered_message_is_reported_on_the_page_and_sends_nothing(told: Portal, code: str) -> None:
    """F32: the reason next to the way out; the token itself stays good."""
    browser, request = sent(told)
    assert told.twilio.report(request, "undelivered", code) == 204
    word, text = browser.delivery_status()
    assert word == "failed"
    assert UNDELIVERED[code] in text
    page = words_of(browser.get("/entrar/token/"))
    assert text in page
    assert told.twilio.report(request, "sent") == 204
    assert browser.delivery_status()[0] == "failed"
    assert told.messages_to(browser.number) == [("failed", 1, f"twilio-{code}")]
    told.end_leases()
    assert told.manage("deliver_pending", "--once").returncode == 0
    assert len(told.twilio.received(browser.number)) == 1
    assert not browser.is_in()
    assert location(browser.post_token(told.token(browser))) == "/"  # it came after all


def test_a_report_may_come_before_our_commit(told: Portal) -> None:
    """F34: Twilio reports while our own call is still under way; the later answer does not take it back."""
    browser = told.member()
    told.twilio.will_answer(browser.number, "early-delivered")
    browser.ask_for_sms()
    assert browser.wait_for_status("arrived") == "Delivered to the phone."
    assert told.manage("deliver_pending", "--once").returncode == 0
    assert browser.delivery_status()[0] == "arrived"
    assert len(told.twilio.received(browser.number)) == 1
    assert not browser.is_in()


def test_a_report_of_nothing_we_know_is_taken_quietly(told: Portal) -> None:
    """G-06."""
    browser, request = sent(told)
    unknown = f"{told.base}/retorno/twilio/999999999/1/"
    assert told.twilio.report({**request, "StatusCallback": unknown}, "delivered") == 204
    assert told.twilio.report(request, "no-such-status") == 204
    assert told.twilio.report(request, "") == 204
    assert state(told, browser) == "sent"


def test_a_report_that_twilio_did_not_sign_is_refused(told: Portal) -> None:
    """G-05: nothing changes, whatever is wrong with it, and nothing breaks."""
    browser, request = sent(told)
    url = request["StatusCallback"]
    assert url.startswith(f"{told.base}/retorno/twilio/")
    fields = {"MessageSid": request["sid"], "MessageStatus": "delivered"}
    good = fake_twilio.sign(url, fields)
    elsewhere = fake_twilio.sign(url.replace("localhost", "evil.example"), fields)
    other_id = fake_twilio.sign(url[:-1] + "0/", fields)
    forged: list[tuple[dict[str, Any], dict[str, str]]] = [
        (fields, {}),
        (fields, {"X-Twilio-Signature": ""}),
        (fields, {"X-Twilio-Signature": "x" * 5000}),
        (fields, {"X-Twilio-Signature": ("B" if good[0] == "A" else "A") + good[1:]}),
        (fields, {"X-Twilio-Signature": elsewhere}),
        (fields, {"X-Twilio-Signature": other_id}),
        (fields, {"X-Twilio-Signature": "\xe9\xe9"}),
        ({**fields, "Extra": "1"}, {"X-Twilio-Signature": good}),
        ({"MessageSid": request["sid"]}, {"X-Twilio-Signature": good}),
        ({**fields, "MessageStatus": ["delivered", "failed"]}, {"X-Twilio-Signature": good}),
        ({**fields, "MessageStatus": "failed"}, {"X-Twilio-Signature": good}),
        ({}, {"X-Twilio-Signature": good}),
    ]
    for data, headers in forged:
        encoded = {name: value.encode("latin-1") for name, value in headers.items()}
        response = requests.post(url, data=data, headers=encoded, timeout=PATIENCE)
        assert response.status_code == 403, (data, headers)
    as_json = requests.post(url, json=fields, headers={"X-Twilio-Signature": good}, timeout=PATIENCE)
    assert as_json.status_code == 403
    assert requests.get(url, fields, headers={"X-Twilio-Signature": good}, timeout=PATIENCE).status_code == 405
    assert state(told, browser) == "sent"
    assert told.twilio.report(request, "delivered") == 204  # the real one
    assert state(told, browser) == "delivered"


def test_a_late_token_is_refused_with_the_reason(told: Portal) -> None:
    """F33: delivered after its 180 seconds."""
    browser, request = sent(told)
    told.database.rows("UPDATE twofactor_challenge SET expires_at = now() RETURNING id")
    assert told.twilio.report(request, "delivered") == 204
    assert "too old" in words_of(browser.post_token(told.token(browser)))
    assert not browser.is_in()
