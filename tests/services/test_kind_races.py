"""K-06: the kinds that count change while sign-ins complete: a refused kind opens nothing, and nobody is locked out.

The gate reads the kinds at each request, so an open session is stopped at its next one. A sign-in writes no device and
no line of the audit log after the change either.
"""

from collections.abc import Callable
from functools import partial

import pytest

from tests.services.browser import Browser, Response, at_once, location, words_of
from tests.services.conftest import MakePortal
from tests.services.key_holders import KINDS, PAGES, SETUP, KeyHolder, count_only, events
from tests.services.locks import held, held_person
from tests.services.portal import PATIENT, Portal
from tests.services.programs import PATIENCE
from tests.services.test_people_at_once import mailed_token

LAST_TOKEN = """
    SELECT id FROM twofactor_challenge
    WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s) ORDER BY id DESC LIMIT 1"""
BY_DATE = "UPDATE accounts_account SET factors_next = %s, factors_from = now() RETURNING id"


@pytest.fixture(scope="module")
def own(make_portal: MakePortal) -> Portal:
    portal = make_portal("kinds", own_broker=True, **PATIENT)
    portal.start_web(workers=2)
    portal.start_worker()
    return portal


@pytest.fixture(autouse=True)
def everything_counts(own: Portal) -> None:
    count_only(own, *KINDS)


def by_sent_token(own: Portal, kind: str) -> tuple[KeyHolder, Callable[[], Response]]:
    """Return a person with a phone whose token has come by a channel, and the click that is left."""
    browser = own.member()
    browser.post_password()
    browser.post_channel(kind)
    token = own.token(browser) if kind == "sms" else mailed_token(own, browser)
    browser.get("/entrar/token/")
    return KeyHolder(browser), partial(browser.post_at_once, "/entrar/token/", token=token)


def by_own_device(own: Portal, kind: str) -> tuple[KeyHolder, Callable[[], Response]]:
    """Return a person with an app or a passkey in another browser, and the click that is left."""
    count_only(own, kind)
    person = KeyHolder(own.newcomer())
    assert location(person.at_first_set_up(kind)()) == "/"
    count_only(own, *KINDS)
    other = person.elsewhere()
    return other, other.at_sign_in(kind)


def waiting_at(own: Portal, kind: str) -> tuple[KeyHolder, Callable[[], Response]]:
    return by_sent_token(own, kind) if kind in {"sms", "email"} else by_own_device(own, kind)


@pytest.mark.parametrize("by_date", [False, True], ids=["at once", "by date"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_right_answer_of_a_kind_that_was_refused_meanwhile_signs_nobody_in(
    own: Portal, kind: str, by_date: bool
) -> None:
    """The request has read the account before the change is committed; the answer is right."""
    person, click = waiting_at(own, kind)
    before = events(own, person.browser, "sign_in.verified")
    left = [other for other in KINDS if other != kind]
    with held_person(own.database, person.browser.login) as row:
        answer = row.starts(click)
        own.database.rows(BY_DATE, " ".join(left)) if by_date else count_only(own, *left)
        row.let_go()
        assert "sign in again" in words_of(answer.result(PATIENCE)) or location(answer.result(PATIENCE)) == "/entrar/"
    assert events(own, person.browser, "sign_in.verified") == before
    assert not person.browser.is_in()
    assert failures(own, person.browser) == 0, "it was right"
    assert_goes_on(own, person, kind)


def failures(own: Portal, browser: Browser) -> int:
    ((count,),) = own.database.rows("SELECT failures FROM accounts_user WHERE username = %s", browser.login)
    return int(count)


def assert_goes_on(own: Portal, person: KeyHolder, refused: str) -> None:
    """See that a person whose kind counts no longer proves it once, and sets another one up."""
    other = person.elsewhere()
    if refused == "email":  # the phone is there
        own.database.rows("DELETE FROM accounts_budget RETURNING key")
        other.browser.ask_for_sms()
        assert location(other.browser.post_token(own.token(other.browser))) == "/"
        return
    if refused == "sms":
        own.database.rows("DELETE FROM accounts_budget RETURNING key")
        other.browser.ask_for_sms()
        waits_at = location(other.browser.post_token(own.token(other.browser, 2)))
        kind = "app"
    else:
        if refused == "app":
            other.forget_tokens(own)
        waits_at = location(other.at_sign_in(refused)())
        kind = "sms"
    assert waits_at == "/entrar/introducao/"
    target = location(other.browser.post("/entrar/introducao/"))
    if kind == "app":
        assert target == SETUP
        assert location(other.at_set_up(kind)()) == "/"
    else:
        assert target == "/entrar/telefone/"


@pytest.mark.parametrize("kind", KINDS)
def test_who_was_let_in_before_the_change_is_stopped_at_the_next_click(own: Portal, kind: str) -> None:
    person, click = waiting_at(own, kind)
    assert location(click()) == "/"
    assert person.browser.is_in()
    count_only(own, *(other for other in KINDS if other != kind))
    assert not person.browser.is_in()


def test_a_token_whose_row_was_read_before_the_change_opens_nothing_after(own: Portal) -> None:
    """It waits for the row of its challenge, which comes before the person's."""
    person, click = by_sent_token(own, "sms")
    with held(own.database, LAST_TOKEN, person.browser.login) as row:
        answer = row.starts(click)
        count_only(own, "passkey")
        row.let_go()
        answer.result(PATIENCE)
    assert events(own, person.browser, "sign_in.verified") == 0
    assert not person.browser.is_in()


def test_of_sign_ins_and_a_change_at_once_nobody_stays_in_by_what_is_refused(own: Portal) -> None:
    """In whatever order they come."""
    people = [by_sent_token(own, kind) for kind in ("sms", "email") * 3]
    answers = at_once([*(click for _person, click in people), lambda: count_only(own, "app", "passkey")])
    assert {answer.status_code for answer in answers if answer is not None} <= {200, 302}
    assert [person.browser.is_in() for person, _click in people] == [False] * 6
    assert [failures(own, person.browser) for person, _click in people] == [0] * 6


@pytest.mark.parametrize("kind", PAGES)
def test_a_kind_that_counts_before_and_after_a_change_signs_in(own: Portal, kind: str) -> None:
    """Nobody begins anew because of what was decided about others."""
    person, click = by_own_device(own, kind)
    with held_person(own.database, person.browser.login) as row:
        answer = row.starts(click)
        count_only(own, kind)
        row.let_go()
        assert location(answer.result(PATIENCE)) == "/"
    assert person.browser.is_in()
