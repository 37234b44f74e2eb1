"""Where a token and a number may be found by whoever reads the broker, a backup or the logs."""

import base64
import contextlib
import hashlib
import hmac
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from tests.services.browser import Browser, location
from tests.services.conftest import MakePortal, holds, shown
from tests.services.fake_twilio import SERVICE
from tests.services.parts import Broker
from tests.services.portal import Portal
from tests.services.programs import wait_for
from tests.services.seed import PASSWORD

TASK = "messaging.delivery.tasks.deliver"


@pytest.fixture(scope="module")
def quiet(make_portal: MakePortal) -> Iterator[Portal]:
    """Return a portal with a broker of its own and no worker: the tests start and stop that."""
    portal = make_portal("quiet", own_broker=True)
    portal.start_web()
    yield portal
    portal.stop()


class Wiretap:
    """Hears every command that any client sends to a broker."""

    def __init__(self, broker: Broker) -> None:
        self.lines: list[str] = []
        self.broker = broker
        # Without an end: nobody may say anything for longer than the 5 s that the library waits by itself.
        self.monitor: Any = redis.Redis(port=broker.port, socket_timeout=None).monitor()  # type: ignore[no-untyped-call]
        self.monitor.__enter__()
        threading.Thread(target=self._listen, daemon=True).start()
        self.heard("begin")

    def _listen(self) -> None:
        with contextlib.suppress(redis.RedisError, OSError, ValueError):  # the broker ends before we do
            for command in self.monitor.listen():
                self.lines.append(str(command["command"]))

    def heard(self, mark: str) -> str:
        """Return everything heard up to now."""
        client = self.broker.client()
        client.echo(mark)
        client.close()
        wait_for(lambda: f"ECHO {mark}" in self.lines, meaning="wiretap")
        return "\n".join(self.lines)


def contents(broker: Broker) -> str:
    """Return everything that lies in a broker, by every kind of key, with what it hides in base64."""
    client = broker.client()
    found: list[str] = []
    for key in client.scan_iter():
        parts = [key, *stored_under(client, key)]
        found += [part.decode(errors="replace") for part in parts]
    client.close()
    return unfolded("\n".join(found))


def stored_under(client: Any, key: bytes) -> list[bytes]:
    """Return what a key holds, whatever kind it is."""
    kind = client.type(key)
    if kind == b"hash":
        return [part for pair in client.hgetall(key).items() for part in pair]
    if kind == b"zset":
        return [member for member, _score in client.zrange(key, 0, -1, withscores=True)]
    readers: dict[bytes, Callable[[], Any]] = {
        b"none": list,  # it went meanwhile
        b"string": lambda: [client.get(key)],
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
    }
    return list(readers[kind]())


def unfolded(text: str) -> str:
    """Return a text with the plain text of whatever in it is base64."""
    folded = re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text)
    return "\n".join([text, *(decoded(part) for part in folded)])


def decoded(part: str) -> str:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4)).decode(errors="replace")
    except ValueError:
        return ""


def hashes_of(token: str, salts: list[str]) -> Iterator[str]:
    """Return what somebody with the database and a million tries would look for (T-07)."""
    for salt in salts:
        for text in (salt + token, token + salt, f"{salt}:{token}"):
            for algorithm in ("md5", "sha1", "sha256", "sha512"):
                yield hashlib.new(algorithm, text.encode()).hexdigest()
        for algorithm in ("sha1", "sha256"):
            yield hmac.new(salt.encode(), token.encode(), algorithm).hexdigest()
            yield hashlib.pbkdf2_hmac(algorithm, token.encode(), salt.encode(), 1).hex()


def test_no_token_is_stored_anywhere(quiet: Portal) -> None:
    """T-06, T-07, J-02, J-03, F4, F12, F15: while it waits, while it is sent, afterwards; and it is sent once."""
    wiretap = Wiretap(quiet.broker)
    seen: list[str] = []

    # Being sent: the task is taken and not done yet. The worker is asked to end meanwhile.
    held = quiet.member()
    quiet.twilio.will_answer(held.number, "hold")
    with quiet.worker() as worker:
        held.ask_for_sms()
        tokens = [quiet.token(held)]
        seen.append(contents(quiet.broker))
        assert TASK not in seen[0], "the broker keeps no copy of what a worker took"
        worker.ask_to_stop()
        quiet.twilio.release()
        assert worker.ended() == 0
    assert quiet.messages_to(held.number) == [("sent", 1, "")]

    # Waiting: nobody is there to take it. Somebody who can write to the broker sends the wake-up 30 times.
    waiting = quiet.member().ask_for_sms()
    client = quiet.broker.client()
    assert client.llen("tokens") == 1
    seen.append(contents(quiet.broker))
    assert TASK in seen[1]
    (wake_up,) = client.lrange("tokens", 0, -1)
    client.lpush("tokens", *[wake_up] * 30)

    # Afterwards.
    with quiet.worker():
        tokens.append(quiet.token(waiting))
        wait_for(lambda: not client.llen("tokens"), meaning="empty queue")
        assert location(waiting.post_token(tokens[1])) == "/"
        quiet.wait_for_state(waiting.number, "sent", 1)
    assert len(quiet.twilio.received(waiting.number)) == 1
    seen += [contents(quiet.broker), unfolded(wiretap.heard("end"))]
    assert "LPUSH" in seen[-1]
    client.close()

    dump = quiet.database.dump()
    for browser, token in zip((held, waiting), tokens, strict=True):
        for text in seen:
            assert not holds(text, token)
            assert browser.number[3:] not in text
            assert browser.email not in text
        assert_not_in_database(quiet, dump, browser, token)
    assert PASSWORD not in dump + "".join(seen)  # S-04


def assert_not_in_database(portal: Portal, dump: str, browser: Browser, token: str) -> None:
    """Look for a token in a dump, as it is and as whoever has the dump would hash it."""
    assert browser.number in dump  # the dump is one
    assert not holds(dump, token)
    nonces = [row[0] for row in portal.database.rows("SELECT nonce FROM twofactor_challenge")]
    assert len(nonces) >= 2
    for guess in hashes_of(token, ["", *nonces, str(browser.login), browser.number]):
        assert guess[:32] not in dump


def test_no_secret_is_in_the_logs(quiet: Portal) -> None:
    """J-02, J-03: also when the gateway refuses, answers nonsense or asks for another password."""
    with quiet.worker():
        for answer, error in {"21211": "twilio-21211", "reset": "ProtocolError", "20003": "twilio-20003"}.items():
            browser = quiet.member()
            # A second call with the same answer opens the circuit for whoever comes next.
            quiet.twilio.will_answer(browser.number, answer, "ok")
            browser.ask_for_sms()
            quiet.token(browser)
            wait_for(lambda: error in quiet.logs(), meaning=f"{error} in the logs")  # noqa: B023
            browser.post_token("000000")
        quiet.close_circuits()  # opened by 20003
        newcomer = quiet.newcomer().ask_for_first_sms()
        assert location(newcomer.post_token(quiet.token(newcomer))) == "/"
        quiet.mail.wait_for(newcomer.email)
    logs = quiet.logs()
    assert "twilio-21211" in logs  # these are the logs
    assert shown(quiet) == set()
    assert SERVICE not in logs


def test_a_record_stays_on_one_line(quiet: Portal) -> None:
    """J-04: what anybody writes cannot write the log."""
    browser = quiet.newcomer()
    browser.login = "somebody\r\n2026-01-01 CRITICAL forged"
    browser.session.headers["User-Agent"] = "one\ttwo"
    browser.post_password()
    browser.get("/entrar/%0d%0aCRITICAL%20forged/")
    assert not re.search(r"^.{0,30}CRITICAL", quiet.logs(), re.MULTILINE)
