"""W-04: what happens when many requests come at once, through gunicorn's threads and processes, on both databases."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.services import parallel_delivery, parallel_demotion
from tests.services.browser import Browser, Response, at_once, counted, location
from tests.services.portal import Portal
from tests.services.programs import module

SIGNED_IN = (302, "/")


@pytest.fixture(params=["postgres", "sqlite"])
def any_portal(request: pytest.FixtureRequest) -> Portal:
    found: Portal = request.getfixturevalue("portal" if request.param == "postgres" else "sqlite_portal")
    return found


def wrong(token: str, index: int) -> str:
    """Return a token that is certainly another one."""
    return f"{(int(token) + 1 + index) % 1_000_000:06}"


def posts(browser: Browser, tokens: list[str]) -> list[Callable[[], Response]]:
    browser.get("/entrar/token/")
    return [partial(browser.post_aside, "/entrar/token/", token=token) for token in tokens]


def test_a_token_opens_exactly_once(any_portal: Portal) -> None:
    """T-03, F46: 20 parallel right tokens, one success, and one session that is in."""
    browser = any_portal.member().ask_for_sms()
    token = any_portal.token(browser)
    responses = at_once(posts(browser, [token] * 20))
    answers = counted(responses)
    assert answers.pop(SIGNED_IN) == 1, answers
    assert {status for status, _ in answers} <= {200, 302}, answers
    assert {target for _, target in answers} <= {None, "/entrar/"}, answers
    assert [row[1] for row in any_portal.challenges_of(browser)] == [True]
    assert sum(signed_in(browser, response) for response in responses) == 1


def signed_in(browser: Browser, response: Response) -> bool:
    """Tell whether the session of a response is in."""
    if not (cookie := response.cookies.get("session")):
        return False
    browser.session.cookies.set("session", cookie, domain="localhost.local")
    return browser.is_in()


def test_only_five_attempts_are_evaluated(any_portal: Portal) -> None:
    """L-05, L-01: 50 parallel wrong tokens count five, and the right one comes too late."""
    browser = any_portal.member().ask_for_sms()
    token = any_portal.token(browser)
    responses = at_once(posts(browser, [wrong(token, index) for index in range(50)]))
    assert set(counted(responses)) == {(200, None)}
    assert any_portal.challenges_of(browser) == [(5, False, False)]
    statement = """
        SELECT count(*) FROM accounts_auditevent WHERE action = 'token.refused'
        AND user_id = (SELECT id FROM accounts_user WHERE username = %s)"""
    assert any_portal.database.rows(statement, browser.login) == [(5,)]
    assert browser.post_token(token).status_code == 200
    assert not browser.is_in()


def test_the_right_token_among_wrong_ones(any_portal: Portal) -> None:
    """T-03 with L-05: whichever comes first, never more than one gets in and never more than five are looked at."""
    browser = any_portal.member().ask_for_sms()
    token = any_portal.token(browser)
    answers = counted(at_once(posts(browser, [token, *(wrong(token, index) for index in range(9))] * 2)))
    assert answers.get(SIGNED_IN, 0) <= 1
    ((attempts, verified, superseded),) = any_portal.challenges_of(browser)
    assert attempts <= 5
    assert verified is (answers.get(SIGNED_IN, 0) == 1)
    assert superseded is False


def test_a_captcha_passes_one_request(any_portal: Portal) -> None:
    """C-02: one solved captcha, 20 people at once."""
    people = [any_portal.member() for _ in range(20)]
    for one in people:
        one.post_password()
    captcha = people[0].captcha("/entrar/canal/")
    for one in people[1:]:
        one.get("/entrar/canal/")
    calls = [partial(one.post_aside, "/entrar/canal/", channel="sms", altcha=captcha) for one in people]
    assert counted(at_once(calls)) == {(302, "/entrar/token/"): 1, (200, None): 19}
    assert sum(len(any_portal.challenges_of(one)) for one in people) == 1
    assert sum(len(any_portal.messages_to(one.number)) for one in people) == 1


def test_parallel_sends_leave_one_live_token(any_portal: Portal) -> None:
    """T-04, F45, F48: five requests for a token at once, by both channels, each with a captcha of its own."""
    browser = any_portal.member()
    browser.post_password()
    captchas = [browser.captcha("/entrar/canal/") for _ in range(5)]
    calls = [
        partial(browser.post_aside, "/entrar/canal/", channel=channel, altcha=captcha)
        for captcha, channel in zip(captchas, ["sms", "email", "sms", "email", "sms"], strict=True)
    ]
    responses = at_once(calls)
    assert {response.status_code for response in responses} <= {200, 302, 429}, counted(responses)
    sent = [response for response in responses if response.status_code == 302]
    challenges = any_portal.challenges_of(browser)
    assert len(sent) >= len(challenges) == 2  # one by each channel; the rest ran into the cool-down (F45)
    assert [(verified, superseded) for _, verified, superseded in challenges] == [(False, True), (False, False)]


def test_parallel_enrolments_bind_one_phone(any_portal: Portal) -> None:
    """P-05: three browsers of one person, three numbers, three right tokens at once: one phone, one success."""
    first = any_portal.newcomer()
    others = [Browser(first.base, first.login, any_portal.newcomer().number, first.secrets) for _ in range(2)]
    browsers = [first, *others]
    for browser in browsers:
        browser.ask_for_first_sms()
    calls = [call for browser in browsers for call in posts(browser, [any_portal.token(browser)])]
    responses = at_once(calls)
    assert {response.status_code for response in responses} <= {200, 302}
    opened = [counted([response]) == {SIGNED_IN: 1} for response in responses]
    assert opened.count(True) == 1
    assert any_portal.phones_of(first) == [browsers[opened.index(True)].number]
    assert [verified for _, verified, _ in any_portal.challenges_of(first)] == opened


def test_the_loser_of_an_enrolment_can_still_sign_in(any_portal: Portal) -> None:
    """P-05: the second browser goes on as a later sign-in, to the phone that was bound."""
    first = any_portal.newcomer()
    second = Browser(first.base, first.login, any_portal.newcomer().number, first.secrets)
    for browser in (first, second):
        browser.ask_for_first_sms()
    late = any_portal.token(second)
    assert location(first.post_token(any_portal.token(first))) == "/"
    assert location(second.post_token(late)) == "/entrar/canal/"
    assert not second.is_in()
    assert any_portal.phones_of(first) == [first.number]


def test_a_message_is_sent_by_one(any_portal: Portal) -> None:
    """F12, F13: ten threads deliver the same message at once; on SQLite the poller is an eleventh."""
    browser = any_portal.member().ask_for_sms()
    any_portal.token(browser)
    any_portal.wait_for_state(browser.number, "sent", 1, "")
    ten = any_portal.program("parallel-delivery", *module(parallel_delivery.__name__, browser.number))
    ten.start()
    assert ten.ended() == 0
    any_portal.wait_for_state(browser.number, "sent", 1, "")
    assert len(any_portal.twilio.received(browser.number)) == 2  # the first one, and one by the ten threads


def test_two_administrators_who_demote_each_other_leave_one(any_portal: Portal) -> None:
    """A-02: the account's row puts them in a line."""
    two = any_portal.program("parallel-demotion", *module(parallel_demotion.__name__))
    two.start()
    assert two.ended() == 0
