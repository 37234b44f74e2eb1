"""The list of leaked passwords, which answers, stammers, hangs or is not there (PW-06)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.models import AuditEvent
from accounts.passwords import breaches
from tests.services import fake_pwned
from tests.services.programs import PATIENCE, Program, free_port, listens, module

pytestmark = pytest.mark.django_db


@pytest.fixture
def list_that(tmp_path: Path, settings: Any) -> Iterator[Callable[[str], None]]:
    """Start a list in a process of its own, and ask it."""
    started: list[Program] = []

    def start(mode: str) -> None:
        port = free_port()
        settings.BREACHED_PASSWORDS_URL = f"http://127.0.0.1:{port}/range/"
        program = Program(*module(fake_pwned.__name__, str(port), mode), log=tmp_path / "pwned.log")
        started.append(program)
        program.start(lambda: listens(port))

    yield start
    for program in started:
        program.stop()


def failures() -> int:
    return AuditEvent.objects.filter(action="password.breach_check_failed").count()


def test_a_leaked_password_is_found_and_another_one_is_not(list_that: Callable[[str], None], settings: Any) -> None:
    settings.BREACHED_PASSWORDS_SECONDS = PATIENCE  # the limit is tested below; a busy machine may miss it
    settings.PWNED_PASSWORDS = {"API_TIMEOUT": PATIENCE}
    list_that("answers")
    assert breaches.has_leaked(fake_pwned.LEAKED)
    assert not breaches.has_leaked("another staple of its own")
    assert failures() == 0


@pytest.mark.parametrize("mode", ["hangs", "fails", "stammers"])
def test_a_list_without_an_answer_refuses_nobody_and_is_counted(list_that: Callable[[str], None], mode: str) -> None:
    list_that(mode)
    began = time.monotonic()
    assert not breaches.has_leaked(fake_pwned.LEAKED)
    assert time.monotonic() - began < fake_pwned.SILENCE / 2
    assert failures() == 1


def test_a_list_that_is_not_there_refuses_nobody(settings: Any) -> None:
    settings.BREACHED_PASSWORDS_URL = f"http://127.0.0.1:{free_port()}/range/"
    assert not breaches.has_leaked(fake_pwned.LEAKED)
    assert failures() == 1
