"""An export takes a thread while it is made, so an account has few at the same time (B-01)."""

from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections

from accounts.lists import csv
from accounts.models import AuditEvent, User
from tests.conftest import ALICES_NUMBER, Browser, enrol

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

PATHS = (
    "/configuracoes/usuarios/exportar/",
    "/configuracoes/auditoria/exportar/",
    "/configuracoes/minha-conta/sem-segunda-etapa/",
)


@pytest.fixture
def office(alice: User) -> Browser:
    enrol(alice, ALICES_NUMBER)
    browser = Browser()
    browser.sign_in("alice")
    return browser


def leave(answer: Any) -> None:
    """Close an export before it is read; the connection to the database belongs to the test and stays open."""
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)


@pytest.mark.parametrize("path", PATHS)
def test_an_account_has_two_exports_at_the_same_time(office: Browser, charlie: User, path: str) -> None:
    """B-01: sixteen exports of 100,000 events took all threads of two processes for four minutes."""
    first, second = office.get(path), office.get(path)
    refused = office.get(path)
    assert [first.status_code, second.status_code, refused.status_code] == [200, 200, 429]
    assert refused.headers["Retry-After"] == "30"
    assert AuditEvent.objects.filter(action="limit.hit", data__scope="exports").count() == 1
    enrol(charlie, "+5531987651234")
    other = Browser()
    other.sign_in("charlie")
    assert other.get(path).status_code == 200, "another account has its own exports"
    assert office.get("/").status_code == 200
    leave(first)
    assert office.get(path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_an_export_that_was_read_counts_no_longer(office: Browser, path: str) -> None:
    for _time in range(4):
        answer: Any = office.get(path)
        assert b"".join(answer).endswith(b"\r\n")


def test_an_export_that_is_never_closed_counts_for_five_minutes(
    office: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = [office.get(PATHS[0]) for _time in range(2)]
    assert office.get(PATHS[0]).status_code == 429
    monkeypatch.setattr(csv, "FORGOTTEN_SECONDS", 0)
    assert office.get(PATHS[0]).status_code == 200
    for answer in lost:
        leave(answer)
