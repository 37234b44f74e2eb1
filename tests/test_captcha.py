"""The captcha, and what it unlocks: sends happen on POST, few of them, and never too soon."""

import base64
import html
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import altcha
import pytest
import time_machine
from django.core import checks
from django_recaptcha.client import RecaptchaResponse
from django_recaptcha.constants import TEST_PRIVATE_KEY, TEST_PUBLIC_KEY

from accounts import rate_limits
from accounts.invitations import flows as invitations
from accounts.models import AuditEvent, Invitation, User
from accounts.rate_limits import Window
from messaging.delivery.models import Message
from tests.altcha import challenge_in, solve
from tests.conftest import BOBS_NUMBER, PASSWORD, Browser, deliver, last_token, person
from tests.tools import ROOT, let_pass, page, production, settings_with
from twofactor import captcha
from twofactor.models import Challenge, PhoneDevice

PHONE, CHANNEL, TOKEN, RESEND = "/entrar/telefone/", "/entrar/canal/", "/entrar/token/", "/entrar/token/reenviar/"
TICK = "Tick “I'm not a robot” to go on."
NO_GOOD = "The verification “I'm not a robot” has expired. Tick it again."
AGAIN = "To send another token, tick “I'm not a robot” again."


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def changed(captcha: str, path: str, value: object) -> str:
    """Change what stands at a path ("solution.derivedKey") of a solved captcha."""
    solved = json.loads(base64.b64decode(captcha))
    *above, name = path.split(".")
    place = solved
    for step in above:
        place = place[step]
    place[name] = value
    return encoded(json.dumps(solved))


def rewritten(captcha: str) -> str:
    """Write the same solution in another way."""
    solved = json.loads(base64.b64decode(captcha))
    solved["solution"] |= {"counter": 7, "time": 12.5}  # what nobody looks at
    return encoded(json.dumps({"more": 1, **dict(reversed(solved.items()))}, indent=3))


KEY, SIGNATURE, PARAMETERS = "solution.derivedKey", "challenge.signature", "challenge.parameters"
GARBAGE: dict[str, Callable[[str], str]] = {
    "words": lambda good: "I am a person",
    "not base64": lambda good: "%%%%",
    "not ASCII": lambda good: "ação" * 20,
    "half of it": lambda good: good[: len(good) // 2],
    "not JSON": lambda good: encoded("{"),
    "not UTF-8": lambda good: base64.b64encode(b"\xff\xfe").decode(),
    "a JSON number": lambda good: encoded("1"),
    "a JSON list": lambda good: encoded("[]"),
    "an empty object": lambda good: encoded("{}"),
    "null": lambda good: encoded("null"),
    "the widget's test mode": lambda good: encoded('{"challenge": null, "solution": null, "test": true}'),
    "nested lists": lambda good: encoded("[" * 5_000),
    "nested objects": lambda good: encoded('{"a":' * 1_100),
    "too long": lambda good: "A" * 100_000,
    "right, but padded": lambda good: encoded(base64.b64decode(good).decode() + " " * 9_000),
    "the protocol before": lambda good: encoded(
        '{"algorithm":"SHA-256","challenge":"a","number":1,"salt":"s","signature":"b"}'
    ),
    "another key": lambda good: changed(good, KEY, "0" * 64),
    "half a key": lambda good: changed(good, KEY, "0" * 32),
    "a key that is none": lambda good: changed(good, KEY, {"a": [1]}),
    "no solution": lambda good: changed(good, "solution", None),
    "a solution that is a list": lambda good: changed(good, "solution", [1]),
    "a huge number": lambda good: encoded('{"challenge":' + "9" * 5_000 + "}"),
    "another signature": lambda good: changed(good, SIGNATURE, "0" * 64),
    "a signature that is none": lambda good: changed(good, SIGNATURE, []),
    "no signature": lambda good: changed(good, SIGNATURE, None),
    "a challenge that is text": lambda good: changed(good, "challenge", "text"),
    "no parameters": lambda good: changed(good, PARAMETERS, None),
    "parameters that are a list": lambda good: changed(good, PARAMETERS, [1]),
    "another algorithm": lambda good: changed(good, f"{PARAMETERS}.algorithm", "SHA-256"),
    "a lower cost": lambda good: changed(good, f"{PARAMETERS}.cost", 0),
    "a shorter prefix": lambda good: changed(good, f"{PARAMETERS}.keyPrefix", ""),
    "no signature of the key": lambda good: changed(good, f"{PARAMETERS}.keySignature", None),
    "another signature of the key": lambda good: changed(good, f"{PARAMETERS}.keySignature", "0" * 64),
    "data that is none": lambda good: changed(good, f"{PARAMETERS}.data", "text"),
    "a later expiry": lambda good: changed(good, f"{PARAMETERS}.data.expires", 99_999_999_999),
    "more work": lambda good: changed(good, f"{PARAMETERS}.data.work", 100_000),
    "an endless expiry": lambda good: changed(good, f"{PARAMETERS}.expiresAt", float("inf")),
    "an odd surrogate": lambda good: changed(good, f"{PARAMETERS}.nonce", "\ud800"),
    "a forbidden name": lambda good: changed(good, f"{PARAMETERS}.data", {"__proto__": 1}),
}


@pytest.fixture
def asked_for_phone(browser: Browser, bob: User, policy: object) -> Browser:
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    return browser


@pytest.fixture
def asked_for_channel(browser: Browser, bobs_phone: PhoneDevice, policy: object) -> Browser:
    browser.post_password("bob")
    return browser


@pytest.fixture(params=[PHONE, CHANNEL])
def gate(request: pytest.FixtureRequest, browser: Browser, bob: User, policy: object) -> "Gate":
    """Return each form that the captcha guards, at the moment when a person sees it."""
    path: str = request.param
    request.getfixturevalue("asked_for_phone" if path == PHONE else "asked_for_channel")
    fields = {"country": "BR", "number": BOBS_NUMBER} if path == PHONE else {"channel": "sms"}
    return Gate(browser, path, fields)


class Gate:
    """A form behind the captcha."""

    def __init__(self, browser: Browser, path: str, fields: dict[str, str]) -> None:
        self.browser, self.path, self.fields = browser, path, fields

    def solve(self) -> str:
        return self.browser.captcha(self.path)

    def post(self, **fields: str) -> Any:
        return self.browser.post(self.path, {**self.fields, **fields})

    def refuses(self, response: Any, sentence: str) -> bool:
        return response.status_code == 200 and sentence in page(response) and not sends()


def sends() -> list[Any]:
    return [*Message.objects.all(), *Challenge.objects.all()]


# C-01, C-02: once, fresh, and ours -----------------------------------------------------------------


def test_nothing_is_sent_without_the_captcha(gate: Gate) -> None:
    """C-01."""
    assert gate.refuses(gate.post(), TICK)
    assert gate.refuses(gate.post(altcha=""), TICK)
    assert gate.refuses(gate.post(captcha=gate.solve()), TICK)
    assert gate.refuses(gate.post(**{"g-recaptcha-response": gate.solve()}), TICK)


def test_nothing_is_sent_for_null_characters(gate: Gate) -> None:
    """C-01."""
    assert gate.refuses(gate.post(altcha="\x00"), "Null characters are not allowed.")


@pytest.mark.parametrize("kind", GARBAGE)
def test_nothing_is_sent_for_garbage(gate: Gate, kind: str) -> None:
    """C-01."""
    assert gate.refuses(gate.post(altcha=GARBAGE[kind](gate.solve())), NO_GOOD)


def test_a_solved_captcha_opens_the_form(gate: Gate) -> None:
    """C-01, and the proof that the refusals above are not for another reason."""
    assert gate.post(altcha=gate.solve()).headers["Location"] == TOKEN
    assert len(deliver()) == 1


@pytest.mark.parametrize("write", [str, rewritten])
def test_a_captcha_that_was_used_opens_nothing_again(gate: Gate, write: Callable[[str], str]) -> None:
    """C-01, C-02: not even written in another way, nor by another person in another session."""
    captcha = gate.solve()
    person("dora", User.objects.get(username="bob").account)
    dora = Browser()
    dora.post_password("dora")
    dora.post("/entrar/introducao/")
    assert dora.post_phone("21 99887-7665", altcha=captcha).status_code == 302
    assert NO_GOOD in page(gate.post(altcha=write(captcha)))
    assert len(deliver()) == 1


@pytest.mark.parametrize("order", [1, -1], ids=["a link, then a token", "a token, then a link"])
def test_a_captcha_pays_for_a_link_or_for_a_token_and_not_for_both(asked_for_channel: Browser, order: int) -> None:
    """C-02: one count of its uses, whatever it pays for."""
    solved = asked_for_channel.captcha("/entrar/canal/")
    ways: list[tuple[str, dict[str, str]]] = [
        ("/entrar/navegador/", {"username": "bob"}),
        ("/entrar/canal/", {"channel": "sms"}),
    ]
    answers = [page(asked_for_channel.post(path, {**data, "altcha": solved})) for path, data in ways[::order]]
    assert "has expired. Tick it again" not in answers[0]
    assert "has expired. Tick it again" in answers[1]
    assert len(deliver()) == 1


def test_a_captcha_is_good_for_ten_minutes(gate: Gate) -> None:
    """C-01."""
    captcha = gate.solve()
    with time_machine.travel(time.time() + 601):
        assert gate.refuses(gate.post(altcha=captcha), NO_GOOD)


@pytest.mark.parametrize("wrong", ["hmac_secret", "hmac_key_secret"])
def test_a_captcha_signed_with_another_key_opens_nothing(gate: Gate, settings: Any, wrong: str) -> None:
    """C-01."""
    secret = settings.SECRET_KEY
    keys = {
        "hmac_secret": captcha._altcha_key("altcha", secret),
        "hmac_key_secret": captcha._altcha_key("altcha solution", secret),
    }
    made = made_with(**{**keys, wrong: "another key"})
    assert gate.refuses(gate.post(altcha=made), NO_GOOD)
    assert gate.post(altcha=made_with(**keys)).headers["Location"] == TOKEN


def made_with(hmac_secret: str, hmac_key_secret: str) -> str:
    data = {"work": 50, "expires": int(time.time()) + 60}
    secrets: Any = {"hmac_secret": hmac_secret, "hmac_key_secret": hmac_key_secret}
    return solve(altcha.create_challenge("PBKDF2/SHA-256", 1, counter=30, data=data, **secrets).to_dict())


def test_a_challenge_without_a_signature_opens_nothing(gate: Gate) -> None:
    """C-01."""
    data = {"work": 50, "expires": int(time.time()) + 60}
    made = altcha.create_challenge("PBKDF2/SHA-256", 1, counter=30, data=data).to_dict()
    assert gate.refuses(gate.post(altcha=solve(made)), NO_GOOD)


def test_the_number_to_find_lies_in_the_upper_half_of_the_work() -> None:
    """B-03: nobody gets it for nothing, and nobody tries more than the work says."""
    numbers = {altcha.Payload.from_base64(solve(captcha.new_altcha(8))).solution.counter for _ in range(60)}
    assert numbers == {4, 5, 6, 7}


def test_a_captcha_that_takes_a_slow_phone_minutes_opens_the_form(gate: Gate) -> None:
    """C-01: what is refused late is refused for its age alone."""
    solved = gate.solve()
    with time_machine.travel(time.time() + 590, tick=False):
        assert gate.post(altcha=solved).headers["Location"] == TOKEN


def test_a_browser_whose_clock_is_wrong_is_not_told_that_it_is_late(asked_for_channel: Browser) -> None:
    """The widget compares this field with the browser's clock."""
    challenge = challenge_in(asked_for_channel.get(CHANNEL).content.decode())
    assert challenge
    assert "expiresAt" not in challenge["parameters"]
    assert challenge["parameters"]["data"]["expires"] > time.time()


def test_the_widgets_script_comes_first_and_only_with_the_captcha(asked_for_channel: Browser) -> None:
    """W-02: as a file of our own; app.js, which gives it its words, runs after it."""
    assert scripts_on(asked_for_channel, CHANNEL) == ["vendor/altcha-3.2.2/altcha.min.js", "js/app.js"]
    asked_for_channel.post_channel("sms")
    assert scripts_on(asked_for_channel, CHANNEL) == scripts_on(asked_for_channel, TOKEN) == ["js/app.js"]


def scripts_on(browser: Browser, path: str) -> list[str]:
    return re.findall(r'<script src="/static/([^"]+)"', browser.get(path).content.decode())


def test_each_number_needs_a_captcha_of_its_own(asked_for_phone: Browser) -> None:
    """C-01: also while the sends that the first one paid for are not used up."""
    asked_for_phone.post_phone(BOBS_NUMBER)
    response = asked_for_phone.post(PHONE, {"country": "BR", "number": "21 99887-7665"})
    assert TICK in page(response)
    assert len(deliver()) == 1


def test_a_wrong_number_does_not_use_the_captcha_up(asked_for_phone: Browser) -> None:
    captcha = asked_for_phone.captcha(PHONE)
    assert asked_for_phone.post_phone("11 8765-4321", altcha=captcha).status_code == 200
    assert asked_for_phone.post_phone(BOBS_NUMBER, altcha=captcha).status_code == 302


def test_a_wrong_number_keeps_the_captcha_that_was_solved(asked_for_phone: Browser) -> None:
    """Nothing was sent for it, so it is not asked for again; it pays once all the same (C-02)."""
    captcha = asked_for_phone.captcha(PHONE)
    shown = asked_for_phone.post_phone("11 3265-4321", altcha=captcha).content.decode()
    assert "data-captcha-kept" in shown
    assert "<altcha-widget" not in shown
    assert captcha in html.unescape(shown)
    assert asked_for_phone.post_phone(altcha=captcha).headers["Location"] == "/entrar/token/"
    let_pass(31)
    assert "data-captcha-kept" not in page(asked_for_phone.post_phone(altcha=captcha))
    assert Message.objects.count() == 1


@pytest.mark.parametrize("captcha", ["garbage", "", "\0", "x" * 9000])
def test_of_a_captcha_that_was_not_solved_nothing_is_kept(asked_for_phone: Browser, captcha: str) -> None:
    shown = asked_for_phone.post(PHONE, {"country": "BR", "number": "11 3265-4321", "altcha": captcha}).content.decode()
    assert "data-captcha-kept" not in shown
    assert "<altcha-widget" in shown


def test_a_refused_captcha_is_written_down_without_its_value(gate: Gate) -> None:
    """J-01, J-02."""
    gate.post(altcha=encoded("garbage"))
    assert AuditEvent.objects.get(action="captcha.refused").data == {"reason": "CaptchaRefused"}


# C-06: what one captcha pays for -------------------------------------------------------------------


def test_the_fourth_send_needs_a_new_captcha(asked_for_channel: Browser) -> None:
    """C-06."""
    asked_for_channel.post_channel("sms")
    assert asked_for_channel.post(CHANNEL, {"channel": "email"}).headers["Location"] == TOKEN
    let_pass(121)
    assert asked_for_channel.post(RESEND).headers["Location"] == TOKEN
    assert Message.objects.count() == 3

    let_pass(121)
    assert asked_for_channel.post(RESEND).headers["Location"] == CHANNEL
    asked_again = asked_for_channel.get(CHANNEL)
    assert AGAIN in page(asked_again)
    assert b"<altcha-widget challenge=" in asked_again.content
    assert TICK in page(asked_for_channel.post(CHANNEL, {"channel": "sms"}))
    assert Message.objects.count() == 3

    assert asked_for_channel.post_channel("sms").headers["Location"] == TOKEN
    assert Message.objects.count() == 4


@pytest.mark.usefixtures("many_sends")
def test_a_second_captcha_does_not_add_up_with_the_first(asked_for_channel: Browser) -> None:
    """C-06: three sends after the last one, not six."""
    first, second = asked_for_channel.captcha(CHANNEL), asked_for_channel.captcha(CHANNEL)
    asked_for_channel.post(CHANNEL, {"channel": "sms", "altcha": first})
    let_pass(31)
    asked_for_channel.post(CHANNEL, {"channel": "sms", "altcha": second})
    for _ in range(2):
        let_pass(121)
        assert asked_for_channel.post(RESEND).headers["Location"] == TOKEN
    let_pass(121)
    assert asked_for_channel.post(RESEND).headers["Location"] == CHANNEL
    assert Message.objects.count() == 4


def test_a_captcha_pays_in_one_session_only(
    asked_for_channel: Browser, other_browser: Browser, bobs_phone: PhoneDevice
) -> None:
    """C-06: bound to the pending sign-in."""
    asked_for_channel.post_channel("sms")
    other_browser.post_password("bob")
    assert TICK in page(other_browser.post(CHANNEL, {"channel": "sms"}))
    assert len(deliver()) == 1


# C-07: only POST sends ------------------------------------------------------------------------------


def test_looking_at_the_token_page_sends_nothing(asked_for_channel: Browser) -> None:
    """C-07, F47."""
    asked_for_channel.post_channel("sms")
    for _ in range(10):
        assert asked_for_channel.get(TOKEN).status_code == 200
        assert asked_for_channel.head(TOKEN).status_code == 200
    for path in (CHANNEL, RESEND, "/entrar/", "/"):
        asked_for_channel.get(path, {"channel": "sms"})
    assert asked_for_channel.get(RESEND).status_code == 405
    assert len(deliver()) == 1
    assert asked_for_channel.post_token(last_token()).headers["Location"] == "/"


def test_a_send_needs_the_csrf_token(bobs_phone: PhoneDevice, policy: object) -> None:
    """C-07."""
    browser = Browser()
    browser.post_password("bob")
    solved = browser.captcha(CHANNEL)
    browser.handler.enforce_csrf_checks = True
    for path in (CHANNEL, RESEND):
        assert browser.post(path, {"channel": "sms", "altcha": solved}).status_code == 403
    assert not Message.objects.exists()


# The cooldown ---------------------------------------------------------------------------------------


def test_another_token_too_soon_is_answered_with_429(asked_for_channel: Browser) -> None:
    """C-08: 30 s after the first, 60 s after the second."""
    asked_for_channel.post_channel("sms")
    token = last_token()
    response = asked_for_channel.post(RESEND)
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 30
    assert f"Try again in {response.headers['Retry-After']} seconds." in page(response)
    assert len(deliver()) == 1
    # A limited resend must not cancel the good token: the user would be left with none.
    assert asked_for_channel.post_token(token).headers["Location"] == "/"


def test_a_program_is_told_the_limit_as_json(asked_for_channel: Browser) -> None:
    asked_for_channel.post_channel("sms")
    response = asked_for_channel.post(RESEND, headers={"accept": "application/json"})
    assert response.status_code == 429
    assert response.json() == {"detail": "limited", "retry_after": int(response.headers["Retry-After"])}


def test_the_cooldown_between_two_tokens_grows(asked_for_channel: Browser) -> None:
    """C-08."""
    asked_for_channel.post_channel("sms")
    let_pass(28)
    assert asked_for_channel.post(RESEND).status_code == 429
    let_pass(3)
    assert asked_for_channel.post(RESEND).status_code == 302
    let_pass(31)
    assert asked_for_channel.post(RESEND).status_code == 429
    let_pass(30)
    assert asked_for_channel.post(RESEND).status_code == 302
    assert Message.objects.count() == 3


def test_the_cooldown_holds_for_a_number_typed_again(asked_for_phone: Browser) -> None:
    """C-08: with a new captcha, and in another spelling."""
    asked_for_phone.post_phone("11 98765-4321")
    assert asked_for_phone.post_phone("+55 (11) 98765 4321").status_code == 429
    assert len(deliver()) == 1


def test_a_double_click_on_the_send_button_sends_once(asked_for_channel: Browser) -> None:
    """F45."""
    asked_for_channel.post_channel("sms")
    assert asked_for_channel.post(CHANNEL, {"channel": "sms"}).status_code == 429
    assert len(deliver()) == 1


# C-04: no test keys, no half a pair ----------------------------------------------------------------


def problems() -> set[str]:
    return {str(message.id) for message in checks.run_checks() if message.is_serious()}


@pytest.mark.parametrize(
    "keys", [(TEST_PUBLIC_KEY, TEST_PRIVATE_KEY), ("mine", TEST_PRIVATE_KEY), (TEST_PUBLIC_KEY, "mine")]
)
def test_googles_test_keys_are_an_error(settings: Any, keys: tuple[str, str]) -> None:
    """C-04."""
    settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY = keys
    assert "twofactor.E002" in problems()


@pytest.mark.parametrize("keys", [("mine", ""), ("", "mine")])
def test_half_a_pair_of_keys_is_an_error(settings: Any, keys: tuple[str, str]) -> None:
    """C-04."""
    settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY = keys
    assert "twofactor.E001" in problems()


@pytest.mark.parametrize("keys", [("mine", "my secret"), ("", "")])
def test_a_pair_of_keys_or_none_is_right(settings: Any, keys: tuple[str, str]) -> None:
    settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY = keys
    assert problems() == set()


@pytest.mark.parametrize("key", ["", "short", "the key of sessions, of forms and links"])
def test_the_token_key_is_long_and_a_key_of_its_own(settings: Any, key: str) -> None:
    """T-07."""
    settings.SECRET_KEY = "the key of sessions, of forms and links"
    settings.TOKEN_KEY = key
    assert "twofactor.E003" in problems()


def check_deploy(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {"DJANGO_SETTINGS_MODULE": "messaging.settings", **production(**environment), **inherited}
    command = [sys.executable, "manage.py", "check", "--deploy"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)


def test_production_does_not_start_with_googles_test_keys() -> None:
    """C-04."""
    done = check_deploy(RECAPTCHA_PUBLIC_KEY=TEST_PUBLIC_KEY, RECAPTCHA_PRIVATE_KEY=TEST_PRIVATE_KEY)
    assert done.returncode != 0
    assert "twofactor.E002" in done.stderr


def test_production_starts_with_keys_of_its_own() -> None:
    """C-04, W-01."""
    done = check_deploy(RECAPTCHA_PUBLIC_KEY="mine", RECAPTCHA_PRIVATE_KEY="my secret")
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


# reCAPTCHA's box on the page -----------------------------------------------------------------------


@pytest.fixture
def recaptcha(settings: Any) -> dict[str, Any]:
    """Put what settings.py makes of reCAPTCHA's keys in force."""
    made = settings_with(EMBEDDED="1", RECAPTCHA_PUBLIC_KEY="site-key", RECAPTCHA_PRIVATE_KEY="site-secret")
    for name in ("RECAPTCHA_PUBLIC_KEY", "RECAPTCHA_PRIVATE_KEY", "RECAPTCHA_ENABLED", "CONTENT_SECURITY_POLICY"):
        setattr(settings, name, made[name])
    return made


def policy_of(response: Any) -> dict[str, list[str]]:
    directives = response.headers["Content-Security-Policy"].split(";")
    return {name: sources for name, *sources in (directive.split() for directive in directives)}


@pytest.mark.parametrize("path", [PHONE, CHANNEL])
def test_the_box_of_recaptcha_needs_no_inline_script(
    request: pytest.FixtureRequest, recaptcha: object, path: str
) -> None:
    """W-02."""
    browser: Browser = request.getfixturevalue("asked_for_phone" if path == PHONE else "asked_for_channel")
    response = browser.get(path)
    shown = response.content.decode()
    assert 'data-sitekey="site-key"' in shown
    assert "site-secret" not in shown
    assert "altcha" not in shown
    assert not re.search(r"<script(?![^>]*\ssrc=)", shown)
    assert not re.search(r"<[^>]+\s(on\w+|style)=", shown)
    sources = policy_of(response)
    for script in re.findall(r'<script[^>]*\ssrc="([^"]+)"', shown):
        assert script.startswith(("/static/", *(f"{host}/" for host in sources["script-src"])))
    assert "https://www.google.com" in sources["script-src"]
    assert "https://www.gstatic.com" in sources["script-src"]
    assert sources["frame-src"] == ["https://www.google.com"]
    assert "'unsafe-inline'" not in response.headers["Content-Security-Policy"]


def test_a_captcha_that_google_was_asked_about_is_not_shown_as_done(
    recaptcha: object, alice: User, monkeypatch: Any, settings: Any
) -> None:
    """B-11, C-02: joining asks before it judges the password, and Google answers once for each captcha."""
    asked: list[str] = []

    def ask(value: str) -> str:
        asked.append(value)
        return value

    monkeypatch.setattr(captcha, "_check_recaptcha", ask)
    invitations.invite(alice.account, {"nina@example.com": "Nina"}, actor=alice, language="en")
    path = invitations.link(Invitation.objects.get()).removeprefix(settings.PUBLIC_URL)
    typed = {"first_name": "Nina", "new_password": "nina@example.com", "g-recaptcha-response": "solved"}
    shown = Browser().post(path, typed).content.decode()
    assert "It contains your" in shown
    assert asked == ["solved"]
    assert "data-captcha-kept" not in shown
    assert 'data-sitekey="site-key"' in shown
    good = {**typed, "new_password": PASSWORD, "g-recaptcha-response": "another"}
    assert Browser().post(path, good).status_code == 302
    assert asked == ["solved", "another"]


def test_googles_hosts_are_in_the_policy_only_where_recaptcha_is_on(asked_for_channel: Browser) -> None:
    """W-02."""
    response = asked_for_channel.get(CHANNEL)
    assert "google" not in response.headers["Content-Security-Policy"]
    assert "gstatic" not in response.headers["Content-Security-Policy"]
    assert policy_of(response)["frame-src"] == ["'none'"]
    assert "google" not in response.content.decode()


def test_where_recaptcha_is_on_the_other_captcha_opens_nothing(asked_for_phone: Browser, settings: Any) -> None:
    """C-01."""
    captcha = asked_for_phone.captcha(PHONE)
    settings.RECAPTCHA_ENABLED = True
    assert TICK in page(asked_for_phone.post_phone(altcha=captcha))
    assert TICK in page(
        asked_for_phone.post(PHONE, {"country": "BR", "number": BOBS_NUMBER, "g-recaptcha-response": ""})
    )
    assert not Message.objects.exists()


# C-05, F37: the fallback captcha ------------------------------------------------------------------------

INSTEAD = "The usual check does not answer right now. Tick this one instead."
IN_ITS_PLACE = "The usual check does not answer right now. This one takes its place."
NO_ANSWER = "does not answer right now. Try again in a minute."


@pytest.fixture
def silent_google(recaptcha: object, settings: Any) -> None:
    """Let nothing answer where Google is."""
    settings.RECAPTCHA_DOMAIN = "127.0.0.1:1"
    settings.CAPTCHA_FALLBACK = True


def answer_of_google(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Google be back, and content."""
    good = RecaptchaResponse(True, extra_data={"hostname": "testserver"})
    monkeypatch.setattr(captcha, "_ask_google", lambda value, ip: good)


def test_while_google_is_silent_the_other_captcha_takes_its_place(
    gate: Gate, silent_google: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-05, F37: refused, then by the fallback captcha, for everybody; and back to Google afterwards."""
    assert 'data-sitekey="site-key"' in gate.browser.get(gate.path).content.decode()
    refused = gate.post(**{"g-recaptcha-response": "solved"})
    assert gate.refuses(refused, INSTEAD)
    assert "<altcha-widget challenge=" in refused.content.decode()
    shown = gate.browser.get(gate.path)
    assert IN_ITS_PLACE in page(shown)
    assert "data-sitekey" not in page(shown)
    assert policy_of(shown)["worker-src"] == ["'self'"]
    assert policy_of(shown)["frame-src"] == ["https://www.google.com"]
    assert gate.refuses(gate.post(**{"g-recaptcha-response": "solved"}), TICK)
    assert gate.refuses(gate.post(altcha=changed(gate.solve(), KEY, "0" * 64)), NO_GOOD)
    assert gate.post(altcha=gate.solve()).headers["Location"] == TOKEN
    assert AuditEvent.objects.filter(action="captcha.outage").count() == 1
    assert AuditEvent.objects.filter(action="captcha.fallback").count() == 1

    let_pass(121)
    answer_of_google(monkeypatch)
    assert TICK in page(gate.post(altcha=new_solution()))
    assert gate.post(**{"g-recaptcha-response": "another"}).headers["Location"] == TOKEN
    person("dora", User.objects.get(username="bob").account)
    dora = Browser()
    dora.post_password("dora")
    dora.post("/entrar/introducao/")
    assert 'data-sitekey="site-key"' in dora.get(PHONE).content.decode()
    assert AuditEvent.objects.filter(action="captcha.fallback").count() == 1


def test_only_googles_silence_brings_the_fallback_captcha(gate: Gate, silent_google: None) -> None:
    """F37: no other limit of two minutes does, and no outage of an older setting."""
    rate_limits.count([Window("something else", 120, 0, "else"), Window("captcha outage", 60, 0, "outage")])
    assert 'data-sitekey="site-key"' in gate.browser.get(gate.path).content.decode()
    rate_limits.count([Window("captcha outage", 120, 0, "outage")])
    assert IN_ITS_PLACE in page(gate.browser.get(gate.path))


def test_without_the_setting_there_is_no_fallback_captcha(gate: Gate, silent_google: None, settings: Any) -> None:
    """C-05."""
    settings.CAPTCHA_FALLBACK = False
    good = new_solution()
    assert gate.refuses(gate.post(**{"g-recaptcha-response": "solved"}), NO_ANSWER)
    assert gate.refuses(gate.post(altcha=good), TICK)
    shown = gate.browser.get(gate.path)
    assert "<altcha-widget challenge=" not in shown.content.decode()
    assert "data-captcha-second" not in shown.content.decode()


def new_solution() -> str:
    return solve(captcha.new_altcha())


def test_a_person_who_cannot_load_googles_box_gets_the_fallback_if_google_is_silent(
    gate: Gate, silent_google: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F37: the button asks for the fallback captcha; the server asks Google itself, and not often."""
    assert "data-captcha-second" in gate.browser.get(gate.path).content.decode()
    assert gate.refuses(gate.post(**{"g-recaptcha-response": ""}), INSTEAD)
    let_pass(121)
    asked: list[str] = []

    def ask(value: str, ip: str | None) -> RecaptchaResponse:
        asked.append(value)
        return RecaptchaResponse(False)

    monkeypatch.setattr(captcha, "_ask_google", ask)
    for _ in range(3):
        assert gate.refuses(gate.post(**{"g-recaptcha-response": ""}), TICK)
    assert asked == ["probe"]


def test_the_fallback_captcha_needs_google_to_be_silent(
    gate: Gate, silent_google: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-01: whoever brings the easier captcha while Google answers does not get in by it."""
    answer_of_google(monkeypatch)
    assert gate.refuses(gate.post(altcha=new_solution()), TICK)
    assert gate.post(**{"g-recaptcha-response": "solved"}).headers["Location"] == TOKEN
