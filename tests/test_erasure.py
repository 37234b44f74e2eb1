"""R-13: a person who has left can be erased, and what is kept about a person can be had."""

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import AuditEvent, Invitation, KnownDevice, Session, User
from messaging.delivery.models import Message
from messaging.portal import erasure
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, Browser, deliver, enrol
from tests.database_dump import dump, rows_of
from tests.tools import page
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

TABLE = "accounts_auditevent"


def path(user: User, action: str = "apagar") -> str:
    return f"/configuracoes/usuarios/{user.pk}/{action}/"


@pytest.fixture
def office(alice: User, policy: object) -> Browser:
    enrol(alice, ALICES_NUMBER)
    browser = Browser(REMOTE_ADDR="198.51.100.1", headers={"user-agent": "Alices Browser"})
    browser.sign_in("alice")
    return browser


@pytest.fixture
def left(office: Browser, bob: User) -> User:
    """Return Bob, who has a history and was deactivated."""
    User.objects.filter(pk=bob.pk).update(first_name="Robert", last_name="Builder")
    record_event(Action.PASSKEY_ADDED, user=bob, name="Robert's key")
    his = Browser(REMOTE_ADDR="203.0.113.77", headers={"user-agent": "Bobs Browser"})
    his.enrol("bob")
    deliver()
    Invitation.objects.create(
        account=bob.account,
        email=bob.email,
        name="Robert Builder",
        language="en",
        invited_by=User.objects.get(username="alice"),
        nonce=1,
        expires_at=bob.created_at,
        user=bob,
    )
    office.reauthenticate(path(bob, "telefone"), reason="Robert lost it")
    office.post(path(bob, "desativar"))
    bob.refresh_from_db()
    return bob


def test_nothing_of_the_person_is_left_in_the_database(left: User, office: Browser) -> None:
    """R-13: name, login, address, number, agents and addresses go; what happened stays."""
    before = AuditEvent.objects.count()
    assert "There is no way back" in page(office.get(path(left)))
    assert office.post(path(left)).headers["Location"] == f"/configuracoes/usuarios/{left.pk}/"
    # What an address is counted by is nobody's name, and goes within a day.
    kept = str({table: rows for table, rows in dump().items() if table != "accounts_budget"})
    for trace in (
        "Robert",
        "Builder",
        "'bob'",
        "bob@example.com",
        BOBS_NUMBER,
        "203.0.113.77",
        "Bobs Browser",
        "•••21",
    ):
        assert trace not in kept, trace
    for model in (PhoneDevice, Session, KnownDevice):
        assert not model.objects.filter(user=left).exists()
    assert AuditEvent.objects.count() == before + 1
    assert Browser().post_password("bob").status_code == 200


def test_the_audit_says_that_it_was_somebody(left: User, office: Browser) -> None:
    """R-13, J-01: by number, and that they were erased, and by whom."""
    office.post(path(left))
    said = page(office.get("/configuracoes/auditoria/"))
    assert f"removed person #{left.pk}" in said
    assert f'href="/configuracoes/usuarios/{left.pk}/"' in said
    event = AuditEvent.objects.get(action="user.erased")
    assert (event.user, str(event.actor), event.ip) == (left, "alice", "198.51.100.1")
    theirs = AuditEvent.objects.get(action="phone.reset")
    assert (theirs.ip, theirs.user_agent) == ("198.51.100.1", "Alices Browser"), "hers stay"
    assert theirs.data == {"by_operator": False}


def test_an_erasure_leaves_the_rows_of_others(left: User, office: Browser, alice: User) -> None:
    """R-13: mail to the administrators, their sessions, their phone."""
    before = Message.objects.filter(destination=alice.email).count()
    office.post(path(left))
    assert before
    assert Message.objects.filter(destination=alice.email).count() == before
    assert PhoneDevice.objects.filter(user=alice).exists()
    assert office.is_in()


def test_the_page_of_the_erased_offers_nothing(left: User, office: Browser) -> None:
    office.post(path(left))
    shown = page(office.get(f"/configuracoes/usuarios/{left.pk}/"))
    assert f"removed person #{left.pk}" in shown
    assert "removed.invalid" not in shown
    for action in ("apagar", "reativar", "papel", "desativar", "dados"):
        assert path(left, action) not in shown
        assert office.post(path(left, action)).status_code == 404
    assert "removed.invalid" not in page(office.get("/configuracoes/usuarios/"))


def test_only_the_deactivated_of_the_own_account_and_after_a_proof(
    left: User, office: Browser, alice: User, charlie: User
) -> None:
    """R-13, A-01, A-04."""
    fresh = Browser()
    fresh.sign_in("alice", "email")
    assert fresh.post(path(left)).headers["Location"] == "/confirmar-identidade/"
    assert office.post(path(alice)).status_code == 404
    assert office.post(path(charlie)).status_code == 404
    assert not erasure.erase(alice, actor=alice)
    assert Browser().post(path(left)).status_code == 302
    assert not User.objects.filter(erased_at__isnull=False).exists()


def test_erasing_twice_changes_nothing(left: User, alice: User) -> None:
    assert erasure.erase(left, actor=alice)
    before = dump()
    assert not erasure.erase(left, actor=alice)
    assert dump() == before


# The triggers -------------------------------------------------------------------------------------

REDACTION = "UPDATE accounts_auditevent SET ip = NULL, user_agent = '' WHERE actor_id = %s"
MORE = {
    "another address": "UPDATE accounts_auditevent SET ip = '192.0.2.1' WHERE actor_id = %s",
    "another browser": "UPDATE accounts_auditevent SET user_agent = 'none' WHERE actor_id = %s",
    "the action": "UPDATE accounts_auditevent SET action = 'nothing', ip = NULL WHERE actor_id = %s",
    "whom it is about": "UPDATE accounts_auditevent SET user_id = NULL, ip = NULL WHERE actor_id = %s",
    "who did it": "UPDATE accounts_auditevent SET actor_id = NULL WHERE actor_id = %s",
    "the time": "UPDATE accounts_auditevent SET at = created, ip = NULL FROM (SELECT MIN(at) AS created"
    " FROM accounts_auditevent) AS first WHERE actor_id = %s AND at > created",
    "the facts": "UPDATE accounts_auditevent SET data = '{\"x\": 1}' WHERE actor_id = %s",
    "the row": "DELETE FROM accounts_auditevent WHERE actor_id = %s",
}


def run(statement: str, user: User) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [user.pk])


def test_nobody_is_redacted_whose_erasing_is_not_in_the_log(bob: User) -> None:
    """R-13, J-01: be the row of the person marked as it may."""
    record_event(Action.PASSWORD_CHANGED, user=bob)
    AuditEvent.objects.create(user=bob, actor=bob, action="password.changed", ip="192.0.2.1", user_agent="x")
    User.objects.filter(pk=bob.pk).update(erased_at=bob.created_at)
    with pytest.raises(IntegrityError, match="the audit trail only grows"):
        run(REDACTION, bob)
    record_event(Action.USER_ERASED, user=bob)
    run(REDACTION, bob)
    assert not AuditEvent.objects.exclude(ip=None).exists()


@pytest.mark.parametrize("change", MORE)
def test_the_database_lets_the_redaction_through_and_nothing_else(left: User, alice: User, change: str) -> None:
    """R-13, J-01."""
    erasure.erase(left, actor=alice)
    record_event(Action.PASSWORD_CHANGED, user=left)
    before = rows_of(TABLE)
    with pytest.raises(IntegrityError, match="the audit trail only grows"):
        run(MORE[change], left)
    assert rows_of(TABLE) == before


def test_of_a_persons_events_only_the_person_goes(left: User, alice: User) -> None:
    """R-13: the administrator's own events cannot be touched on this occasion."""
    erasure.erase(left, actor=alice)
    with pytest.raises(IntegrityError, match="the audit trail only grows"):
        run(REDACTION, alice)


# What is kept -------------------------------------------------------------------------------------


def test_a_person_reads_what_is_kept_about_them(browser: Browser, bob: User, policy: object) -> None:
    """R-13."""
    browser.enrol("bob")
    assert "/meu-perfil/dados/" in page(browser.get("/meu-perfil/"))
    answer = browser.get("/meu-perfil/dados/")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="messaging-{bob.pk}.json"'
    kept: dict[str, Any] = json.loads(answer.content)
    assert kept["user"]["email"] == "bob@example.com"
    assert kept["phone"] == BOBS_NUMBER
    assert kept["sessions"][0]["ip"] == "127.0.0.1"
    assert {message["channel"] for message in kept["messages"]} == {"sms", "email"}
    assert kept["events_in_all"] == len(kept["events"]) > 3
    assert "argon2" not in answer.content.decode()


def test_an_administrator_reads_it_without_the_number_and_nobody_else_does(
    left: User, office: Browser, charlie: User
) -> None:
    """R-13, P-09, A-04: and the address of the administrator is not in it."""
    answer = office.get(path(left, "dados"))
    assert json.loads(answer.content)["user"]["login"] == "bob"
    assert "198.51.100.1" not in answer.content.decode()
    assert BOBS_NUMBER not in answer.content.decode()
    assert office.get(path(charlie, "dados")).status_code == 404
    assert Browser().get(path(left, "dados")).status_code == 302
