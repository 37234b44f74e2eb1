"""What operators rely on: readiness, heartbeats, and no unsafe start."""

import gc
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError as DatabaseDown
from django_recaptcha.constants import TEST_PRIVATE_KEY, TEST_PUBLIC_KEY
from kombu.exceptions import OperationalError as BrokerDown

from accounts.models import User
from messaging import health
from messaging.delivery import flows as delivery
from messaging.delivery import wakeup
from messaging.delivery.models import Heartbeat
from messaging.periodic import watcher
from tests.conftest import Browser
from tests.operation_tools import ALIVE, HOUR, METRICS, READY, break_database
from tests.tools import ROOT, let_pass, production

pytestmark = pytest.mark.django_db


# alive and ready --------------------------------------------------------------------------


def ready() -> tuple[int, Any]:
    response = Browser().get(READY)
    return response.status_code, response.json()


def break_broker(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr(wakeup, "ping", refuse)


def test_the_readiness_page_names_each_dependency() -> None:
    """Q-06."""
    delivery.deliver_pending(by="worker")
    assert ready() == (200, {"database": "ok", "broker": "ok", "sender": "ok"})


def test_a_sender_that_never_looked_is_down() -> None:
    """Q-06."""
    assert ready() == (200, {"database": "ok", "broker": "ok", "sender": "down"})


@pytest.mark.parametrize(("silent", "state"), [(0, "ok"), (55, "ok"), (61, "down"), (HOUR, "down")])
@pytest.mark.parametrize("name", ["worker", "poller"])
def test_a_sender_that_is_silent_is_down_though_the_process_answers(name: str, silent: int, state: str) -> None:
    """Q-06, F11: noticed by what it does, not by its PID."""
    delivery.deliver_pending(by=name)
    let_pass(silent)
    assert ready() == (200, {"database": "ok", "broker": "ok", "sender": state})


def test_one_sender_that_looks_is_enough() -> None:
    """Q-06: the poller stands in for the worker."""
    delivery.deliver_pending(by="worker")
    let_pass(300)
    delivery.deliver_pending(by="poller")
    assert ready()[1]["sender"] == "ok"


def test_without_the_database_nothing_is_ready_but_the_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Q-06, F19: 503, and no error page."""
    delivery.deliver_pending(by="worker")
    break_database(monkeypatch)
    assert ready() == (503, {"database": "down", "broker": "ok", "sender": "down"})
    assert Browser().get(ALIVE).content == b"ok\n"


@pytest.mark.parametrize("error", [BrokerDown("refused"), ConnectionResetError("reset"), TimeoutError("frozen")])
def test_without_the_broker_the_portal_is_ready_all_the_same(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Q-06, Q-04: the poller sends."""
    delivery.deliver_pending(by="poller")
    break_broker(monkeypatch, error)
    assert ready() == (200, {"database": "ok", "broker": "down", "sender": "ok"})


def test_the_liveness_page_depends_on_nothing(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any, settings: Any
) -> None:
    """Q-06."""
    break_broker(monkeypatch, BrokerDown("refused"))
    settings.SMS_GATEWAYS = []
    with django_assert_num_queries(0):
        response = Browser().get(ALIVE)
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.parametrize("path", [READY, ALIVE, METRICS])
def test_operators_addresses_are_read_only(path: str) -> None:
    assert Browser().post(path).status_code == 405


def test_readiness_says_nothing_but_names_and_states() -> None:
    """J-02."""
    assert set(health.CHECKS) == {"database", "broker", "sender"}
    assert set(ready()[1].values()) <= {"ok", "down"}


# Heartbeats -------------------------------------------------------------------------------------


def test_the_sweep_and_the_poller_leave_their_heartbeats() -> None:
    """Q-06, F13."""
    watcher.look("worker", threads=1)
    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["worker"]
    call_command("deliver_pending", "--once")
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker", "poller"}
    let_pass(40)
    watcher.look("worker", threads=1)
    ages = {beat.name: datetime.now(UTC) - beat.at for beat in Heartbeat.objects.all()}
    assert ages["worker"] < timedelta(seconds=39) < ages["poller"]


def test_a_sender_that_delivers_but_does_not_look_leaves_none(bob: User) -> None:
    """Q-06: a worker that takes messages by wake-ups without sweeping cannot hide that the sweep is dead."""
    delivery.deliver(1)
    assert not Heartbeat.objects.exists()


# Production does not start unsafely -----------------------------------------------------------------

TEST_KEYS = {"RECAPTCHA_PUBLIC_KEY": TEST_PUBLIC_KEY, "RECAPTCHA_PRIVATE_KEY": TEST_PRIVATE_KEY}
UNSAFE = {**TEST_KEYS, "TOKEN_KEY": "short", "SMS_GATEWAYS": "twilio,outbox", "TWILIO_FROM": ""}
EXPECTED = ["delivery.E002", "delivery.E003", "twofactor.E002", "twofactor.E003"]
WORKER = ["celery", "-A", "messaging.celery", "worker", "--pool", "solo", "--without-gossip", "--without-mingle"]


def start(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a program of production's as an operator would, and wait for its end."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = {"DJANGO_SETTINGS_MODULE": "messaging.settings", **production(**environment), **inherited}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=180, check=False
    )


@pytest.mark.parametrize(
    "command",
    [("-c", "import messaging.wsgi"), ("-c", "import messaging.asgi"), ("-m", *WORKER)],
    ids=["wsgi", "asgi", "worker"],
)
def test_no_program_of_production_starts_unsafely(command: tuple[str, ...]) -> None:
    """C-04: web and worker end with one line for each error, and say no key."""
    done = start(*command, **UNSAFE)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if re.match(r"\w+\.E\d{3}: ", line)]
    assert sorted(line.split(":")[0] for line in lines) == EXPECTED
    assert "Traceback" not in done.stderr
    for secret in ("short", TEST_PRIVATE_KEY, production()["SECRET_KEY"]):
        assert secret not in done.stderr + done.stdout


def test_production_that_is_safe_starts() -> None:
    """C-04."""
    done = start("-c", "import messaging.wsgi; print(callable(messaging.wsgi.application))")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True\n"


def test_a_web_process_does_not_load_what_only_senders_use() -> None:
    """5 MB less in each."""
    loaded = "import messaging.wsgi, messaging.urls, sys; print({'requests', 'twilio.rest'} & set(sys.modules))"
    done = start("-c", loaded)
    assert done.stdout == "set()\n", done.stderr


def test_the_embedded_default_may_use_its_outbox(tmp_path: Any) -> None:
    """C-04: what only production may not do is not asked of the demo."""
    done = start("-c", "import messaging.wsgi", EMBEDDED="1", SMS_GATEWAYS="outbox", VAR_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("accept", "body"), [("text/html", b"<title"), ("application/json", b"unavailable")])
def test_a_database_that_is_away_is_answered_with_503(
    db: None, monkeypatch: pytest.MonkeyPatch, accept: str, body: bytes
) -> None:
    """F19: a page of our own, when to come back, and kept by nobody."""

    def away(*_: object, **__: object) -> None:
        raise DatabaseDown("the server closed the connection")

    monkeypatch.setattr("twofactor.sign_in.flows.check_password", away)
    browser = Browser(headers={"accept": accept}, raise_request_exception=False)
    answer = browser.post_password("bob")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert "no-store" in answer.headers["Cache-Control"]
    assert body in answer.content


def test_a_bug_is_answered_by_our_own_page_500(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """F19: only the database's absence is one."""

    def buggy(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("twofactor.sign_in.flows.check_password", buggy)
    assert Browser(raise_request_exception=False).post_password("bob").status_code == 500


def test_a_new_process_collects_what_it_has_loaded_before_its_first_request() -> None:
    """O-22: the first full collection held a request for 70 ms."""
    from messaging import gunicorn  # noqa: PLC0415 (gunicorn's own configuration)

    before = gc.get_freeze_count()
    try:
        gunicorn.post_worker_init(None)
        assert gc.get_freeze_count() > before + 10_000
    finally:
        gc.unfreeze()
