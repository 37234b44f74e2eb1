"""K-02, K-03, K-05, R-07: two tabs or two browsers remove, replace and use up the same factor at once."""

import re
from collections.abc import Callable
from functools import partial

import pytest

from tests.authenticator import Authenticator
from tests.services.browser import Browser, Response, at_once, counted, location, words_of
from tests.services.conftest import MakePortal
from tests.services.key_holders import (
    FACTORS,
    PROOF,
    KeyHolder,
    administrator_with_passkey,
    count_only,
    devices_of,
    events,
    number_in_database,
    options_in,
    secret_in,
)
from tests.services.locks import held, held_person
from tests.services.portal import PATIENT, Portal
from tests.services.programs import PATIENCE
from tests.services.seed import PASSWORD

APP = f"{FACTORS}app/"
SIGNED_IN = (302, "/")
OLD_CODES = """
    SELECT id FROM twofactor_ownrecoverycode WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s)"""
DEVICE = "SELECT id FROM twofactor_{} WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s)"


@pytest.fixture(scope="module")
def own(make_portal: MakePortal) -> Portal:
    portal = make_portal("removals", own_broker=True, **PATIENT)
    portal.start_web(workers=2)
    return portal


@pytest.fixture(autouse=True)
def phones_do_not_count(own: Portal) -> None:
    count_only(own, "app", "passkey")


@pytest.fixture(scope="module")
def administrator(own: Portal) -> KeyHolder:
    return administrator_with_passkey(own)


def with_both(own: Portal) -> KeyHolder:
    """Return a person who is in by a passkey, and has an app as well."""
    person = KeyHolder(own.newcomer())
    assert location(person.at_first_set_up("passkey")()) == "/"
    assert location(person.ask(APP)) == APP
    person.secret = secret_in(person.browser.get(APP).text)
    assert location(person.browser.post_at_once(APP, token=person.first_token())) == FACTORS
    assert sorted(devices_of(own, person.browser)) == ["app", "passkey"]
    return person


def inside(person: KeyHolder) -> KeyHolder:
    """Return the same person, in and proved, at another browser."""
    other = person.elsewhere()
    assert location(other.at_sign_in("passkey")()) == "/"
    other.ask(f"{FACTORS}chaves/")
    return other


def removals(own: Portal, person: KeyHolder) -> dict[str, str]:
    """Return where each of a person's two devices is removed."""
    statement = "SELECT id FROM twofactor_{} WHERE user_id = %s"
    tables = {"app": "appdevice", "passkey": "passkey"}
    number = number_in_database(own, person.browser)
    return {
        kind: f"{FACTORS}{kind}/{own.database.rows(statement.format(table), number)[0][0]}/remover/"
        for kind, table in tables.items()
    }


def ways_in(own: Portal, person: KeyHolder) -> list[str]:
    """Return the devices that are left, after seeing that one of them signs in."""
    left = devices_of(own, person.browser)
    assert location(person.elsewhere().at_sign_in(left[0])()) == "/"
    return left


@pytest.mark.parametrize("tabs", [1, 2], ids=["two tabs of one session", "two browsers"])
def test_the_last_two_factors_removed_at_once_leave_one(own: Portal, tabs: int) -> None:
    """K-02: both requests have read two devices; one is refused."""
    person = with_both(own)
    sides = [person, inside(person) if tabs == 2 else person]
    clicks = [
        partial(side.browser.post_aside, path) for side, path in zip(sides, removals(own, person).values(), strict=True)
    ]
    with held_person(own.database, person.browser.login) as row:
        answers = [row.starts(click) for click in clicks]
        row.let_go()
        assert counted([answer.result(PATIENCE) for answer in answers]) == {(302, FACTORS): 2}
    assert len(ways_in(own, person)) == 1
    assert events(own, person.browser, "app.removed") + events(own, person.browser, "passkey.removed") == 1


def test_a_factor_removed_twice_at_once_is_removed_and_told_once(own: Portal) -> None:
    person = with_both(own)
    path = removals(own, person)["app"]
    answers = at_once([partial(side.browser.post_aside, path) for side in (person, inside(person))])
    assert {answer.status_code for answer in answers} <= {302, 404}
    assert ways_in(own, person) == ["passkey"]
    assert events(own, person.browser, "app.removed") == 1


def test_a_session_goes_on_with_what_is_left_and_not_with_what_was_removed_meanwhile(own: Portal) -> None:
    """K-02: of three devices two go at once, in two browsers of their owner, who is not stopped."""
    person = with_both(own)
    paths = removals(own, person)
    new = f"{FACTORS}chaves/nova/"
    second = inside(person)
    assert location(second.ask(f"{FACTORS}chaves/")) == new
    another = Authenticator(origin=own.base, rp_id="localhost")
    answer = another.register(options_in(second.browser.get(new).text))
    assert location(second.browser.post_at_once(new, credential=answer, name="another")) == FACTORS
    with held_person(own.database, person.browser.login) as row:
        row.starts(partial(person.browser.post_at_once, paths["app"]))
        row.starts(partial(second.browser.post_at_once, paths["passkey"]))
        row.let_go()
    assert devices_of(own, person.browser) == ["passkey"]
    assert second.browser.is_in()


def replacement(person: KeyHolder) -> Callable[[], Response]:
    """Let a person begin to replace the app; return the click that is left."""
    assert location(person.ask(APP)) == APP
    person.secret = secret_in(person.browser.get(APP).text)
    return partial(person.browser.post_at_once, APP, token=person.first_token())


def test_of_an_app_replaced_twice_at_once_the_later_one_signs_in_and_the_other_does_not(own: Portal) -> None:
    """K-03: one app, one secret, in two browsers of its owner."""
    person = with_both(own)
    sides = [person, inside(person)]
    clicks = [replacement(side) for side in sides]
    with held_person(own.database, person.browser.login) as row:
        answers = [row.starts(click) for click in clicks]
        row.let_go()
        assert counted([answer.result(PATIENCE) for answer in answers]) == {(302, FACTORS): 2}
    assert devices_of(own, person.browser) == ["app", "passkey"]
    assert events(own, person.browser, "app.replaced") == 2
    opened = [location_or_none(side.elsewhere().at_sign_in("app")()) for side in sides]
    assert opened in ([None, "/"], ["/", None])


def location_or_none(response: Response) -> str | None:
    return response.headers.get("Location")


def test_an_app_replaced_in_two_tabs_of_one_session_is_replaced_once(own: Portal) -> None:
    """K-03: the session shows one secret, and its first right token uses it up."""
    person = with_both(own)
    click = replacement(person)
    answers = at_once([click, click, click])
    # 400: the first has changed the id of the session that a later one still writes.
    assert {answer.status_code for answer in answers} <= {200, 302, 400}
    assert events(own, person.browser, "app.replaced") == 1
    assert devices_of(own, person.browser) == ["app", "passkey"]
    assert location(person.elsewhere().at_sign_in("app")()) == "/"


def test_a_sign_in_by_the_app_that_is_being_replaced_is_in_before_or_refused(own: Portal) -> None:
    """K-03: never by a secret that is gone already."""
    person = with_both(own)
    side = inside(person)
    sign_in = side.elsewhere()
    enter, replace = sign_in.at_sign_in("app"), replacement(side)
    answers = at_once([enter, replace])
    assert answers[1].status_code == 302
    assert {answers[0].status_code} <= {200, 302}
    assert not sign_in.browser.is_in(), "what it was verified by is gone"


# Recovery codes -----------------------------------------------------------------------------------


def with_codes(own: Portal) -> tuple[KeyHolder, list[str]]:
    person = KeyHolder(own.newcomer())
    assert location(person.at_first_set_up("passkey")()) == "/"
    shown = person.ask(f"{FACTORS}codigos/").text
    codes = re.findall(r"<li[^>]*>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</li>", shown)
    assert len(codes) == 10
    return person, codes


def code_typed(person: KeyHolder, code: str) -> Callable[[], Response]:
    """Walk a sign-in to the page of recovery codes; return the click that is left."""
    person.browser.post_password()
    person.browser.get("/entrar/codigo/")
    return partial(person.browser.post_at_once, "/entrar/codigo/", token=code)


def codes_left(own: Portal, browser: Browser) -> tuple[int, int]:
    """Return how many codes are said to be left, and how many are."""
    statement = """
        SELECT codes_left, (SELECT count(*) FROM twofactor_ownrecoverycode WHERE user_id = u.id AND used_at IS NULL)
        FROM accounts_user u WHERE username = %s"""
    ((said, there),) = own.database.rows(statement, browser.login)
    return int(said), int(there)


def test_a_code_typed_in_two_browsers_at_once_lets_one_in(own: Portal) -> None:
    """K-05."""
    person, codes = with_codes(own)
    sides = [person.elsewhere() for _side in range(2)]
    clicks = [code_typed(side, codes[0]) for side in sides]
    with held_person(own.database, person.browser.login) as row:
        answers = [row.starts(click) for click in clicks]
        row.let_go()
        assert counted([answer.result(PATIENCE) for answer in answers]).get(SIGNED_IN) == 1
    assert [side.browser.is_in() for side in sides].count(True) == 1
    assert events(own, person.browser, "codes.used") == 1
    assert codes_left(own, person.browser) == (9, 9)
    assert not person.browser.is_in(), "the other sessions end"


def proof_by_code(person: KeyHolder, code: str) -> Callable[[], Response]:
    """Ask for something in a session of its own, and choose a recovery code as proof; return the click that is left."""
    side = person.elsewhere()
    assert location(side.at_sign_in("passkey")()) == "/"
    browser = side.browser
    browser.get(FACTORS)
    assert location(browser.post_at_once(APP)) == PROOF
    browser.post(PROOF, password=PASSWORD, channel="recovery")
    browser.get(PROOF)
    return partial(browser.post_aside, PROOF, token=code)


def test_a_code_typed_as_proof_in_many_browsers_at_once_proves_once(own: Portal) -> None:
    """K-05: here no sign-in ends the other ones, so it is the code itself that is used up."""
    person, codes = with_codes(own)
    clicks = [proof_by_code(person, codes[0]) for _side in range(8)]
    answers = at_once(clicks)
    assert {answer.status_code for answer in answers} <= {200, 302, 429}
    assert [answer.headers.get("Location") for answer in answers].count(APP) == 1
    assert events(own, person.browser, "codes.used") == 1
    assert codes_left(own, person.browser) == (9, 9)


def test_of_two_codes_typed_at_once_the_one_that_ends_the_other_sign_in_is_used_up(own: Portal) -> None:
    """K-05: a code ends the sessions, those that are being opened as well; the other code is not lost by that."""
    person, codes = with_codes(own)
    sides = [person.elsewhere() for _side in range(2)]
    clicks = [code_typed(side, code) for side, code in zip(sides, codes, strict=False)]
    with held_person(own.database, person.browser.login) as row:
        answers = [row.starts(click) for click in clicks]
        row.let_go()
        assert counted([answer.result(PATIENCE) for answer in answers]).get(SIGNED_IN) == 1
    assert [side.browser.is_in() for side in sides].count(True) == 1
    assert codes_left(own, person.browser) == (9, 9)


def test_new_codes_while_an_old_one_is_typed_leave_ten_or_nine_and_nobody_waits_in_vain(own: Portal) -> None:
    person, codes = with_codes(own)
    other = inside(person)
    side = person.elsewhere()
    clicks: list[Callable[[], Response]] = [
        code_typed(side, codes[0]),
        partial(other.browser.post_at_once, f"{FACTORS}codigos/"),
    ]
    with held(own.database, OLD_CODES, person.browser.login) as rows:
        answers = [rows.starts(click) for click in clicks]
        rows.let_go()
        assert {answer.result(PATIENCE).status_code for answer in answers} <= {200, 302}
    said, there = codes_left(own, person.browser)
    assert said == there
    assert said in {9, 10}


# What takes a factor away, beside a sign-in by it -------------------------------------------------


def by_app(own: Portal) -> tuple[KeyHolder, Callable[[], Response]]:
    """Return a person at a sign-in by their app, and the click that is left."""
    side = with_both(own).elsewhere()
    return side, side.at_sign_in("app")


def by_passkey(own: Portal) -> tuple[KeyHolder, Callable[[], Response]]:
    side = with_both(own).elsewhere()
    return side, side.at_sign_in("passkey")


def by_app_that_counts_no_longer(own: Portal) -> tuple[KeyHolder, Callable[[], Response]]:
    person = KeyHolder(own.newcomer())
    assert location(person.at_first_set_up("app")()) == "/"
    count_only(own, "passkey")
    side = person.elsewhere()
    return side, side.at_sign_in("app")


def by_proof(own: Portal) -> tuple[KeyHolder, Callable[[], Response]]:
    """Return somebody signed in who is asked again who they are, by their app."""
    person = KeyHolder(own.newcomer())
    assert location(person.at_first_set_up("app")()) == "/"
    browser = person.browser
    browser.get(FACTORS)
    assert location(browser.post_at_once(f"{FACTORS}codigos/")) == PROOF
    browser.post(PROOF, password=PASSWORD, channel="app")
    browser.get(PROOF)
    return person, partial(browser.post_at_once, PROOF, token=person.token())


Way = Callable[[Portal], tuple[KeyHolder, Callable[[], Response]]]
WAYS: dict[Way, str] = {
    by_app: "appdevice",
    by_passkey: "passkey",
    by_app_that_counts_no_longer: "appdevice",
    by_proof: "appdevice",
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_reset_beside_a_proof_waits_for_it_and_takes_everything_away(
    own: Portal, administrator: KeyHolder, way: Way
) -> None:
    """R-07, F20: both lock the person's row before the device's, so that no deadlock ends either."""
    person, enter = way(own)
    administrator.ask(f"{FACTORS}chaves/")
    path = f"/configuracoes/usuarios/{number_in_database(own, person.browser)}/telefone/"
    reset = partial(administrator.browser.post_at_once, path, reason="lost")
    with held(own.database, DEVICE.format(WAYS[way]), person.browser.login) as rows:
        entered, done = rows.starts(enter), rows.starts(reset)
        rows.let_go()
        assert entered.result(PATIENCE).status_code in {200, 302}, "ten codes, or the next page"
        assert "Recovery code" in words_of(done.result(PATIENCE))
    assert events(own, person.browser, "phone.reset") == 1
    assert devices_of(own, person.browser) == []
    assert not person.browser.is_in()
