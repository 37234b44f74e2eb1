"""O-21: gunicorn's own bounds, and counters that all of its processes share (O-20)."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
import requests

from tests.services.browser import at_once
from tests.services.conftest import MakePortal
from tests.services.portal import Portal
from tests.services.programs import PATIENCE, Program, wait_for
from tests.services.test_processes import descendants

PAGES = 'messaging_requests_total{part="sign_in",status="2xx"}'


@pytest.fixture(scope="module")
def portal(make_portal: MakePortal) -> Portal:
    return make_portal("bounds")


@pytest.fixture(scope="module")
def web(portal: Portal) -> Program:
    """Return a web server of three processes, each of which is replaced after forty to sixty requests."""
    return portal.start_web(3, "--max-requests", "40", "--max-requests-jitter", "20")


@pytest.fixture
def page(portal: Portal, web: Program) -> str:
    return f"{portal.base}/entrar/"


def test_a_request_within_the_bounds_is_answered(page: str) -> None:
    fields = {f"X-Field-{number}": "x" for number in range(40)}
    assert requests.get(f"{page}?next=/{'x' * 2000}", headers=fields, timeout=PATIENCE).status_code == 200


def test_a_line_too_long_is_refused(page: str) -> None:
    assert requests.get(f"{page}?next=/{'x' * 5000}", timeout=PATIENCE).status_code == 414


def test_too_many_fields_are_refused(page: str) -> None:
    fields = {f"X-Field-{number}": "x" for number in range(70)}
    assert requests.get(page, headers=fields, timeout=PATIENCE).status_code == 431


def test_a_field_too_long_is_refused(page: str) -> None:
    assert requests.get(page, headers={"X-Field": "x" * 9000}, timeout=PATIENCE).status_code == 431


def test_processes_are_replaced_without_a_request_lost_and_count_together(
    portal: Portal, web: Program, page: str
) -> None:
    """O-20, O-21: whichever process is asked knows of all requests, also of processes that are gone."""
    assert web.process
    first = descendants(web.process.pid)
    before, pid = portal.metric(PAGES), web.process.pid
    asked = 0
    while first & descendants(pid) and asked < 3000:  # the kernel may give one process fewer requests than another
        answers = at_once([partial(requests.get, page, timeout=PATIENCE)] * 10)
        assert {answer.status_code for answer in answers} == {200}
        asked += 10
    wait_for(lambda: not first & descendants(pid), meaning="the end of the last one")
    assert portal.metric(PAGES) == before + asked


def test_a_killed_process_takes_no_count_with_it(portal: Portal, web: Program, page: str) -> None:
    """O-20."""
    assert web.process
    before = portal.metric(PAGES)
    pid = web.process.pid
    wait_for(lambda: len(descendants(pid)) == 3, meaning="three processes")  # one may be on its way out
    killed = min(descendants(pid))
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: web.process and len(descendants(web.process.pid) - {killed}) == 3, meaning="another process")
    requests.get(page, timeout=PATIENCE)
    assert portal.metric(PAGES) == before + 1


@contextmanager
def asking_at(page: str) -> Iterator[list[str]]:
    """Ask for a page again and again on new connections; yield the answers."""
    statuses: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                statuses.append(str(requests.get(page, timeout=PATIENCE).status_code))
            except requests.RequestException as error:
                statuses.append(repr(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


def test_a_new_release_takes_over_without_a_request_lost(make_portal: MakePortal) -> None:
    """O-21: USR2 starts a new gunicorn on the same socket, then TERM ends the old one (docs/operations.md, Deploy)."""
    portal = make_portal("released")  # its own: the gunicorn that the others look at would be gone
    web = portal.start_web(3)
    with asking_at(f"{portal.base}/entrar/") as asking:
        take_over(web, asking)
    assert set(asking) == {"200"}


def take_over(web: Program, asking: list[str]) -> None:
    """Replace a gunicorn as an operator does, with answers of both and of the new one in between."""
    assert web.process
    old = descendants(web.process.pid)
    web.process.send_signal(signal.SIGUSR2)
    wait_for(lambda: web.process and len(descendants(web.process.pid) - old) >= 4, meaning="a new one with three")
    enough = len(asking) + 20
    wait_for(lambda: len(asking) >= enough, meaning="answers of both")
    web.process.terminate()
    assert web.ended() == 0
    enough = len(asking) + 20
    wait_for(lambda: len(asking) >= enough, meaning="answers of the new one")
