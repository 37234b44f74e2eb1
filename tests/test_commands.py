"""What operators type: accounts, the demo's people, operators."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, AuditEvent, User
from tests.conftest import PASSWORD, Browser
from tests.tools import ROOT, settings_with
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

Typing = Callable[..., None]


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Type these answers, one after the other, where a password is asked for."""

    def answer(*answers: str) -> None:
        waiting = list(answers)
        monkeypatch.setattr("accounts.management.commands.create_account.getpass", lambda prompt: waiting.pop(0))
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)

    return answer


def create(name: str = "Livraria Sol", login: str = "sol", email: str = "sol@example.com") -> str:
    out = StringIO()
    call_command("create_account", name, "--login", login, "--email", email, stdout=out)
    return out.getvalue()


def test_an_account_is_made_with_its_first_administrator(types: Typing, browser: Browser) -> None:
    types(PASSWORD, PASSWORD)
    assert create(login="Sol", email="Sol@Example.com").startswith("Livraria Sol: ")
    user = User.objects.get()
    assert (user.username, user.email, user.role) == ("sol", "sol@example.com", "administrator")
    assert user.account.name == "Livraria Sol"
    assert not user.account.two_factor_required
    assert not user.is_staff
    assert browser.post_password("sol").headers["Location"] == "/"
    assert browser.get("/configuracoes/minha-conta/").status_code == 200
    assert AuditEvent.objects.filter(action="account.created", user=user).count() == 1


def test_a_job_without_a_terminal_passes_the_password(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> None:
    """O-16."""
    monkeypatch.setattr("sys.stdin", StringIO(f"{PASSWORD}\n"))
    call_command("create_account", "Sol", "--login", "sol", "--email", "s@example.com", "--password-stdin")
    assert browser.post_password("sol").headers["Location"] == "/"


def test_without_a_terminal_it_says_how_to_pass_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    with pytest.raises(CommandError, match="Use --password-stdin"):
        create()


def test_the_password_is_typed_twice(types: Typing) -> None:
    types(PASSWORD, "something else")
    with pytest.raises(CommandError, match="differ"):
        create()
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("fields", "password"),
    [
        ({}, "short"),
        ({}, "sol@example.com"),
        ({"login": "with space"}, PASSWORD),
        ({"login": "sol@example.com"}, PASSWORD),
        ({"login": ""}, PASSWORD),
        ({"email": "not an address"}, PASSWORD),
        ({"login": "bob"}, PASSWORD),
        ({"login": "BOB"}, PASSWORD),
        ({"email": "bob@example.com"}, PASSWORD),
        ({"email": "Bob@Example.com"}, PASSWORD),
    ],
)
def test_what_will_not_do_leaves_nothing_behind(
    bob: User, types: Typing, fields: dict[str, str], password: str
) -> None:
    types(password, password)
    with pytest.raises(CommandError):
        create(**fields)
    assert Account.objects.count() == User.objects.count() == 1


def test_the_demo_is_made_once(browser: Browser, other_browser: Browser) -> None:
    call_command("create_demo")
    ids = list(User.objects.order_by("pk").values_list("pk", "password"))
    call_command("create_demo")
    assert list(User.objects.order_by("pk").values_list("pk", "password")) == ids
    people = {
        (user.username, user.email, user.role, user.first_name) for user in User.objects.select_related("account")
    }
    assert people == {
        ("alice", "alice@example.com", "administrator", "Alice"),
        ("bob", "bob@example.com", "member", "Bob"),
        ("charlie", "charlie@example.com", "administrator", "Charlie"),
    }
    alice, bob, charlie = User.objects.order_by("username")
    assert alice.account == bob.account != charlie.account
    assert not Account.objects.filter(two_factor_required=True).exists()
    assert not PhoneDevice.objects.exists()
    assert not User.objects.filter(is_staff=True).exists()
    assert browser.post_password("alice", "messaging-demo").headers["Location"] == "/"
    assert other_browser.post_password("bob@example.com", "messaging-demo").headers["Location"] == "/"


def test_the_demo_keeps_what_was_changed_in_it() -> None:
    call_command("create_demo")
    Account.objects.update(two_factor_required=True)
    call_command("create_demo")
    assert Account.objects.filter(two_factor_required=True).count() == 2


def test_the_demos_password_can_be_chosen(settings: Any, browser: Browser) -> None:
    settings.DEMO_PASSWORD = "another one for the demo"
    call_command("create_demo")
    assert browser.post_password("alice", "messaging-demo").status_code == 200
    assert browser.post_password("alice", "another one for the demo").headers["Location"] == "/"


def test_there_is_no_demo_in_production(settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="embedded default"):
        call_command("create_demo")
    assert not User.objects.exists()


def test_an_operator_is_made_and_needs_two_factors(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> None:
    """S-10: the admin is behind the same second factor, whatever the policy of the account."""
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    customer = Account.objects.create(name="Operação")  # a customer of that name stays alone (B7)
    for number in (1, 2):
        call_command(
            "createsuperuser", "--noinput", username=f"op{number}", email=f"op{number}@example.com", verbosity=0
        )
    account = Account.objects.get(is_operators=True)
    assert not customer.users.exists()
    assert (account.name, account.two_factor_required) == ("Operação", False)
    assert User.objects.filter(is_staff=True, is_superuser=True, account=account).count() == 2

    response = browser.post_password("op1", next="/admin/")
    assert response.headers["Location"] == "/entrar/introducao/"
    assert browser.get("/admin/").headers["Location"] == "/entrar/introducao/"
    browser.post("/sair/")
    assert browser.enrol("op1").headers["Location"] == "/"
    assert browser.get("/admin/").status_code == 200


def test_the_documents_show_the_limits_in_force() -> None:
    """C-08: `manage.py limits` prints what belongs between the two marks of docs/security.md."""
    out = StringIO()
    call_command("limits", stdout=out)
    shown = (ROOT / "docs" / "security.md").read_text().split("<!-- manage.py limits -->\n")[1].split("<!-- end -->")[0]
    assert shown == out.getvalue()


def test_an_operator_sets_a_limit_in_the_environment() -> None:
    limits = settings_with(EMBEDDED="1", LIMIT_PHONE="1/60,2/3600")["LIMITS"]
    assert limits["phone"] == [(1, 60), (2, 3600)]
    assert limits["mailbox"] == [(3, 600), (10, 86_400)]


@pytest.mark.parametrize("decision", ["D1", "D2", "D3", "D4", "D5"])
def test_what_is_not_promised_is_in_the_security_document(decision: str) -> None:
    """D1 to D5: the document claims no more than there is."""
    said = (ROOT / "docs" / "security.md").read_text().split("## What is not promised")[1].split("\n## ")[0]
    assert f"({decision})" in said
    assert "Nothing here claims NIST AAL2" in said
