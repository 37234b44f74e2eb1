"""An account keeps somebody who can run it (A-02): the flows' one rule, and the operators' site that goes by it."""

from typing import Any

import pytest

from accounts.exceptions import LastAdministrator
from accounts.models import Account, AuditEvent, Role, User
from accounts.users import flows as users
from messaging.database import Clock
from tests.conftest import Browser, enrol, person
from tests.tools import page

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(account: Account) -> User:
    """Return a second administrator of Alice's account."""
    return person("dora", account, Role.ADMINISTRATOR)


def actions(user: User) -> list[tuple[str, str, dict[str, Any]]]:
    events = AuditEvent.objects.filter(user=user).order_by("pk")
    return [(event.action, event.actor.username if event.actor else "", event.data) for event in events]


def test_the_last_administrator_is_neither_demoted_nor_deactivated(alice: User, bob: User, charlie: User) -> None:
    """A-02: members and other accounts' administrators do not count."""
    with pytest.raises(LastAdministrator):
        users.change_role(alice, Role.MEMBER, actor=alice)
    with pytest.raises(LastAdministrator):
        users.deactivate_user(alice, actor=alice)
    alice.refresh_from_db()
    assert (alice.role, alice.is_active, actions(alice)) == (Role.ADMINISTRATOR, True, [])


@pytest.mark.parametrize("gone", [{"is_active": False}, {"locked_at": Clock()}, {"role": Role.MEMBER}])
def test_who_cannot_run_the_account_does_not_count(alice: User, dora: User, gone: dict[str, Any]) -> None:
    """A-02, D3."""
    User.objects.filter(pk=dora.pk).update(**gone)
    with pytest.raises(LastAdministrator):
        users.change_role(alice, Role.MEMBER, actor=alice)


def test_one_of_two_may_go_and_it_is_written_down(alice: User, dora: User) -> None:
    """A-02, J-01."""
    assert users.change_role(dora, Role.MEMBER, actor=alice)
    assert not users.change_role(dora, Role.MEMBER, actor=alice)
    assert users.deactivate_user(dora, actor=alice)
    assert not dora.is_active
    assert not users.deactivate_user(dora, actor=alice)
    assert users.reactivate_user(dora, actor=alice)
    assert dora.is_active
    assert not users.reactivate_user(dora, actor=alice)
    assert users.change_role(dora, Role.ADMINISTRATOR, actor=alice)
    assert dora.is_administrator
    assert actions(dora) == [
        ("user.role_changed", "alice", {"before": "administrator", "after": "member"}),
        ("user.deactivated", "alice", {}),
        ("sessions.ended", "alice", {}),
        ("user.reactivated", "alice", {}),
        ("user.role_changed", "alice", {"before": "member", "after": "administrator"}),
    ]


def test_a_deactivated_person_is_out_and_stays_out_when_reactivated(browser: Browser, alice: User, dora: User) -> None:
    """S-06."""
    browser.post_password("dora")
    users.deactivate_user(dora, actor=alice)
    assert not browser.is_in()
    users.reactivate_user(dora, actor=alice)
    assert not browser.is_in()


# The operators' site ------------------------------------------------------------------------------


@pytest.fixture
def olgas(browser: Browser) -> Browser:
    operators = Account.objects.create(name="Operação")
    enrol(person("olga", operators, Role.ADMINISTRATOR, is_staff=True, is_superuser=True))
    browser.sign_in("olga")
    return browser


def save(browser: Browser, user: User, **fields: str) -> Any:
    kept = {"username": user.username, "email": user.email, "role": user.role, "is_active": "on", **fields}
    data = {name: value for name, value in kept.items() if value}
    return browser.post(f"/admin/accounts/user/{user.pk}/change/", data, follow=True)


@pytest.mark.parametrize("fields", [{"role": "member"}, {"is_active": ""}])
def test_operators_keep_the_last_administrator_too(olgas: Browser, alice: User, fields: dict[str, str]) -> None:
    """A-02."""
    assert "An account needs at least one administrator." in page(save(olgas, alice, **fields))
    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == (Role.ADMINISTRATOR, True)


def test_operators_change_people_by_the_same_flows(olgas: Browser, alice: User, bob: User) -> None:
    """J-01."""
    save(olgas, bob, role="administrator", first_name="Roberto")
    save(olgas, alice, is_active="")
    bob.refresh_from_db()
    alice.refresh_from_db()
    assert (bob.role, bob.first_name, alice.is_active) == (Role.ADMINISTRATOR, "Roberto", False)
    assert [action for action, actor, _data in actions(alice) if actor == "olga"] == [
        "user.deactivated",
        "sessions.ended",
    ]


def test_operators_neither_move_nor_delete_people(olgas: Browser, alice: User, charlie: User) -> None:
    """A-02, A-04: an administrator who is moved or deleted is one less."""
    save(olgas, alice, account=str(charlie.account_id))
    alice.refresh_from_db()
    assert alice.account_id != charlie.account_id
    assert olgas.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=alice.pk).exists()
