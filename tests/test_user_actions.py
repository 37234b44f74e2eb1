"""What an administrator does for a person: asked who they are, told what will happen, and never the last one's role."""

import re
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Role, User
from tests.conftest import Browser, enrol, many, person
from tests.database_dump import dump
from tests.tools import let_pass, page
from twofactor.models import PhoneDevice, Reauthentication

pytestmark = pytest.mark.django_db

# Action, the person before it, and after it.
ACTIONS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("papel", {"role": Role.MEMBER}, {"role": Role.ADMINISTRATOR}, "user.role_changed"),
    ("papel", {"role": Role.ADMINISTRATOR}, {"role": Role.MEMBER}, "user.role_changed"),
    ("desativar", {"is_active": True}, {"is_active": False}, "user.deactivated"),
    ("reativar", {"is_active": False}, {"is_active": True}, "user.reactivated"),
    ("desbloquear", {"locked_at": timezone.now(), "failures": 7}, {"locked_at": None, "failures": 0}, "user.unlocked"),
]


def path(user: User, action: str = "") -> str:
    return f"/configuracoes/usuarios/{user.pk}/{action}/".replace("//", "/")


@pytest.fixture
def office(browser: Browser, alice: User) -> Browser:
    browser.post_password("alice")
    return browser


@pytest.mark.parametrize(("action", "before", "after", "written"), ACTIONS)
def test_each_action_asks_who_it_is_says_what_will_happen_and_is_written_down(
    office: Browser, alice: User, bob: User, action: str, before: dict[str, Any], after: dict[str, Any], written: str
) -> None:
    """A-01, J-01."""
    User.objects.filter(pk=bob.pk).update(**before)
    address = path(bob, action)
    assert office.post(address).headers["Location"] == "/confirmar-identidade/"
    assert not AuditEvent.objects.filter(action=written).exists()
    assert "What will happen" in page(office.get(address)), "the page comes first (R-12)"
    assert "Bob" in page(office.get("/confirmar-identidade/")) or "bob" in page(office.get("/confirmar-identidade/"))
    assert office.prove_identity().headers["Location"] == path(bob)
    changed = User.objects.filter(pk=bob.pk).values(*after).get()
    assert changed == after
    event = AuditEvent.objects.get(action=written)
    assert (event.actor, event.user) == (alice, bob)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.ADMINISTRATOR])
def test_a_button_never_means_its_opposite(office: Browser, bob: User, role: Role) -> None:
    """W-04: two administrators demote somebody at once, and the second does not promote them again."""
    User.objects.filter(pk=bob.pk).update(role=role)
    address = path(bob, "papel")
    (basis,) = re.findall(r'name="basis" value="(\w+)"', page(office.get(address)))
    meanwhile = Role.ADMINISTRATOR if role == Role.MEMBER else Role.MEMBER
    User.objects.filter(pk=bob.pk).update(role=meanwhile)
    refused = office.reauthenticate(address, basis=basis)
    assert "Somebody else has changed this meanwhile." in page(refused)
    bob.refresh_from_db()
    assert bob.role == meanwhile
    assert office.post(address, {"basis": meanwhile}).status_code == 302, "one proof covers both"


@pytest.mark.parametrize("action", ["papel", "desativar"])
def test_the_last_administrator_is_kept_with_the_reason(office: Browser, alice: User, action: str) -> None:
    """A-02."""
    refused = office.reauthenticate(path(alice, action))
    assert refused.status_code == 200
    assert "make another person administrator first" in page(refused)
    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == (Role.ADMINISTRATOR, True)


def test_a_proof_names_nobody_of_another_account(office: Browser, bob: User, charlie: User) -> None:
    """A-04: whatever stands in the row of the proof."""
    office.post(path(bob, "desativar"))
    assert "Deactivate bob" in page(office.get("/confirmar-identidade/"))
    Reauthentication.objects.update(path=path(charlie, "desativar"))
    shown = page(office.get("/confirmar-identidade/"))
    assert "Deactivate –" in shown
    assert "charlie" not in shown


@pytest.mark.parametrize("action", ["papel", "desativar", "reativar", "desbloquear"])
def test_members_anonymous_and_other_accounts_get_nowhere(
    make_browser: Any, alice: User, bob: User, action: str
) -> None:
    """A-04: 403, 302, 404, before anything is to be proved."""
    dora = person("dora", bob.account)
    elsewhere = person("eve", type(bob.account).objects.create(name="Elsewhere"), Role.ADMINISTRATOR)
    member, anonymous, other = make_browser(), make_browser(), make_browser()
    member.post_password("bob")
    other.post_password(elsewhere.username)
    for method in ("get", "post"):
        answers = [getattr(one, method)(path(dora, action)) for one in (member, anonymous, other)]
        assert [answer.status_code for answer in answers] == [403, 302, 404]
        assert answers[1].headers["Location"].startswith("/entrar/")


def test_the_persons_page_offers_what_fits(office: Browser, bob: User) -> None:
    shown = page(office.get(path(bob)))
    assert path(bob, "desativar") in shown
    assert path(bob, "sessoes/encerrar") in shown
    for absent in ("desbloquear", "reativar", "telefone", "lembrar"):
        assert path(bob, absent) not in shown
    enrol(bob)
    User.objects.filter(pk=bob.pk).update(locked_at=timezone.now())
    shown = page(office.get(path(bob)))
    assert path(bob, "desbloquear") in shown
    assert path(bob, "telefone") in shown
    User.objects.filter(pk=bob.pk).update(is_active=False)
    shown = page(office.get(path(bob)))
    assert path(bob, "reativar") in shown
    assert path(bob, "desativar") not in shown


def test_twenty_five_leavers_in_one_sitting_with_one_proof(
    make_browser: Any, policy: object, alice: User, alices_phone: PhoneDevice
) -> None:
    """R-12: and then she signs in elsewhere, for her proofs have used up no token of her sign-ins."""
    leavers = many(alice.account, 25)
    office = make_browser()
    office.sign_in("alice")
    assert office.reauthenticate(path(leavers[0], "desativar")).headers["Location"] == path(leavers[0])
    for leaver in leavers[1:]:
        assert "What will happen" in page(office.get(path(leaver, "desativar")))
        assert office.post(path(leaver, "desativar")).headers["Location"] == path(leaver)
    assert not User.objects.filter(pk__in=[leaver.pk for leaver in leavers], is_active=True).exists()
    assert AuditEvent.objects.filter(action="user.deactivated", actor=alice).count() == 25
    assert AuditEvent.objects.filter(action="reauthentication.proved").count() == 1
    elsewhere = make_browser()
    let_pass(31)
    elsewhere.sign_in("alice")
    assert elsewhere.is_in()


EVERYTHING = ["papel", "desativar", "reativar", "desbloquear", "telefone", "senha", "apagar"]


@pytest.mark.parametrize("action", EVERYTHING)
def test_what_is_done_for_one_changes_nobody_else(office: Browser, alice: User, bob: User, action: str) -> None:
    """A-01: a colleague in the same state keeps every row."""
    carla = person("carla", alice.account)
    for someone, number in ((bob, "+5511987650001"), (carla, "+5511987650002")):
        PhoneDevice.objects.create(user=someone, number=number)
        Browser().post_password(someone.username)
    state: dict[str, Any] = {"has_phone": True, "is_active": action not in {"reativar", "apagar"}, "failures": 7}
    state["locked_at"] = timezone.now() if action == "desbloquear" else None
    User.objects.filter(pk__in=[bob.pk, carla.pk]).update(**state)
    before = rows_about(carla)
    changed = rows_about(bob)
    office.reauthenticate(path(bob, action), reason="asked for")
    assert rows_about(bob) != changed
    assert rows_about(carla) == before


def rows_about(user: User) -> dict[str, list[dict[str, Any]]]:
    """Return every row that is a person's."""
    mine = {"accounts_user": "id"}
    return {
        table: [row for row in rows if row.get(mine.get(table, "user_id")) == user.pk] for table, rows in dump().items()
    }
