"""K-02: Meu perfil › Segunda etapa. The list, names, which comes first, and the last factor that counts."""

import pytest

from accounts.factors import FactorKind
from accounts.models import Account, AuditEvent, User
from tests.authenticator import give_passkey
from tests.conftest import Browser
from tests.test_app import APP, CHANNEL, FACTORS, give_app, remove_path
from tests.tools import page
from twofactor.factors.codes import flows as codes
from twofactor.models import AppDevice, Passkey, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

FIRST = f"{FACTORS}primeira/"


@pytest.fixture
def inside(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    browser.sign_in("bob")
    return browser


def test_the_list_names_each_factor_since_when_and_when_it_was_used(inside: Browser, bob: User) -> None:
    give_app(bob)
    codes.issue(bob)
    shown = page(inside.get(FACTORS))
    for said in ("+55 11 98765-4321", "bob@example.com", "work phone", "10 codes are left", "Since ", "last used "):
        assert said in shown
    assert shown.count("not used yet") == 3, "of the mailbox, the app and the codes"


def test_who_has_a_phone_alone_is_offered_the_app_and_codes(inside: Browser) -> None:
    shown = page(inside.get(FACTORS))
    assert "Add an authenticator app" in shown
    assert "Make recovery codes" in shown
    assert "Remove" not in shown.split("Don't you recognise one of them?")[1].split(".", 1)[1]


def test_where_no_app_counts_none_is_offered(inside: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "accepts", lambda _account, kind, due=False: kind != FactorKind.APP)
    assert "Add an authenticator app" not in page(inside.get(FACTORS))


def test_the_profile_leads_to_the_list_and_keeps_phone_and_save(inside: Browser) -> None:
    shown = page(inside.get("/meu-perfil/"))
    assert f'href="{FACTORS}"' in shown
    assert shown.index('action="/meu-perfil/telefone/"') < shown.index(f'href="{FACTORS}"')


def test_without_the_policy_and_a_phone_the_profile_is_as_it_was(browser: Browser, policy: Account, bob: User) -> None:
    Account.objects.filter(pk=policy.pk).update(two_factor_required=False)
    browser.post_password("bob")
    assert FACTORS not in page(browser.get("/meu-perfil/"))
    assert "You have no second step yet" in page(browser.get(FACTORS))


def test_an_app_gets_another_name(inside: Browser, bob: User) -> None:
    device = give_app(bob)
    path = f"{FACTORS}app/{device.pk}/nome/"
    assert 'value="work phone"' in page(inside.get(path))
    assert inside.post(path, {"name": "at home"}).headers["Location"] == FACTORS
    assert AppDevice.objects.get().name == "at home"
    assert AuditEvent.objects.get(action="factor.renamed", user=bob).data == {"channel": "app"}


def test_of_two_keys_the_one_gets_another_name(inside: Browser, bob: User) -> None:
    for _key in range(2):
        give_passkey(bob)
    first, second = Passkey.objects.order_by("pk")
    assert inside.post(f"{FACTORS}passkey/{first.pk}/nome/", {"name": "at home"}).headers["Location"] == FACTORS
    assert set(Passkey.objects.values_list("pk", "name")) == {(first.pk, "at home"), (second.pk, second.name)}


@pytest.mark.parametrize("name", ["", "n" * 41, "a\0b"])
def test_a_name_that_cannot_be_is_refused(inside: Browser, bob: User, name: str) -> None:
    device = give_app(bob)
    assert inside.post(f"{FACTORS}app/{device.pk}/nome/", {"name": name}).status_code == 200
    assert AppDevice.objects.get().name == "work phone"


@pytest.mark.parametrize("kind", ["sms", "email", "app", "recovery", "nonsense"])
def test_what_is_not_there_is_neither_renamed_nor_removed(inside: Browser, bobs_phone: PhoneDevice, kind: str) -> None:
    """The phone is changed on its own page; it does not go."""
    assert inside.get(f"{FACTORS}{kind}/{bobs_phone.pk}/nome/").status_code == 404
    assert inside.reauthenticate(f"{FACTORS}{kind}/{bobs_phone.pk}/remover/").status_code == 404
    assert PhoneDevice.objects.get() == bobs_phone


@pytest.mark.parametrize(("kind", "page_of_it"), [("app", APP), ("sms", CHANNEL), ("email", CHANNEL)])
def test_a_sign_in_begins_with_what_the_person_chose(
    inside: Browser, other_browser: Browser, bob: User, kind: str, page_of_it: str
) -> None:
    give_app(bob)
    inside.post(FIRST, {"kind": kind})
    assert "Comes first" in page(inside.get(FACTORS))
    assert AuditEvent.objects.get(action="factor.preferred", user=bob).data == {"channel": kind}
    assert other_browser.post_password("bob").headers["Location"] == page_of_it


@pytest.mark.parametrize("kind", ["", "app", "nonsense"])
def test_what_is_not_open_cannot_come_first(inside: Browser, bob: User, kind: str) -> None:
    assert inside.post(FIRST, {"kind": kind}).headers["Location"] == FACTORS
    bob.refresh_from_db()
    assert bob.preferred_factor == ""


def test_an_app_that_is_gone_no_longer_comes_first(
    inside: Browser, other_browser: Browser, alice: User, bob: User
) -> None:
    User.objects.filter(pk=alice.pk).update(preferred_factor="app")
    device = give_app(bob)
    inside.post(FIRST, {"kind": "app"})
    inside.reauthenticate(remove_path(device))
    assert other_browser.post_password("bob").headers["Location"] == CHANNEL
    assert AuditEvent.objects.get(action="app.removed", user=bob).data == {"name": "work phone"}
    alice.refresh_from_db()
    assert alice.preferred_factor == "app", "hers stays"


def test_what_comes_first_stays_first_when_something_else_goes(inside: Browser, bob: User) -> None:
    device = give_app(bob)
    inside.post(FIRST, {"kind": "sms"})
    inside.reauthenticate(remove_path(device))
    bob.refresh_from_db()
    assert bob.preferred_factor == "sms"


def test_the_last_factor_that_counts_stays_while_the_policy_is_on(
    inside: Browser, bob: User, policy: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the app, for the account lets no phone count."""
    device = give_app(bob)
    User.objects.filter(pk=bob.pk).update(preferred_factor="app")
    inside.post("/meu-perfil/segunda-etapa/codigos/")
    inside.prove_identity()
    monkeypatch.setattr(Account, "accepts", lambda _account, kind, due=False: kind == FactorKind.APP)
    session = inside.session
    session["otp_device_id"], session["opened_by"] = device.persistent_id, "app"
    session.save()
    assert inside.post(remove_path(device), follow=True).status_code == 200
    assert AppDevice.objects.exists()
    monkeypatch.undo()
    inside.post(remove_path(device))
    assert not AppDevice.objects.exists(), "with the phone beside it, it may go"


def test_what_no_longer_counts_may_always_go(inside: Browser, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    device = give_app(bob)
    monkeypatch.setattr(Account, "accepts", lambda _account, kind, due=False: kind == FactorKind.SMS)
    inside.reauthenticate(remove_path(device))
    assert not AppDevice.objects.exists()
