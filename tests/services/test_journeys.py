"""The journeys through every real part: gunicorn, Celery, broker, PostgreSQL, Twilio's protocol, SMTP."""

import email
import email.policy
import re

import requests

from tests.services import fake_twilio
from tests.services.browser import location
from tests.services.portal import Portal, digits, host
from tests.services.programs import PATIENCE


def test_first_sign_in_proves_the_phone_by_sms(portal: Portal) -> None:
    browser = portal.newcomer().ask_for_first_sms()
    assert portal.phones_of(browser) == []  # P-06
    token = portal.token(browser)
    assert location(browser.post_token(token)) == "/"
    assert browser.is_in()
    assert portal.phones_of(browser) == [browser.number]
    notice = portal.mail.wait_for(browser.email)["data"]  # P-05: told at once
    assert browser.number[1:] not in notice


def test_later_sign_in_by_sms(portal: Portal) -> None:
    browser = portal.member().ask_for_sms()
    assert not browser.is_in()
    assert location(browser.post_token(portal.token(browser))) == "/"
    assert browser.is_in()
    portal.wait_for_state(browser.number, "sent", 1, "")


def test_later_sign_in_by_email(portal: Portal) -> None:
    browser = portal.member()
    browser.post_password()
    browser.post_channel("email")
    received = portal.mail.wait_for(browser.email)
    letter = email.message_from_string(received["data"], policy=email.policy.default)
    assert received["to"] == [browser.email]
    assert not re.search(r"\d{6}", letter["Subject"])  # T-12
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain
    assert html
    token = digits(plain.get_content())
    portal.secrets.add(token)
    assert token in html.get_content()
    assert location(browser.post_token(token)) == "/"
    assert browser.is_in()


def test_what_twilio_is_asked(portal: Portal) -> None:
    """G-02, T-10: a text that dies with its token, in one segment, its last line bound to our host."""
    browser = portal.member().ask_for_sms()
    token = portal.token(browser)
    (request,) = portal.twilio.received(browser.number)
    assert request["answer"] == "ok"  # account, password, sender and fields were as Twilio wants them
    assert request["path"] == f"/2010-04-01/Accounts/{fake_twilio.SID}/Messages.json"
    assert 150 <= int(request["ValidityPeriod"]) <= 180
    assert request["MessagingServiceSid"] == fake_twilio.SERVICE
    assert request["Body"].splitlines()[-1] == f"@localhost #{token}"
    assert len(request["Body"]) <= 160
    assert request["Body"].isascii()
    portal.wait_for_state(browser.number, "sent", 1, "")
    statement = "SELECT gateway, gateway_id FROM delivery_message WHERE destination = %s"
    ((gateway, gateway_id),) = portal.database.rows(statement, browser.number)
    assert gateway == "twilio"
    assert re.fullmatch(r"SM[0-9a-f]{32}", gateway_id)


def test_another_token_replaces_the_one_before(portal: Portal) -> None:
    """T-04 over the other channel, which has no cool-down of the first one's."""
    browser = portal.member().ask_for_sms()
    first = portal.token(browser)
    assert location(browser.post("/entrar/canal/", channel="email")) == "/entrar/token/"
    portal.mail.wait_for(browser.email)
    assert browser.post_token(first).status_code == 200
    assert not browser.is_in()


def test_a_forged_host_is_refused(portal: Portal) -> None:
    """W-03."""
    for forged in ("evil.example", f"evil.example:{portal.port}", "localhost.evil.example"):
        response = requests.get(f"{portal.base}/entrar/", headers={"Host": forged}, timeout=PATIENCE)
        assert response.status_code == 400, forged
        assert "evil" not in response.text
    good = requests.get(f"{portal.base}/entrar/", headers={"Host": host(portal.base)}, timeout=PATIENCE)
    assert good.status_code == 200


def test_the_portal_is_ready(portal: Portal) -> None:
    """Q-06: a poller that looks once leaves a heartbeat, and the sender counts as alive."""
    assert portal.manage("deliver_pending", "--once").returncode == 0
    response = requests.get(f"{portal.base}/readyz", timeout=PATIENCE)
    assert (response.status_code, response.json()) == (200, {"database": "ok", "broker": "ok", "sender": "ok"})


def test_the_outbox_page_does_not_exist(portal: Portal) -> None:
    headers = {"Accept": "application/json"}
    assert requests.get(f"{portal.base}/caixa-de-saida/", headers=headers, timeout=PATIENCE).status_code == 404
