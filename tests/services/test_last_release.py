"""The last release runs on today's schema beside today's code: during a deploy, and after one was taken back."""

from pathlib import Path

import pytest

from tests.services import releases
from tests.services.browser import Browser, location
from tests.services.conftest import MakePortal
from tests.services.portal import Portal, Release, digits
from tests.services.seed import PASSWORD

SETTINGS = "/configuracoes/minha-conta/"


@pytest.fixture(scope="module")
def last_release(folder: Path, make_portal: MakePortal) -> Release:
    """Return the code of the last release, with static files of its own."""
    if not releases.has_history():
        pytest.xfail("this copy has no history to take the last release from")
    release = releases.unpack(folder)
    releases.run(release, make_portal("last-release-static").env, "manage.py", "collectstatic", "--verbosity", "0")
    return release


@pytest.fixture(scope="module", params=["both old", "web is new", "worker is new"])
def mixed(request: pytest.FixtureRequest, last_release: Release, make_portal: MakePortal) -> Portal:
    """Return an installation with today's schema, of which web, worker or both are of the last release."""
    portal = make_portal(request.param.replace(" ", "-"), own_broker=True)
    portal.start_web(release=None if request.param == "web is new" else last_release)
    portal.start_worker(release=None if request.param == "worker is new" else last_release)
    return portal


def test_the_four_journeys(mixed: Portal) -> None:
    """O-02."""
    newcomer = mixed.newcomer().ask_for_first_sms()
    assert location(newcomer.post_token(mixed.token(newcomer))) == "/"
    has_phone = "SELECT has_phone FROM accounts_user WHERE username = %s"
    assert mixed.database.rows(has_phone, newcomer.login) == [(True,)], "every list has them without a phone"
    member = mixed.member()
    member.post_password()
    member.post_channel("email")
    assert location(member.post_token(mailed_token(mixed, member))) == "/"
    change_phone(mixed, newcomer, mixed.newcomer().number)
    switch_policy(mixed, mixed.administrator())


def mailed_token(portal: Portal, browser: Browser) -> str:
    token = digits(portal.mail.wait_for(browser.email)["data"].partition("\r\n\r\n")[2])
    portal.secrets.add(token)
    return token


def change_phone(portal: Portal, browser: Browser, number: str) -> None:
    """Change the phone of somebody who is signed in, with a proof by SMS and a token to the new number."""
    confirm = "/meu-perfil/telefone/confirmar/"
    portal.database.rows("UPDATE twofactor_challenge SET issued_at = issued_at - interval '2 minutes' RETURNING id")
    location(browser.post("/meu-perfil/telefone/", form_at="/meu-perfil/", country="BR", number=number[3:]))
    location(browser.post(confirm, password=PASSWORD, channel="sms"))
    location(browser.post(confirm, token=portal.token(browser, 2)))
    token = portal.twilio.token(number)
    portal.secrets |= {token, number[1:]}
    location(browser.post(confirm, token=token))
    assert portal.phones_of(browser) == [number]


def switch_policy(portal: Portal, administrator: Browser) -> None:
    """Switch the policy off, and on again."""
    administrator.ask_for_first_sms()
    assert location(administrator.post_token(portal.token(administrator))) == "/"
    for number, (fields, is_on) in enumerate([({}, False), ({"two_factor_required": "on"}, True)], start=2):
        portal.database.rows("UPDATE twofactor_challenge SET issued_at = issued_at - interval '2 minutes' RETURNING id")
        assert location(administrator.post(SETTINGS, **fields)) == "/confirmar-identidade/"
        location(administrator.post("/confirmar-identidade/", password=PASSWORD, channel="sms"))
        if is_on is False or administrator.get("/confirmar-identidade/").status_code == 200:
            location(administrator.post("/confirmar-identidade/", token=portal.token(administrator, number)))
        assert portal.database.rows("SELECT two_factor_required FROM accounts_account") == [(is_on,)]
