"""The token: its digits, its life, what it is bound to, where it must not be found, how it travels."""

import base64
import hashlib
import hmac
import logging
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.db import connection
from django.utils import translation

from accounts.models import Account, AuditEvent, User
from messaging.database import Clock
from messaging.delivery import flows as delivery
from messaging.delivery.models import Channel, Message
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, PASSWORD, Browser, deliver, last_token, person, sent_to
from tests.database_dump import dump, places_of, tags, values
from tests.doubles import MemoryGateway
from tests.tools import let_pass, page
from twofactor import notifications
from twofactor.exceptions import TokenUsed
from twofactor.models import Challenge, PendingSignIn, PhoneChange, PhoneDevice, Purpose
from twofactor.tokens import challenges, derive, texts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CONFIRM = "/meu-perfil/telefone/confirmar/"
TOKEN = "/entrar/token/"
LANGUAGES = [code for code, _name in settings.LANGUAGES]
# 3GPP TS 23.038: one septet each, and the extension table, two septets each.
GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENSION = set("^{}\\[~]|€\f")


def asked(browser: Browser, login: str = "bob", channel: str = "sms") -> str:
    """Take a browser to the token page and return the token that has left."""
    browser.post_password(login)
    browser.post_channel(channel)
    return last_token()


def opens(response: Any) -> bool:
    return bool(response.status_code == 302)


def refuses(response: Any) -> bool:
    return bool(response.status_code == 200 and b"field-errors" in response.content)


# Digits (T-01) --------------------------------------------------------------------------------


def codes(count: int) -> list[str]:
    """Derive the tokens of many challenges, under fixed nonces so that no run differs from another."""
    key = "k" * 50
    bob = User(pk=7)
    facts: dict[str, Any] = {"channel": "sms", "key_id": derive.key_id(key), "pending_sign_in_id": 1}
    rows = [Challenge(nonce=f"{number:032x}", **facts) for number in range(count)]
    return [row.token_for(bob, Purpose.SIGN_IN, BOBS_NUMBER) for row in rows]


@pytest.fixture
def fixed_key(settings: Any) -> None:
    settings.TOKEN_KEY = "k" * 50


@pytest.mark.usefixtures("fixed_key")
def test_tokens_are_six_ascii_digits_spread_evenly() -> None:
    """T-01."""
    captured = codes(2000)
    assert all(re.fullmatch(r"[0-9]{6}", code, re.ASCII) for code in captured)
    for position in range(6):
        seen = Counter(code[position] for code in captured)
        chi_square = sum((seen[digit] - 200) ** 2 / 200 for digit in "0123456789")
        assert chi_square < 27.9, f"position {position}: {seen}"


@pytest.mark.usefixtures("fixed_key")
def test_a_tenth_of_the_tokens_begins_with_zero() -> None:
    """T-01."""
    leading = sum(code.startswith("0") for code in codes(2000))
    assert 150 < leading < 250


def test_nonces_are_128_random_bits() -> None:
    """T-01."""
    nonces = {derive.new_nonce() for _ in range(2000)}
    assert len(nonces) == 2000
    assert all(re.fullmatch(r"[0-9a-f]{32}", nonce) for nonce in nonces)


def test_a_token_that_begins_with_zeros_opens_as_typed(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-01."""
    browser.post_password("bob")
    browser.post_channel("sms")
    row = Challenge.objects.get()
    row.nonce = next(f"{n:032x}" for n in range(10_000) if with_nonce(row, f"{n:032x}").startswith("00"))
    row.save()
    token = last_token()
    assert token.startswith("00")
    assert opens(browser.post_token(token))


def with_nonce(row: Challenge, nonce: str) -> str:
    row.nonce = nonce
    return row.token()


# Life (T-02) ----------------------------------------------------------------------------------


def test_a_token_of_170_seconds_opens(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-02."""
    token = asked(browser)
    let_pass(170)
    assert opens(browser.post_token(token))


def test_a_token_of_181_seconds_does_not(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-02."""
    token = asked(browser)
    let_pass(181)
    response = browser.post_token(token)
    assert refuses(response)
    assert "too old" in page(response)
    assert Challenge.objects.get().attempts == 0
    assert not browser.is_in()


def test_another_token_does_not_prolong_the_one_before(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-02."""
    first = asked(browser)
    let_pass(100)
    end = Challenge.objects.get().expires_at
    browser.post("/entrar/token/reenviar/")
    assert Challenge.objects.order_by("pk")[0].expires_at == end
    second = last_token()
    let_pass(100)
    assert refuses(browser.post_token(first))
    assert opens(browser.post_token(second))


@pytest.mark.parametrize("seconds", [-400, 400])
def test_only_the_clock_of_the_database_counts(browser: Browser, bobs_phone: PhoneDevice, seconds: int) -> None:
    """T-02. F39: a web host whose clock is wrong neither shortens nor lengthens a token's life."""
    token = asked(browser)
    let_pass(200 if seconds < 0 else 0)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True):
        assert opens(browser.post_token(token)) is (seconds > 0)


# Once (T-03) ----------------------------------------------------------------------------------


def test_a_used_token_opens_no_second_session(
    browser: Browser, other_browser: Browser, bobs_phone: PhoneDevice
) -> None:
    """T-03."""
    token = asked(browser)
    other_browser.cookies["session"] = browser.cookies["session"].value
    assert opens(browser.post_token(token))
    response = other_browser.post_token(token)
    assert response.headers["Location"] == "/entrar/"
    assert not other_browser.is_in()


def test_the_consumption_has_one_winner(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-03. Two requests that compared well at the same time: the second one is told that the token is used."""
    token = asked(browser)
    pending = PendingSignIn.objects.get()
    one, other = (challenges.verify(pending, token) for _ in range(2))
    challenges.consume(one)
    with pytest.raises(TokenUsed):
        challenges.consume(other)
    with pytest.raises(TokenUsed):
        challenges.verify(pending, token)


def test_a_token_does_not_open_the_next_sign_in(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-03."""
    token = asked(browser)
    browser.post_token(token)
    browser.post("/sair/")
    browser.post_password("bob")
    let_pass(31)
    browser.post_channel("sms")
    assert refuses(browser.post_token(token))
    assert opens(browser.post_token(last_token()))


# The newest only (T-04) -----------------------------------------------------------------------


def test_another_token_cancels_the_one_before(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-04."""
    first = asked(browser)
    let_pass(31)
    browser.post("/entrar/token/reenviar/")
    second = last_token()
    response = browser.post_token(first)
    assert refuses(response)
    assert "A newer token was sent to you." in page(response)
    assert opens(browser.post_token(second))


def test_a_journey_has_one_live_challenge(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-04."""
    asked(browser)
    for wait in (31, 61):
        let_pass(wait)
        browser.post("/entrar/token/reenviar/")
    assert Challenge.objects.count() == 3
    assert Challenge.objects.open().count() == 1


# What it is bound to (T-05) -------------------------------------------------------------------


def test_a_token_of_another_session_is_refused(
    browser: Browser, other_browser: Browser, bobs_phone: PhoneDevice
) -> None:
    """T-05. F49: each pending sign-in has a token of its own, and both may finish."""
    mine = asked(browser)
    other_browser.post_password("bob")
    other_browser.post_channel("email")
    theirs = last_token()
    assert mine != theirs
    assert refuses(other_browser.post_token(mine))
    assert refuses(browser.post_token(theirs))
    assert opens(browser.post_token(mine))
    assert opens(other_browser.post_token(theirs))


def test_a_token_of_another_person_is_refused(
    browser: Browser, other_browser: Browser, bobs_phone: PhoneDevice, alices_phone: PhoneDevice
) -> None:
    """T-05."""
    bobs = asked(browser)
    alices = asked(other_browser, "alice")
    assert refuses(browser.post_token(alices))
    assert refuses(other_browser.post_token(bobs))


def test_a_token_of_the_other_channel_is_refused(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-05."""
    by_sms = asked(browser)
    browser.post("/entrar/canal/", {"channel": "email"})
    by_email = last_token()
    assert refuses(browser.post_token(by_sms))
    assert opens(browser.post_token(by_email))


def test_a_token_for_the_number_before_is_refused(browser: Browser, bob: User) -> None:
    """T-05. The first set-up's number was changed after the token left."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    browser.post_phone(BOBS_NUMBER)
    first = last_token()
    browser.post_phone(ALICES_NUMBER)
    assert refuses(browser.post_token(first))
    assert opens(browser.post_token(last_token()))
    assert PhoneDevice.objects.get().number == ALICES_NUMBER


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_token_to_what_is_no_longer_the_destination_is_refused(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, channel: str
) -> None:
    """T-05. Phone or address became another between the sending and the typing: the row alone is not believed."""
    token = asked(browser, channel=channel)
    PhoneDevice.objects.update(number="+5511912345678")
    User.objects.filter(pk=bob.pk).update(email="robert@example.com")
    assert refuses(browser.post_token(token))


def test_a_token_of_the_first_set_up_is_no_token_of_a_sign_in(
    browser: Browser, other_browser: Browser, bob: User
) -> None:
    """T-05. P-05: the person enrolled elsewhere meanwhile; the same number, yet another purpose."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    browser.post_phone(BOBS_NUMBER)
    token = last_token()
    other_browser.enrol("bob", BOBS_NUMBER)
    browser.post_token(token)
    assert not browser.is_in()
    assert PhoneDevice.objects.count() == 1
    assert Challenge.objects.order_by("pk")[0].attempts == 0, "it is not even tried"


@pytest.fixture
def changing(browser: Browser, bob: User, bobs_phone: PhoneDevice) -> Browser:
    """Bob, who has given a new number and his password."""
    browser.sign_in("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": ALICES_NUMBER})
    browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    return browser


def test_a_token_of_a_sign_in_is_no_proof_for_a_change(
    changing: Browser, other_browser: Browser, bobs_phone: PhoneDevice
) -> None:
    """T-05."""
    reauthentication = last_token()
    sign_in = asked(other_browser)
    assert sign_in != reauthentication
    assert refuses(changing.post(CONFIRM, {"token": sign_in}))
    assert refuses(other_browser.post_token(reauthentication))
    assert not PhoneChange.objects.get().holder_proved


def test_the_proof_of_the_old_phone_is_no_proof_of_the_new_one(changing: Browser) -> None:
    """T-05."""
    old = last_token()
    assert opens(changing.post(CONFIRM, {"token": old}))
    assert refuses(changing.post(CONFIRM, {"token": old}))
    assert PhoneDevice.objects.get().number == BOBS_NUMBER


@pytest.mark.usefixtures("fixed_key")
def test_every_fact_changes_the_digits() -> None:
    """T-05."""
    key = "k" * 50
    row = Challenge(nonce="0" * 32, channel="sms", key_id=derive.key_id(key), pending_sign_in_id=1)
    seen = {row.token_for(User(pk=7), Purpose.SIGN_IN, BOBS_NUMBER)}
    seen.add(row.token_for(User(pk=8), Purpose.SIGN_IN, BOBS_NUMBER))
    seen.add(row.token_for(User(pk=7), Purpose.ENROL, BOBS_NUMBER))
    seen.add(row.token_for(User(pk=7), Purpose.SIGN_IN, ALICES_NUMBER))
    for name, value in [("channel", "email"), ("pending_sign_in_id", 2), ("nonce", "1" * 32)]:
        setattr(row, name, value)
        seen.add(row.token_for(User(pk=7), Purpose.SIGN_IN, BOBS_NUMBER))
    assert len(seen) == 7


# Where it must not be found (T-06, T-07, S-04) ------------------------------------------------


def logged(caplog: Any) -> str:
    """Return all that was logged, also while the test was set up."""
    return "\n".join(record.getMessage() for when in ("setup", "call") for record in caplog.get_records(when))


@pytest.fixture
def sent_token(browser: Browser, bobs_phone: PhoneDevice, memory: MemoryGateway, settings: Any, caplog: Any) -> str:
    """Send a token past the outbox, with everything logged that can be, and return it."""
    caplog.set_level(logging.DEBUG)
    settings.REDIS_URL = ""
    browser.post_password("bob")
    browser.post_channel("sms")
    delivery.deliver_pending(by="poller")
    assert Message.objects.get().gateway == "memory"
    return memory.tokens[0]


def test_the_database_never_holds_a_token(sent_token: str, bob: User) -> None:
    """T-06."""
    assert places_of(sent_token) == []
    AuditEvent.objects.create(user=bob, action="mistake", data={"token": sent_token})
    assert len(places_of(sent_token)) == 1, "the search itself must be able to find it"


def test_neither_cookies_nor_pages_nor_logs_show_a_token(sent_token: str, browser: Browser, caplog: Any) -> None:
    """T-06."""
    pages = [browser.get(path) for path in (TOKEN, "/entrar/canal/")]
    wrong = browser.post_token(f"{(int(sent_token) + 1) % 10**6:06}")
    assert refuses(wrong)
    for text in [*map(page, pages), page(wrong), browser.cookies.output(), logged(caplog)]:
        assert sent_token not in text


def test_the_page_after_the_token_does_not_repeat_it(sent_token: str, browser: Browser, caplog: Any) -> None:
    """T-06."""
    assert opens(browser.post_token(sent_token))
    assert places_of(sent_token) == []
    assert sent_token not in browser.get("/").content.decode()
    assert sent_token not in logged(caplog)


def test_a_token_by_email_is_stored_nowhere_either(
    browser: Browser, bobs_phone: PhoneDevice, settings: Any, caplog: Any
) -> None:
    """T-06."""
    caplog.set_level(logging.DEBUG)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    asked_before = len(mail.outbox)
    browser.post_password("bob")
    browser.post_channel("email")
    delivery.deliver_pending(by="poller")
    found = re.search(r"\b\d{6}\b", str(mail.outbox[asked_before].body))
    assert found
    assert places_of(found[0]) == []
    assert found[0] not in logged(caplog)


def test_the_queue_carries_ids_only(
    browser: Browser, bobs_phone: PhoneDevice, settings: Any, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    """T-06. J-03, S-04: what is published names a row and tells nothing."""
    published: list[Any] = []
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr("celery.current_app.send_task", lambda *args, **options: published.append((args, options)))
    browser.post_password("bob")
    with django_capture_on_commit_callbacks(execute=True):
        browser.post_channel("sms")
    (name,), options = published[0]
    assert name == "messaging.delivery.tasks.deliver"
    assert options["args"] == [Message.objects.get().pk]
    said = str(published)
    for secret in (last_token(), BOBS_NUMBER, PASSWORD, "bob"):
        assert secret not in said


def test_the_password_is_kept_nowhere(browser: Browser, bobs_phone: PhoneDevice, caplog: Any) -> None:
    """S-04."""
    caplog.set_level(logging.DEBUG)
    asked(browser)
    encoded = base64.b64encode(PASSWORD.encode()).decode().rstrip("=")
    for secret in (PASSWORD, encoded, PASSWORD.encode().hex(), PASSWORD.replace(" ", "%20")):
        assert places_of(secret) == []
        assert secret not in browser.cookies.output()
        assert secret not in logged(caplog)


def test_no_column_is_a_digest_of_the_token(sent_token: str) -> None:
    """T-07. Trying 10^6 codes succeeds exactly when the right code's digest stands in the dump: so try that one.

    Every value of the dump serves as salt or key, as it would for the thief.
    """
    kept = set(values().values())
    salts = {b"", *(value.encode() for value in kept if len(value) <= 254)}
    made = {digest for salt in salts for digest in digests(sent_token.encode(), salt)}
    shortest = 8  # hexadecimal digits; a key_id has as many
    stored = [value for value in kept if len(value) >= shortest]
    assert [d for d in made if any(d[:12] in value or d.startswith(value) for value in stored)] == []


def digests(code: bytes, salt: bytes) -> list[str]:
    """Return what somebody careless might have kept of a code, in hexadecimal."""
    plain = [hashlib.new(name, salt + code).hexdigest() for name in ("sha256", "sha1", "md5")]
    keyed = [hmac.new(salt, code, "sha256").hexdigest(), hmac.new(code, salt, "sha256").hexdigest()]
    return [*plain, *keyed, hashlib.pbkdf2_hmac("sha256", code, salt, 1).hex()]


def test_the_digits_need_a_key_that_the_database_does_not_hold(sent_token: str, settings: Any) -> None:
    """T-07."""
    row = Challenge.objects.get()
    facts = (row.user_id, row.purpose, row.channel, row.destination, f"sign-in {row.pending_sign_in_id} change None")
    assert derive.derive(settings.TOKEN_KEY, row.nonce, *facts) == sent_token, "the test knows the derivation"
    for key in {"", row.nonce, row.key_id, settings.SECRET_KEY, *values().values()}:
        assert derive.derive(key, row.nonce, *facts) != sent_token
    assert settings.TOKEN_KEY != settings.SECRET_KEY
    for start in range(0, len(settings.TOKEN_KEY) - 8, 8):
        assert settings.TOKEN_KEY[start : start + 8] not in str(dump())


# What is typed (T-08) -------------------------------------------------------------------------


def in_digits(zero: str, token: str) -> str:
    """Write a token in the digits of another script."""
    return "".join(chr(ord(zero) + int(digit)) for digit in token)


MALFORMED: dict[str, Callable[[str], str | list[str]]] = {
    "full-width": lambda token: in_digits("０", token),
    "Arabic-Indic": lambda token: in_digits("٠", token),
    "Devanagari": lambda token: in_digits("०", token),
    "one full-width": lambda token: in_digits("０", token[0]) + token[1:],
    "mathematical": lambda token: in_digits("𝟎", token),
    "plus": lambda token: f"+{token[1:]}",
    "minus": lambda token: f"−{token[1:]}",
    "plus before": lambda token: f"+{token}",
    "float": lambda token: "1e5",
    "underscore": lambda token: f"{token[:3]}_{token[3:]}",
    "empty": lambda token: "",
    "spaces": lambda token: "      ",
    "five": lambda token: token[:5],
    "seven": lambda token: f"0{token}",
    "10 kB": lambda token: token * 1700,
    "padded to 10 kB": lambda token: token + " " * 10_000 + "7",
    "spaced out": lambda token: token[:3] + " " * 500 + token[3:],
    "NUL after": lambda token: f"{token}\x00",
    "NUL inside": lambda token: f"{token[:3]}\x00{token[3:]}",
    "twice": lambda token: [token, token],
    "wrong, then right": lambda token: ["000000", token],
    "right, then empty": lambda token: [token, ""],
    "a list": lambda token: f"['{token}']",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_not_six_ascii_digits_is_refused_and_not_counted(
    browser: Browser, bobs_phone: PhoneDevice, kind: str
) -> None:
    """T-08."""
    token = asked(browser)
    response = browser.post(TOKEN, {"token": MALFORMED[kind](token)})
    assert refuses(response)
    assert Challenge.objects.get().attempts == 0
    assert opens(browser.post_token(token))


def test_what_comes_after_a_token_is_not_overlooked() -> None:
    """T-08: however far behind it stands."""
    for length in (1, 34, 40, 10_000):
        assert derive.read(f"123456{' ' * length}7") is None


def test_a_missing_token_is_refused_and_not_counted(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-08."""
    token = asked(browser)
    assert refuses(browser.post(TOKEN, {"tokens": token}))
    assert refuses(browser.post(f"{TOKEN}?token={token}"))
    assert Challenge.objects.get().attempts == 0


def test_a_body_that_is_no_form_is_refused_and_not_counted(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-08."""
    token = asked(browser)
    assert refuses(browser.post(TOKEN, f'{{"token": "{token}"}}', content_type="application/json"))
    assert Challenge.objects.get().attempts == 0


@pytest.mark.parametrize("written", ["{0}{1}", "{0} {1}", "{0}-{1}", " {0}{1}\t", "#{0}{1}", "{0}\u00a0{1}"])
def test_spaces_and_hyphens_are_forgiven(browser: Browser, bobs_phone: PhoneDevice, written: str) -> None:
    """T-08."""
    token = asked(browser)
    assert opens(browser.post_token(written.format(token[:3], token[3:])))


# Comparing (T-09) -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("right", [True, False])
def test_the_attempt_is_counted_and_committed_before_a_comparison_in_constant_time(
    browser: Browser, bobs_phone: PhoneDevice, monkeypatch: Any, right: bool
) -> None:
    """T-09."""
    token = asked(browser)
    seen: list[tuple[int, bool]] = []

    def spy(one: str, other: str) -> bool:
        seen.append((Challenge.objects.get().attempts, connection.in_atomic_block))
        return one == other

    monkeypatch.setattr(derive, "constant_time_compare", spy)
    browser.post_token(token if right else f"{(int(token) + 1) % 10**6:06}")
    assert seen == [(1, False)]


# How it travels (T-10 to T-12) ----------------------------------------------------------------


class AnyFact(dict[str, str]):
    """Facts of an audit event, as long as they get."""

    def __missing__(self, name: str) -> str:
        return "•••••••21"


def sms_tokens() -> list[str]:
    return [texts.sms_text("000000", purpose) for purpose in Purpose.values]


def sms_notices() -> list[str]:
    account = Account(name="Padaria Aurora")
    bob = User(username="bob", account=account)
    written = [
        write(AuditEvent(action=action, user=bob, actor=bob, account=account, at=datetime.now(UTC), data=AnyFact()))
        for action, write in notifications.NOTICES.items()
    ]
    return [notice.sms for notice in written if notice.sms]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sms_is_one_segment_of_gsm_7(settings: Any, language: str) -> None:
    """T-11."""
    settings.PUBLIC_HOST = "portal.messaging-exemplo.com.br"
    with translation.override(language):
        texts = [*sms_tokens(), *sms_notices()]
    assert len(texts) > len(Purpose.values)
    for text in texts:
        assert set(text) <= GSM_7 | GSM_7_EXTENSION, set(text) - GSM_7
        assert sum(2 if sign in GSM_7_EXTENSION else 1 for sign in text) <= 160, text
        assert "http" not in text
        assert "www." not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_last_line_of_a_token_binds_it_to_our_host(settings: Any, language: str) -> None:
    """T-10, D5."""
    settings.PUBLIC_HOST = "portal.example"
    with translation.override(language):
        texts = sms_tokens()
    for text in texts:
        assert text.splitlines()[-1] == "@portal.example #000000"
        assert text.startswith("Messaging: ")
        assert " 3 min" in text
    assert len(set(texts)) >= 3, "the purpose is told"


def test_the_sms_that_leaves_ends_with_the_host_of_the_settings(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-10."""
    browser.post_password("bob")
    browser.post_channel("sms")
    text = sent_to(BOBS_NUMBER)[0]["text"]
    assert re.fullmatch(r"@[a-z0-9.-]+ #[0-9]{6}", text.splitlines()[-1])
    assert text.splitlines()[-1].startswith(f"@{settings.PUBLIC_HOST} ")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_host_of_the_request_is_not_believed(browser: Browser, bobs_phone: PhoneDevice, host: str) -> None:
    """T-10. W-03."""
    browser.defaults["SERVER_NAME"] = host
    browser.post_password("bob")
    browser.post_channel("sms")
    assert f"@{settings.PUBLIC_HOST} #" in sent_to(BOBS_NUMBER)[0]["text"]


def test_telephones_can_fill_the_field_in(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-10."""
    asked(browser)
    (field,) = tags(browser.get(TOKEN), lambda tag, attrs: tag == "input" and attrs.get("name") == "token")
    assert field["autocomplete"] == "one-time-code"
    assert field["inputmode"] == "numeric"
    assert field["type"] == "text"
    assert "value" not in field


def test_a_refused_token_is_not_written_back(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-10."""
    asked(browser)
    assert "654321" not in page(browser.post_token("654321"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_subject_of_an_email_does_not_show_the_token(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, language: str
) -> None:
    """T-12."""
    User.objects.filter(pk=bob.pk).update(language=language)
    browser.post_password("bob")
    browser.post_channel("email")
    (entry,) = sent_to("bob@example.com")
    token = re.search(r"\b\d{6}\b", entry["text"])
    assert token
    assert token[0] not in re.sub(r"\D", "", entry["subject"])
    assert not re.search(r"\d{3}", entry["subject"])  # the time of day alone, by which mails are told apart (O-13)


def test_no_link_in_the_email_of_a_token(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """T-12."""
    asked(browser, channel="email")
    content = texts.render_token(Message.objects.get(channel=Channel.EMAIL))
    assert "http" not in content.text
    assert "href" not in content.html


def test_two_people_with_one_phone_have_tokens_of_their_own(
    browser: Browser, other_browser: Browser, account: Account, bobs_phone: PhoneDevice
) -> None:
    """P-08."""
    dora = person("dora", account)
    PhoneDevice.objects.create(user=dora, name="phone", number=BOBS_NUMBER, region="BR", kind="mobile")
    assert asked(browser) != asked(other_browser, "dora")
    assert len(deliver()) == 2


def test_the_clock_is_read_when_it_is_evaluated() -> None:
    """F43: PostgreSQL's NOW() is the beginning of the transaction, which may have waited for a lock since."""
    compiler = Challenge.objects.all().query.get_compiler("default")
    statement, values = Clock().as_postgresql(compiler, connection)
    assert (statement, list(values)) == ("CLOCK_TIMESTAMP()", [])  # a tuple from Django 6 on
