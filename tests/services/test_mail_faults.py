"""When the mail server is gone or frozen, and when nothing can leave at all (F36, F38)."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.browser import Browser, location, words_of
from tests.services.conftest import MakePortal
from tests.services.portal import Mail, Portal, digits, now
from tests.services.programs import wait_for
from tests.services.promptness import ask_promptly, in_time


@pytest.fixture(scope="module")
def own_mail(folder: Path) -> Iterator[Mail]:
    mail = Mail(folder, "own-mail")
    yield mail
    mail.program.kill()


@pytest.fixture(scope="module")
def mute(make_portal: MakePortal, own_mail: Mail) -> Iterator[Portal]:
    portal = make_portal("mute", own_broker=True, own_mail=own_mail)
    portal.start_web()
    portal.start_worker()
    portal.start_poller("--interval", "0.2")
    yield portal
    portal.stop()


@pytest.fixture
def no_mail(mute: Portal) -> Iterator[None]:
    mute.mail.program.kill()
    yield
    mute.mail.start()


@pytest.fixture
def frozen_mail(mute: Portal) -> Iterator[None]:
    mute.mail.program.signal(signal.SIGSTOP)
    yield
    mute.mail.program.signal(signal.SIGCONT)


def ask_by_email(portal: Portal) -> Browser:
    return ask_promptly(portal, "email")


@pytest.mark.usefixtures("no_mail")
def test_a_token_by_email_that_fails_says_so(mute: Portal) -> None:
    """F36: two tries, then the truth; SMS is the way in."""
    browser = ask_by_email(mute)
    text = browser.wait_for_status("failed")
    assert "could not send it" in text
    assert text in words_of(browser.get("/entrar/token/"))
    mute.wait_for_state(browser.email, "failed", 2, "ConnectionRefusedError")
    assert not browser.is_in()
    assert location(browser.post("/entrar/canal/", channel="sms")) == "/entrar/token/"
    assert location(browser.post_token(mute.token(browser))) == "/"


def test_notices_are_kept_and_sent_when_the_server_is_back(mute: Portal, request: pytest.FixtureRequest) -> None:
    """F36: notices are not dropped, tokens are."""
    mute.mail.program.kill()
    try:
        newcomer = mute.newcomer().ask_for_first_sms()
        assert location(newcomer.post_token(mute.token(newcomer))) == "/"
        doomed = ask_by_email(mute)
        doomed.wait_for_status("failed")
        for tries in (1, 2, 3):
            mute.end_leases()
            wait_for(lambda: tried(mute, newcomer.email) >= tries, meaning="a try")  # noqa: B023
        # A lease that ended during a try would let another sender try beside it.
        wait_for(lambda: refused(mute, newcomer.email) == tried(mute, newcomer.email), meaning="the end of each try")
        ((state, _tries, error),) = mute.messages_to(newcomer.email)
        assert (state, error) == ("sending", "ConnectionRefusedError")
    finally:
        mute.mail.start()
    mute.end_leases()
    assert mute.mail.wait_for(newcomer.email)
    wait_for(lambda: mute.messages_to(newcomer.email)[0][0] == "sent", meaning="a sent notice")
    mute.end_leases()
    assert mute.manage("deliver_pending", "--once").returncode == 0
    assert len(mute.mail.received(newcomer.email)) == 1
    assert mute.mail.received(doomed.email) == []
    assert not doomed.is_in()


def test_a_server_that_greylists_gets_the_token_again_and_the_page_says_so(mute: Portal) -> None:
    """O-06: 451 for half a minute: the same digits arrive within their life."""
    browser = mute.member()
    mute.mail.will_answer(browser.email, *["451 4.7.1 Greylisted, come back later"] * 3, "")
    browser.post_password()
    browser.post_channel("email")
    wait_for(lambda: "asked us to wait" in words_of(browser.get("/entrar/token/")), meaning="the reason on the page")
    email = mute.mail.wait_for(browser.email, seconds=60)
    assert email["helo"] == "localhost"
    assert "Auto-Submitted: auto-generated" in email["data"]
    assert location(browser.post_token(digits(email["data"].partition("\r\n\r\n")[2]))) == "/"


def test_a_server_that_refuses_us_loses_no_notice(mute: Portal) -> None:
    """O-05: 554 5.7.1 is no fault of the reader's: "a phone was added" arrives when the server is told of us."""
    newcomer = mute.newcomer()
    mute.mail.will_answer(newcomer.email, f"554 5.7.1 <{newcomer.email}>: Relay access denied")
    newcomer.ask_for_first_sms()
    assert location(newcomer.post_token(mute.token(newcomer))) == "/"
    wait_for(lambda: mute.messages_to(newcomer.email)[0][2] == "smtp-554 5.7.1", meaning="a refusal")
    doctor = mute.manage("doctor").stdout
    assert "BROKEN  E-mail by 127.0.0.1" in doctor
    # Those of other tests may wait beside it.
    assert re.search(r"it refuses what we send \(smtp-554 5\.7\.1\); [1-9]\d* messages wait\.", doctor)
    mute.mail.will_answer(newcomer.email, "")
    mute.end_leases()
    assert mute.mail.wait_for(newcomer.email)


def tried(portal: Portal, destination: str) -> int:
    return portal.messages_to(destination)[0][1]


def refused(portal: Portal, destination: str) -> int:
    """Return how often the one message to an address was refused, by the logs."""
    ((number,),) = portal.database.rows("SELECT id FROM delivery_message WHERE destination = %s", destination)
    return portal.logs().count(f"message {number} not accepted by smtp")


@pytest.mark.usefixtures("frozen_mail")
def test_a_frozen_mail_server_holds_up_nobody(mute: Portal) -> None:
    """F36, Q-01: the click answers, and SMS leaves meanwhile: an e-mail is given up after 10 s."""
    in_time(5, lambda: seconds_of_an_sms_beside_frozen_mail(mute))


def seconds_of_an_sms_beside_frozen_mail(mute: Portal) -> float:
    """Return how long an SMS takes from the click to the gateway, behind three e-mails that do not leave."""
    browser = mute.member()
    click = browser.at_the_choice()
    waiting = [ask_by_email(mute) for _ in range(3)]
    clicked = now()
    assert location(click()) == "/entrar/token/"
    (request,) = mute.twilio.wait_for(browser.number)
    assert not any(one.is_in() for one in (browser, *waiting))
    assert location(browser.post_token(mute.token(browser))) == "/"
    return float(request["at"]) - clicked


@pytest.mark.usefixtures("no_mail")
def test_with_both_ways_down_nobody_gets_in(mute: Portal) -> None:
    """F38, Q-05: honest pages, no skip; and the same sign-in goes on when a way is back."""
    browser = mute.member()
    mute.twilio.will_answer(browser.number, "20500", "20500", "ok")
    browser.ask_for_sms()
    assert "could not send it" in browser.wait_for_status("failed")
    assert location(browser.post("/entrar/canal/", channel="email")) == "/entrar/token/"
    assert "could not send it" in browser.wait_for_status("failed")
    for path in ("/", "/meu-perfil/", "/admin/"):
        assert browser.get(path).status_code == 302, path
    for method in ("/entrar/token/", "/entrar/canal/"):
        assert "skip" not in words_of(browser.get(method)).lower().replace("skip to the content", "")
    assert not browser.is_in()
    # The cool-down of a minute passes; Twilio is back.
    mute.database.rows("UPDATE twofactor_challenge SET issued_at = issued_at - interval '2 minutes' RETURNING id")
    assert location(browser.post("/entrar/canal/", channel="sms")) == "/entrar/token/"
    assert location(browser.post_token(mute.token(browser, 3))) == "/"
