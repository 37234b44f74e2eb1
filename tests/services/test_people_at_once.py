"""F45 to F53 when it all comes at once: two clicks, two tabs, two devices, on both databases."""

from email import message_from_string
from email.policy import default
from functools import partial

import pytest

from tests.services.browser import Browser, Response, at_once, counted, location
from tests.services.portal import Portal, digits
from tests.services.seed import PASSWORD


@pytest.fixture(params=["postgres", "sqlite"])
def any_portal(request: pytest.FixtureRequest) -> Portal:
    found: Portal = request.getfixturevalue("portal" if request.param == "postgres" else "sqlite_portal")
    return found


def second_device(portal: Portal, browser: Browser) -> Browser:
    """Return another browser of the same person."""
    return Browser(browser.base, browser.login, browser.number, browser.secrets)


def signed_in(portal: Portal) -> Browser:
    browser = portal.member().ask_for_sms()
    assert location(browser.post_token(portal.token(browser))) == "/"
    return browser


def rows_of(portal: Portal, browser: Browser, action: str) -> int:
    statement = """
        SELECT count(*) FROM accounts_auditevent WHERE action = %s
        AND user_id = (SELECT id FROM accounts_user WHERE username = %s)"""
    return int(portal.database.rows(statement, action, browser.login)[0][0])


def test_f45_two_clicks_on_send_are_one_token(any_portal: Portal) -> None:
    """F45: one challenge, one message, and both answers lead to the page that asks for the token."""
    browser = any_portal.member()
    browser.post_password()
    captcha = browser.captcha("/entrar/canal/")
    click = partial(browser.post_aside, "/entrar/canal/", channel="sms", altcha=captcha)
    assert counted(at_once([click] * 5)) == {(302, "/entrar/token/"): 5}
    assert len(any_portal.challenges_of(browser)) == 1
    assert len(any_portal.messages_to(browser.number)) == 1


def test_f49_two_devices_of_one_person_finish_at_once(any_portal: Portal) -> None:
    """F49: each with a token of its own, and both are in."""
    one = any_portal.member().ask_for_sms()
    first = any_portal.token(one)
    other = second_device(any_portal, one)
    other.post_password()
    captcha = other.captcha("/entrar/canal/")
    assert location(other.post_at_once("/entrar/canal/", channel="email", altcha=captcha)) == "/entrar/token/"
    second = mailed_token(any_portal, other)
    one.get("/entrar/token/")
    other.get("/entrar/token/")
    calls = [
        partial(one.post_at_once, "/entrar/token/", token=first),
        partial(other.post_at_once, "/entrar/token/", token=second),
    ]
    assert counted(at_once(calls)) == {(302, "/"): 2}
    assert one.is_in()
    assert other.is_in()


def test_f53_who_signs_out_while_a_token_is_verified_is_out_or_was_never_in(any_portal: Portal) -> None:
    """F53: whichever comes first; the session of the tab that signed out opens nothing any more."""
    for _ in range(5):
        browser = any_portal.member().ask_for_sms()
        token = any_portal.token(browser)
        browser.get("/entrar/token/")
        before = browser.session.cookies.get("session")
        calls = [
            partial(browser.post_aside, "/sair/"),
            partial(browser.post_aside, "/entrar/token/", token=token),
        ]
        out, verified = at_once(calls)
        assert location(out) == "/entrar/"
        assert verified.status_code in {200, 302}  # refused, sent away, or in for a moment
        assert not opens(any_portal, browser, before)
        assert not opens(any_portal, browser, verified.cookies.get("session"))


def opens(portal: Portal, browser: Browser, session: str | None) -> bool:
    """Tell whether a session's id is in."""
    device = second_device(portal, browser)
    if session:
        device.session.cookies.set("session", session, domain="localhost.local")
    return device.is_in()


def test_f52_of_two_changes_of_a_phone_at_once_one_is_made(any_portal: Portal) -> None:
    """F52: two sessions, two new numbers, both at the last token: one number is in force, told and written once."""
    one = signed_in(any_portal)
    other = second_device(any_portal, one)
    other.post_password()
    other.post_channel("email")
    assert location(other.post_token(mailed_token(any_portal, other))) == "/"
    numbers = [any_portal.newcomer().number for _ in range(2)]
    finals = [at_the_last_token(any_portal, one, numbers[0], 2), at_the_last_token(any_portal, other, numbers[1], 3)]
    answers: list[Response] = at_once(finals)
    assert {answer.status_code for answer in answers} <= {200, 302}, any_portal.logs()[-4000:]
    assert any_portal.phones_of(one)[0] in numbers
    assert rows_of(any_portal, one, "phone.changed") == 1


def mailed_token(portal: Portal, browser: Browser) -> str:
    """Return the token of a person's newest e-mail."""
    message = message_from_string(portal.mail.wait_for(browser.email)["data"], policy=default)
    plain = message.get_body(("plain",))
    assert plain
    token = digits(plain.get_content())
    portal.secrets.add(token)
    return token


def at_the_last_token(portal: Portal, browser: Browser, number: str, sms: int) -> "partial[Response]":
    """Walk the change of a phone up to its last proof; return the click that is left."""
    confirm = "/meu-perfil/telefone/confirmar/"
    portal.database.rows(
        "DELETE FROM accounts_budget RETURNING key"
    )  # as if a day lay between; sends are not the point
    location(browser.post("/meu-perfil/telefone/", form_at="/meu-perfil/", country="BR", number=number[3:]))
    location(browser.post(confirm, password=PASSWORD, channel="sms"))
    location(browser.post(confirm, token=portal.token(browser, sms)))
    token = portal.twilio.token(number)
    portal.secrets.add(token)
    browser.get(confirm)
    return partial(browser.post_at_once, confirm, token=token)
