"""Transactions that the database gives up, and a database that takes nothing (F20, F24)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import InternalError, OperationalError
from psycopg import errors

from messaging.database import is_conflict, is_outage
from messaging.delivery import flows as delivery
from messaging.delivery.models import Message
from tests.conftest import Browser, last_token
from twofactor.models import Challenge, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CHANNEL = "/entrar/canal/"


def caused(by: Exception, error: type[Exception] = OperationalError) -> Exception:
    """Return Django's error for one of PostgreSQL's."""
    made = error(str(by))
    made.__cause__ = by
    return made


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Exception]]:
    """Let the next transactions that send a token end with these errors, at their last statement."""
    send = delivery.enqueue

    def lose(*errors: Exception) -> list[Exception]:
        left = list(errors)

        def enqueue(**facts: Any) -> Message:
            message: Message = send(**facts)
            if left:
                raise left.pop(0)
            return message

        monkeypatch.setattr(delivery, "enqueue", enqueue)
        return left

    return lose


@pytest.fixture
def at_channel(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    browser.post_password("bob")
    browser.raise_request_exception = False
    return browser


@pytest.mark.parametrize("conflict", [errors.DeadlockDetected, errors.SerializationFailure])
def test_who_loses_once_is_sent_one_token(at_channel: Browser, losing: Any, conflict: type[Exception]) -> None:
    """F20: nothing of the first run is left, not even the counted send."""
    losing(caused(conflict()))
    assert at_channel.post_channel().headers["Location"] == "/entrar/token/"
    assert Challenge.objects.count() == Message.objects.count() == 1
    assert at_channel.post_token(last_token()).headers["Location"] == "/"


def test_who_loses_twice_is_asked_to_wait(at_channel: Browser, losing: Any) -> None:
    """F20: limited, and nothing was sent."""
    left = losing(*[caused(errors.DeadlockDetected()) for _ in range(3)])
    response = at_channel.post_channel()
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert len(left) == 1
    assert not Message.objects.exists()


def test_an_outage_is_not_tried_again(at_channel: Browser, losing: Any) -> None:
    left = losing(*[caused(errors.AdminShutdown()) for _ in range(2)])
    assert at_channel.post_channel().status_code == 503
    assert len(left) == 1


def test_a_read_only_database_is_an_outage_and_our_mistakes_are_not(at_channel: Browser, losing: Any) -> None:
    """F24: 503; a transaction that we broke ourselves is 500."""
    losing(caused(errors.ReadOnlySqlTransaction(), InternalError))
    assert at_channel.post_channel().status_code == 503
    losing(caused(errors.InFailedSqlTransaction(), InternalError))
    assert at_channel.post_channel().status_code == 500
    assert not Message.objects.exists()


def test_errors_are_told_apart() -> None:
    assert is_outage(OperationalError())
    assert is_outage(caused(errors.TooManyConnections()))
    assert not is_outage(ValueError())
    assert not is_outage(None)
    assert not is_conflict(caused(errors.LockNotAvailable()))
    assert not is_conflict(caused(errors.DeadlockDetected(), ValueError))
