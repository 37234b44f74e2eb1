"""K-06: what an administrator reads before the switch and about a person names second steps, not only phones."""

import pytest
from django.utils import timezone

from accounts.models import Account, User
from messaging.database import clock_plus
from tests.authenticator import give_passkey
from tests.conftest import PASSWORD, Browser, enrol, person
from tests.test_app import give_app, token_now
from tests.test_factors_that_count import only
from tests.tools import page
from twofactor.factors import held

pytestmark = pytest.mark.django_db

SETTINGS = "/configuracoes/minha-conta/"
LIST = f"{SETTINGS}sem-segunda-etapa/"
CONFIRM = "/confirmar-identidade/"


@pytest.fixture
def alices(browser: Browser, alice: User, policy: Account) -> Browser:
    """Return Alice's browser; she has a phone and an app, and has come in by the app."""
    enrol(alice)
    give_app(alice)
    browser.post_password("alice")
    browser.post("/entrar/app/", {"token": token_now()})
    return browser


@pytest.fixture
def off(alices: Browser, policy: Account) -> Account:
    """Return the account with the policy off again, and only app and passkey counting."""
    Account.objects.filter(pk=policy.pk).update(two_factor_required=False)
    only(policy, "app", "passkey")
    return policy


def test_before_the_switch_stands_who_has_no_factor_that_counts(
    alices: Browser, off: Account, bob: User, charlie: User
) -> None:
    enrol(bob)
    give_app(person("dora", off))
    shown = page(alices.get(SETTINGS))
    assert "<strong>1</strong> sets a second step up at the next sign-in" in shown
    assert f'href="{LIST}"' in shown
    assert "bob@example.com</textarea>" in shown
    assert "phone up" not in shown


def test_the_table_lists_them(alices: Browser, off: Account, bob: User, charlie: User) -> None:
    """A-04."""
    enrol(bob)
    give_passkey(person("dora", off))
    answer = alices.get(LIST)
    assert 'filename="without-second-step-padaria-aurora-' in answer["Content-Disposition"]
    table = b"".join(answer).decode()
    assert [name for name in ("alice", "bob", "dora", "charlie") if f"{name}@example.com" in table] == ["bob"]


@pytest.mark.parametrize(
    ("kinds", "words"), [(["sms"], "mobile phone"), (["app"], "a passkey or an authenticator app")]
)
def test_the_note_of_what_is_coming_names_what_is_set_up(
    alices: Browser, off: Account, kinds: list[str], words: str
) -> None:
    only(off, *kinds)
    Account.objects.filter(pk=off.pk).update(two_factor_from=clock_plus(86_400))
    assert words in page(alices.get("/")).partition("signing in takes a second step.")[2][:300]


def asked(browser: Browser, user: User) -> str:
    return page(browser.get(f"/configuracoes/usuarios/{user.pk}/"))


def test_whose_only_device_is_an_app_has_a_second_step_to_reset(alices: Browser, bob: User) -> None:
    give_app(bob)
    shown = asked(alices, bob)
    assert ">Reset the second step<" in shown
    assert "Reset the phone" not in shown


def test_what_no_longer_counts_can_be_reset_too(alices: Browser, bob: User, policy: Account) -> None:
    """R-07: it proves who enrols another one, so it matters when it is lost."""
    enrol(bob)
    only(policy, "app", "passkey")
    assert ">Reset the phone<" in asked(alices, bob)


def test_who_has_nothing_has_nothing_to_reset(alices: Browser, bob: User) -> None:
    assert "Reset the" not in asked(alices, bob).replace("Reset the password", "")


def test_resetting_an_app_says_so(alices: Browser, bob: User, policy: Account) -> None:
    give_app(bob)
    only(policy, "app", "passkey")
    path = f"/configuracoes/usuarios/{bob.pk}/telefone/"
    shown = page(alices.get(path))
    assert "The authenticator app, the passkeys and the recovery codes are removed at once" in shown
    assert "then set up a second step that counts" in shown
    assert "The phone is removed" not in shown
    alices.post(path, {"reason": "Lost the work phone"})
    alices.post(CONFIRM, {"password": PASSWORD, "channel": "app"})
    done = page(alices.post(CONFIRM, {"token": token_now(steps=1)}, follow=True))
    assert "The second step of bob was removed." in done
    bob.refresh_from_db()
    assert not held.devices_of(bob)


def test_the_reminder_on_the_persons_page_is_of_the_second_step(alices: Browser, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(last_login=timezone.now())
    assert "Remind of the second step" in asked(alices, bob)
