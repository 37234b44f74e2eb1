"""reCAPTCHA against a verifier that lies, stammers or is not there (C-02, C-03, C-05, F37)."""

import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.services import fake_siteverify
from tests.services.browser import Browser, Response, at_once, counted, location, words_of
from tests.services.conftest import MakePortal
from tests.services.parts import make_certificate
from tests.services.portal import Portal, manage
from tests.services.programs import Program, free_port, listens, module
from tests.services.promptness import in_time

LIMIT = 5.0
EXPIRED = "has expired"
NO_ANSWER = "does not answer"
PROMPT_FAILURES = {
    "otherhost": EXPIRED,
    "nohost": EXPIRED,
    "refused": EXPIRED,
    "http503": NO_ANSWER,
    "nonsense": NO_ANSWER,
    "array": NO_ANSWER,
    "empty": NO_ANSWER,
    "reset": NO_ANSWER,
}
SLOW_FAILURES = {"hang": NO_ANSWER, "drip": NO_ANSWER}


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def certificate(folder: Path) -> tuple[Path, Path]:
    return make_certificate(folder)


@pytest.fixture(scope="module")
def verifier(folder: Path, port: int, certificate: tuple[Path, Path]) -> Iterator[Program]:
    command = module(fake_siteverify.__name__, str(port), *certificate)
    program = Program(*command, log=folder / "siteverify.log")
    program.start(lambda: listens(port))
    yield program
    program.stop(1)


@pytest.fixture(scope="module")
def guarded(make_portal: MakePortal, verifier: Program, port: int, certificate: tuple[Path, Path]) -> Iterator[Portal]:
    """Return a portal behind reCAPTCHA. Nothing sends: what would leave is counted in the database."""
    portal = make_portal(
        "guarded",
        RECAPTCHA_PUBLIC_KEY="fake-recaptcha-public-key-0123456789abc",
        RECAPTCHA_PRIVATE_KEY=fake_siteverify.SECRET,
        RECAPTCHA_DOMAIN=f"localhost:{port}",
        SSL_CERT_FILE=str(certificate[0]),
    )
    portal.start_web(workers=2)
    portal.secrets.add(fake_siteverify.SECRET)
    yield portal
    portal.stop()


def new_token(portal: Portal, kind: str) -> str:
    token = f"{kind}.{secrets.token_urlsafe(20)}"
    portal.secrets.add(token)
    return token


def choose(browser: Browser, token: str) -> Response:
    return browser.post_at_once("/entrar/canal/", **{"channel": "sms", "g-recaptcha-response": token})


def at_the_choice(portal: Portal) -> Browser:
    browser = portal.member()
    browser.post_password()
    browser.get("/entrar/canal/")
    return browser


def at_the_phone(portal: Portal) -> Browser:
    browser = portal.newcomer()
    browser.post_password()
    browser.post("/entrar/introducao/")
    browser.get("/entrar/telefone/")
    return browser


def submit_phone(browser: Browser, token: str) -> Response:
    fields = {"country": "BR", "number": browser.number[3:], "g-recaptcha-response": token}
    return browser.post_at_once("/entrar/telefone/", **fields)


def timed(submit: Callable[[Browser, str], Response], browser: Browser, token: str) -> tuple[Response, float]:
    began = time.monotonic()
    return submit(browser, token), time.monotonic() - began


def assert_nothing_sent(portal: Portal, *browsers: Browser) -> None:
    for browser in browsers:
        assert portal.messages_to(browser.number) == []
        assert portal.challenges_of(browser) == []


def test_a_good_answer_opens(guarded: Portal) -> None:
    browser = at_the_choice(guarded)
    assert location(choose(browser, new_token(guarded, "success"))) == "/entrar/token/"
    assert len(guarded.messages_to(browser.number)) == 1
    newcomer = at_the_phone(guarded)
    assert location(submit_phone(newcomer, new_token(guarded, "success"))) == "/entrar/token/"


@pytest.mark.parametrize("kinds", [PROMPT_FAILURES, SLOW_FAILURES], ids=["prompt", "slow"])
def test_every_other_answer_refuses_in_time(guarded: Portal, kinds: dict[str, str]) -> None:
    """C-03, C-05: each at its own person, at the choice and at the first phone, all at once."""
    in_time(LIMIT, lambda: longest_refusal(guarded, kinds))


def longest_refusal(guarded: Portal, kinds: dict[str, str]) -> float:
    """Return how long the longest refusal took, of all at once."""
    choosers = {kind: at_the_choice(guarded) for kind in kinds}
    enrolling = {kind: at_the_phone(guarded) for kind in kinds if kind in {"otherhost", "nonsense", "drip"}}
    calls = [partial(timed, choose, browser, new_token(guarded, kind)) for kind, browser in choosers.items()]
    calls += [partial(timed, submit_phone, browser, new_token(guarded, kind)) for kind, browser in enrolling.items()]
    answers = at_once(calls)
    for kind, (response, _seconds) in zip([*choosers, *enrolling], answers, strict=True):
        assert response.status_code == 200, kind
        assert kinds[kind] in words_of(response), kind
    everybody = [*choosers.values(), *enrolling.values()]
    assert_nothing_sent(guarded, *everybody)
    # Nothing is spoilt: a good answer still opens.
    assert location(choose(everybody[0], new_token(guarded, "success"))) == "/entrar/token/"
    return max(seconds for _response, seconds in answers)


def test_no_answer_at_all_refuses(guarded: Portal, verifier: Program, port: int) -> None:
    """C-05: connection refused; and the portal recovers by itself."""
    browser = at_the_choice(guarded)
    verifier.kill()
    try:
        in_time(LIMIT, lambda: refusal(guarded, browser, NO_ANSWER))
    finally:
        verifier.start(lambda: listens(port))
    assert_nothing_sent(guarded, browser)
    assert location(choose(browser, new_token(guarded, "success"))) == "/entrar/token/"


def refusal(portal: Portal, browser: Browser, words: str) -> float:
    """Return how long it takes until a choice is refused with these words."""
    response, seconds = timed(choose, browser, new_token(portal, "success"))
    assert response.status_code == 200
    assert words in words_of(response)
    return seconds


@pytest.mark.parametrize("kind", ["success", "careless"])
def test_a_token_is_good_once(guarded: Portal, kind: str) -> None:
    """C-02: also when the verifier would let it pass twice."""
    token = new_token(guarded, kind)
    assert location(choose(at_the_choice(guarded), token)) == "/entrar/token/"
    browser = at_the_choice(guarded)
    response = choose(browser, token)
    assert response.status_code == 200
    assert EXPIRED in words_of(response)
    assert_nothing_sent(guarded, browser)


def test_a_careless_verifier_and_ten_at_once(guarded: Portal) -> None:
    """C-02: the portal's own memory of used tokens is atomic."""
    people = [at_the_choice(guarded) for _ in range(10)]
    token = new_token(guarded, "careless")
    calls = [partial(choose, one, token) for one in people]
    assert counted(at_once(calls)) == {(302, "/entrar/token/"): 1, (200, None): 9}


def test_rubbish_is_refused(guarded: Portal) -> None:
    """C-01: no field, empty, too long, NUL, line breaks."""
    for rubbish in ("", "x" * 100_000, "refused.\0", "refused.\r\nHost: evil", "not-a-mode"):
        browser = at_the_choice(guarded)
        assert choose(browser, rubbish).status_code == 200, rubbish[:20]
        assert_nothing_sent(guarded, browser)
    browser = at_the_choice(guarded)
    assert browser.post_at_once("/entrar/canal/", channel="sms").status_code == 200
    assert browser.post_at_once("/entrar/canal/", channel="sms", altcha="e30=").status_code == 200
    assert_nothing_sent(guarded, browser)


def test_the_logs_show_no_captcha(guarded: Portal) -> None:
    """J-02."""
    browser = at_the_choice(guarded)
    choose(browser, token := new_token(guarded, "array"))
    assert token not in guarded.logs()
    assert fake_siteverify.SECRET not in guarded.logs()


def test_the_doctor_asks_the_verifier(guarded: Portal, verifier: Program, port: int) -> None:
    """C-05: a verifier that is away is no secret to the operator; a wrong key is none either."""
    there = f"Captcha: reCAPTCHA's verifier at localhost:{port}"
    assert f"ok      {there} answers and knows our key." in guarded.manage("doctor").stdout
    unknown = manage({**guarded.env, "RECAPTCHA_PRIVATE_KEY": "another-key-of-forty-signs-0123456789abc"}, "doctor")
    assert f"BROKEN  {there} does not know RECAPTCHA_PRIVATE_KEY" in unknown.stdout
    verifier.kill()
    try:
        assert f"BROKEN  {there} does not answer; nobody gets a token." in guarded.manage("doctor").stdout
    finally:
        verifier.start(lambda: listens(port))


def test_the_fallback_captcha_starts_and_ends_by_itself(
    make_portal: MakePortal, verifier: Program, port: int, certificate: tuple[Path, Path]
) -> None:
    """C-05, F37: where the operator allows it; for all processes, without a restart."""
    portal = make_portal(
        "two-doors",
        RECAPTCHA_PUBLIC_KEY="fake-recaptcha-public-key-0123456789abc",
        RECAPTCHA_PRIVATE_KEY=fake_siteverify.SECRET,
        RECAPTCHA_DOMAIN=f"localhost:{port}",
        SSL_CERT_FILE=str(certificate[0]),
        CAPTCHA_FALLBACK="on",
    )
    portal.start_web(workers=2)
    first = at_the_choice(portal)
    verifier.kill()
    try:
        refused, seconds = timed(choose, first, new_token(portal, "success"))
        assert refused.status_code == 200
        assert "Tick this one instead" in words_of(refused)
        assert seconds <= LIMIT
        assert_nothing_sent(portal, first)
        for browser in [first, *(at_the_choice(portal) for _ in range(4))]:
            assert location(browser.post_channel()) == "/entrar/token/"
    finally:
        verifier.start(lambda: listens(port))
    portal.database.rows("UPDATE accounts_budget SET until = 0 WHERE key = 'captcha outage' RETURNING key")
    browser = at_the_choice(portal)
    assert "data-sitekey" in browser.get("/entrar/canal/").text
    assert location(choose(browser, new_token(portal, "success"))) == "/entrar/token/"
    count = "SELECT count(*) FROM accounts_auditevent WHERE action = %s"
    assert portal.database.rows(count, "captcha.fallback") == [(5,)]
    assert portal.database.rows(count, "captcha.outage") == [(1,)]
