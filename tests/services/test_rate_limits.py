"""The limits of sends on PostgreSQL: exact however many come at once, and the same without a broker."""

import sys
from functools import partial

import psycopg
import pytest

from tests.services import parallel_counting
from tests.services.browser import Browser, Response, at_once
from tests.services.conftest import MakePortal
from tests.services.portal import PATIENT, Portal
from tests.services.programs import module, wait_for

CROWD = 50


def wait_at_the_choice(portal: Portal) -> tuple[Browser, str]:
    """Return a member who has solved the captcha and is about to press the button."""
    browser = portal.member()
    browser.post_password()
    return browser, browser.captcha("/entrar/canal/")


def choose(browser: Browser, captcha: str) -> Response:
    return browser.post_aside("/entrar/canal/", channel="sms", altcha=captcha)


def used(portal: Portal, key: str) -> list[int]:
    return [row[0] for row in portal.database.rows("SELECT used FROM accounts_budget WHERE key LIKE %s", key)]


@pytest.fixture(scope="module")
def narrow(make_portal: MakePortal) -> Portal:
    """Return a portal whose account has 17 SMS a day, seven of them for new browsers. Nothing sends."""
    portal = make_portal("seven", **PATIENT)
    portal.database.rows("UPDATE accounts_account SET sms_a_day = 17 RETURNING id")
    portal.start_web(workers=2)
    return portal


def test_fifty_at_once_are_counted_exactly(narrow: Portal) -> None:
    """L-05, C-08, C-09: seven of fifty people of one account; a refusal counts nothing."""
    people = [wait_at_the_choice(narrow) for _ in range(CROWD)]
    answers = [response.status_code for response in at_once([partial(choose, *one) for one in people])]
    assert sorted(answers) == [200] * (CROWD - 7) + [302] * 7  # whoever gets none stays on the page: e-mail is left
    assert sum(used(narrow, "account %")) == sum(used(narrow, "account_all %")) == 7
    assert sum(used(narrow, "system%")) == 7
    assert sum(len(narrow.messages_to(browser.number)) for browser, _ in people) == 7


@pytest.mark.parametrize("broken", [False, True], ids=["broker", "no broker"])
def test_the_numbers_are_the_same_without_a_broker(make_portal: MakePortal, broken: bool) -> None:
    """C-08, Q-04: nothing of the limits is kept there."""
    portal = make_portal(f"limits-{broken}", own_broker=True, LIMIT_USER="4/900", LIMIT_MAILBOX="2/600")
    portal.start_web()
    if broken:
        portal.broker.program.kill()
    browser = portal.member()
    answers = []
    for channel in ("sms", "email", "email", "email", "sms", "sms"):
        browser.post_password()
        answers.append(browser.post_channel(channel).status_code)
    assert answers == [302, 302, 302, 429, 302, 429]
    assert sorted(used(portal, "user %")) == [4]
    assert len(portal.messages_to(browser.number)) == 2


def test_the_purge_locks_rows_in_the_order_of_those_who_count(narrow: Portal) -> None:
    """F20: it waits for a row that somebody holds without holding a later one, and what is used anew stays."""
    expired = "INSERT INTO accounts_budget (key, seconds, used, until) VALUES (%s, 60, 1, 0) RETURNING id"
    for key in ("purge 2", "purge 1"):
        narrow.database.rows(expired, key)
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    purge = narrow.program("purge", sys.executable, "manage.py", "purge")
    with psycopg.connect(narrow.database.url) as holder:
        holder.execute("UPDATE accounts_budget SET until = %s WHERE key = 'purge 1'", [2**40])
        purge.start()
        name = holder.info.dbname
        wait_for(lambda: narrow.database.rows(waits, name), meaning="the purge waits")
        holder.execute("SELECT id FROM accounts_budget WHERE key = 'purge 2' FOR UPDATE NOWAIT")
    assert purge.ended() == 0, purge.written()
    kept = narrow.database.rows("DELETE FROM accounts_budget WHERE key LIKE %s RETURNING key, until", "purge %")
    assert kept == [("purge 1", 2**40)]


def test_nobody_waits_for_somebody_who_waits_for_them(make_portal: MakePortal) -> None:
    """F20: forty transactions, each naming the same limits in another order; no deadlock, and exact."""
    portal = make_portal("parallel-counting", **PATIENT)
    program = portal.program("parallel-counting", *module(parallel_counting.__name__))
    program.start()
    assert program.ended() == 0, program.written()
