"""K-06, P-05, R-07: a first device is set up where phones do not count, and something else happens meanwhile."""

from collections.abc import Callable
from functools import partial
from itertools import combinations_with_replacement

import pytest

from tests.services.browser import Response, at_once, counted, location, words_of
from tests.services.conftest import MakePortal
from tests.services.key_holders import (
    FACTORS,
    PAGES,
    SETUP,
    KeyHolder,
    administrator_with_passkey,
    count_only,
    devices_of,
    events,
    number_in_database,
)
from tests.services.locks import held_person
from tests.services.portal import PATIENT, Portal
from tests.services.programs import PATIENCE

SIGNED_IN = (302, "/")
Clicks = dict[str, Callable[[], Response]]
BOTH = list(combinations_with_replacement(("app", "passkey"), 2))


@pytest.fixture(scope="module")
def own(make_portal: MakePortal) -> Portal:
    """Return an installation whose account lets no phone count."""
    portal = make_portal("set-up", own_broker=True, **PATIENT)
    portal.start_web(workers=2)
    portal.start_worker()
    return portal


@pytest.fixture(autouse=True)
def phones_do_not_count(own: Portal) -> None:
    count_only(own, "app", "passkey")


@pytest.fixture(scope="module")
def administrator(own: Portal) -> KeyHolder:
    return administrator_with_passkey(own)


@pytest.mark.parametrize("kinds", BOTH, ids="-".join)
def test_of_two_browsers_that_set_a_first_device_up_one_does(own: Portal, kinds: tuple[str, str]) -> None:
    """P-05: a second person with the password gets no device beside the owner's, nor in its place."""
    first = KeyHolder(own.newcomer())
    sides = [first, first.elsewhere()]
    clicks = [side.at_first_set_up(kind) for side, kind in zip(sides, kinds, strict=True)]
    with held_person(own.database, first.browser.login) as person:
        answers = [person.starts(click) for click in clicks]
        person.let_go()
        responses = [answer.result(PATIENCE) for answer in answers]
    assert counted(responses).get(SIGNED_IN) == 1, counted(responses)
    winner = next(
        at for at, response in enumerate(responses) if response.status_code == 302 and location(response) == "/"
    )
    assert devices_of(own, first.browser) == [kinds[winner]]
    assert [side.browser.is_in() for side in sides] == [at == winner for at in range(2)]
    assert events(own, first.browser, "sign_in.verified") == 1
    again = sides[winner].elsewhere()
    assert location(again.at_sign_in(kinds[winner])()) == "/", "what was set up signs in"


def test_of_many_browsers_at_once_one_sets_a_device_up(own: Portal) -> None:
    """P-05: the same without a lock of the test's, in whatever order it comes."""
    first = KeyHolder(own.newcomer())
    sides = [first, *(first.elsewhere() for _side in range(3))]
    clicks = [side.at_first_set_up(kind) for side, kind in zip(sides, ("app", "passkey") * 2, strict=True)]
    assert counted(at_once(clicks)).get(SIGNED_IN) == 1
    assert len(devices_of(own, first.browser)) == 1
    assert [side.browser.is_in() for side in sides].count(True) == 1


def proved_for(own: Portal, administrator: KeyHolder, person: KeyHolder, action: str) -> str:
    """Let the administrator have proved who they are, and return the address of an action on a person."""
    administrator.ask(f"{FACTORS}chaves/")
    return f"/configuracoes/usuarios/{number_in_database(own, person.browser)}/{action}/"


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("first", ["person", "administrator"])
def test_who_is_deactivated_meanwhile_is_out(own: Portal, administrator: KeyHolder, kind: str, first: str) -> None:
    """S-06: whichever comes first."""
    person = KeyHolder(own.newcomer())
    deactivate = partial(administrator.browser.post_at_once, proved_for(own, administrator, person, "desativar"))
    calls: Clicks = {"person": person.at_first_set_up(kind), "administrator": deactivate}
    with held_person(own.database, person.browser.login) as row:
        answers = {who: row.starts(calls[who]) for who in sorted(calls, key=lambda who: who != first)}
        row.let_go()
        assert answers["administrator"].result(PATIENCE).status_code == 302
        assert answers["person"].result(PATIENCE).status_code in {200, 302}
    assert events(own, person.browser, "user.deactivated") == 1
    assert not person.browser.is_in()
    assert len(devices_of(own, person.browser)) == events(own, person.browser, "sign_in.verified"), "both or neither"


@pytest.mark.parametrize("first", ["person", "administrator"])
def test_a_reset_meanwhile_leaves_no_device_and_the_administrators_code_comes_next(
    own: Portal, administrator: KeyHolder, first: str
) -> None:
    """R-07: of somebody whose phone counts no longer, and who sets an app up after proving it."""
    person = KeyHolder(own.member())
    person.browser.ask_for_sms()
    assert location(person.browser.post_token(own.token(person.browser))) == "/entrar/introducao/"
    assert location(person.browser.post("/entrar/introducao/")) == SETUP
    path = proved_for(own, administrator, person, "telefone")
    calls: Clicks = {
        "person": person.at_set_up("app"),
        "administrator": partial(administrator.browser.post_at_once, path, reason="lost"),
    }
    with held_person(own.database, person.browser.login) as row:
        answers = {who: row.starts(calls[who]) for who in sorted(calls, key=lambda who: who != first)}
        row.let_go()
        assert "Recovery code" in words_of(answers["administrator"].result(PATIENCE))
        assert answers["person"].result(PATIENCE).status_code in {200, 302}
    assert events(own, person.browser, "phone.reset") == 1
    assert devices_of(own, person.browser) == []
    assert not person.browser.is_in()
    again = person.elsewhere().browser
    again.post_password()
    assert location(again.post("/entrar/introducao/")) == "/entrar/codigo/"


@pytest.mark.parametrize(("kind", "other"), [("app", "passkey"), ("passkey", "app")])
def test_a_kind_that_was_taken_away_meanwhile_is_not_bound_and_the_other_one_is(
    own: Portal, kind: str, other: str
) -> None:
    """K-06: the page was right when it was loaded; the change is committed before the last click is."""
    person = KeyHolder(own.newcomer())
    click = person.at_first_set_up(kind)
    with held_person(own.database, person.browser.login) as row:
        answer = row.starts(click)
        count_only(own, other)
        row.let_go()
        assert "sign in again" in words_of(answer.result(PATIENCE))
    assert devices_of(own, person.browser) == []
    assert events(own, person.browser, "sign_in.verified") == 0
    assert not person.browser.is_in()
    assert location(person.elsewhere().at_first_set_up(other)()) == "/"


def test_a_date_that_comes_meanwhile_takes_a_kind_away_as_well(own: Portal) -> None:
    """K-06: nothing was written when the date came, so no lock of a row tells of it."""
    person = KeyHolder(own.newcomer())
    click = person.at_first_set_up("app")
    with held_person(own.database, person.browser.login) as row:
        answer = row.starts(click)
        own.database.rows("UPDATE accounts_account SET factors_next = 'passkey', factors_from = now() RETURNING id")
        row.let_go()
        assert "sign in again" in words_of(answer.result(PATIENCE))
    assert devices_of(own, person.browser) == []
    assert location(person.elsewhere().at_first_set_up("passkey")()) == "/"


def test_phones_that_count_again_meanwhile_take_no_device_away(own: Portal) -> None:
    """K-06: what counts before and after is set up, and signs in."""
    person = KeyHolder(own.newcomer())
    click = person.at_first_set_up("app")
    with held_person(own.database, person.browser.login) as row:
        answer = row.starts(click)
        count_only(own, "sms", "email", "app", "passkey")
        row.let_go()
        assert location(answer.result(PATIENCE)) == "/"
    assert person.browser.is_in()
    assert devices_of(own, person.browser) == ["app"]
