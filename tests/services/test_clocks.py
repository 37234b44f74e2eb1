"""Hosts whose clocks are five minutes wrong, each its own way: only the database's decides (F39 to F44)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.browser import Browser, location, words_of
from tests.services.conftest import MakePortal
from tests.services.portal import Portal

WRONG = 300  # seconds
END = """
    UPDATE twofactor_challenge SET expires_at = clock_timestamp() + %s::interval WHERE destination = %s RETURNING id"""
# Python's clocks, moved for a whole process before anything else is imported. What C code reads stays as it is.
MOVED_CLOCK = """
import datetime, os, time
shift = float(os.environ.get("CLOCK_SHIFT", "0"))
real, now, now_ns = datetime.datetime, time.time, time.time_ns

class Meta(type):
    def __instancecheck__(self, instance):
        return isinstance(instance, real)

class Moved(real, metaclass=Meta):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds=shift)

    @classmethod
    def utcnow(cls):
        return real.utcnow() + datetime.timedelta(seconds=shift)

Moved.__module__, Moved.__name__, Moved.__qualname__ = "datetime", "datetime", "datetime"
time.time = lambda: now() + shift
time.time_ns = lambda: now_ns() + int(shift * 1e9)
datetime.datetime = Moved
"""


@pytest.fixture(params=[(-WRONG, WRONG), (WRONG, -WRONG)], ids=["worker-ahead", "web-ahead"], scope="module")
def astray(request: pytest.FixtureRequest, make_portal: MakePortal, folder: Path) -> Iterator[Portal]:
    """Return a portal whose web process and worker are ten minutes apart."""
    web, worker = request.param
    module = folder / f"clock{web}"
    module.mkdir()
    (module / "sitecustomize.py").write_text(MOVED_CLOCK)
    portal = make_portal(f"astray{web}", own_broker=True, PYTHONPATH=str(module))
    portal.env = {**portal.env, "CLOCK_SHIFT": str(worker)}
    portal.start_worker()
    portal.start_poller()
    portal.env = {**portal.env, "CLOCK_SHIFT": str(web), "TIME_ZONE": "Pacific/Kiritimati"}
    portal.start_web()
    yield portal
    portal.stop()


def test_the_hosts_are_really_wrong(astray: Portal) -> None:
    """Else the rest of this file would show nothing."""
    told = astray.manage("shell", "-c", "from django.utils import timezone; print(timezone.now().isoformat())")
    host = told.stdout.split()[-1]
    ((ahead,),) = astray.database.rows("SELECT EXTRACT(EPOCH FROM %s::timestamptz - clock_timestamp())", host)
    assert abs(abs(float(ahead)) - WRONG) < 30


def test_a_token_comes_in_time_and_works(astray: Portal) -> None:
    """F39, F41: also where the broker's message looks too old to the worker; the row has the last word."""
    browser = astray.member().ask_for_sms()
    (request,) = astray.twilio.wait_for(browser.number)
    assert 150 <= int(request["ValidityPeriod"]) <= 180
    assert 150 <= seconds_on_page(browser) <= 180
    assert location(browser.post_token(astray.token(browser))) == "/"
    assert browser.is_in()


def seconds_on_page(browser: Browser) -> int:
    """Return where the countdown of the token page begins (F42)."""
    found = re.search(r'data-countdown="(\d+)"', browser.get("/entrar/token/").text)
    assert found
    return int(found[1])


def test_a_token_ends_by_the_databases_clock(astray: Portal) -> None:
    """F39, F40: to the hosts it ended five minutes ago, or has five more to go."""
    early, late = astray.member().ask_for_sms(), astray.member().ask_for_sms()
    tokens = [astray.token(browser) for browser in (early, late)]
    for browser, left in ((early, "60 s"), (late, "0 s")):
        astray.database.rows(END, left, browser.number)
    assert location(early.post_token(tokens[0])) == "/"
    assert "too old" in words_of(late.post_token(tokens[1]))
    assert not late.is_in()
