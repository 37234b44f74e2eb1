"""A-04: what a person does with their own login changes no row of a colleague who has, and is doing, the same."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from accounts.models import Account, User
from tests.authenticator import Authenticator, give_passkey, options_in
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, PASSWORD, Browser, enrol, last_token, person, sent_to
from tests.test_app import give_app, token_now, wrong
from tests.test_user_actions import rows_about
from twofactor import recovery, sealing
from twofactor.factors.app.factor import owner
from twofactor.factors.codes import flows as codes
from twofactor.models import AppDevice, AppEnrolment, Challenge, Passkey, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy", "many_sends")]

PROFILE = "/meu-perfil/"
FACTORS = "/meu-perfil/segunda-etapa/"
IDENTITY = "/confirmar-identidade/"
NEW_PASSWORD = "another horse battery"
NEW_NUMBER = "21 99887-7665"


class Person:
    """Somebody with every kind of second factor."""

    def __init__(self, user: User, number: str) -> None:
        self.user = user
        self.phone, self.app, self.key = enrol(user, number), give_app(user), give_passkey(user)
        self.codes = codes.issue(user)

    def at(self, step: str) -> Browser:
        """Return a browser at a step of the sign-in."""
        browser = Browser()
        browser.post_password(self.user.username)
        browser.get(step)
        return browser

    def inside(self) -> Browser:
        browser = Browser()
        browser.sign_in(self.user.username)
        return browser

    def is_told(self, part: str) -> str:
        """Return the address in the newest message that has such a one."""
        text = next(mail["text"] for mail in sent_to(self.user.email) if part in mail["text"])
        return str(text[text.index(part) :].split()[0])


@pytest.fixture
def bobs(bob: User) -> Person:
    return Person(bob, BOBS_NUMBER)


@pytest.fixture
def alices(alice: User, bobs: Person) -> Person:
    """Return Alice, who is on the way of everything at once: whatever is open may be ended by mistake.

    She comes after Bob, and what is open comes last: else it were ended before it is looked at.
    """
    her = Person(alice, ALICES_NUMBER)
    inside = her.inside()
    inside.reauthenticate(f"{FACTORS}app/")
    inside.post(f"{FACTORS}chaves/")
    inside.get(f"{FACTORS}chaves/nova/")
    inside.post(f"{PROFILE}email/", {"email": "alicia@example.com"})
    inside.post(f"{PROFILE}telefone/", {"country": "BR", "number": "31 98765-0000"})
    inside.post(f"{PROFILE}telefone/confirmar/", {"password": PASSWORD, "channel": "sms"})
    her.at("/entrar/canal/").post_channel("email")
    assert Challenge.objects.open().filter(user=alice).count() == 2
    recovery.issue(alice)
    soon = timezone.now() + timedelta(minutes=9)
    User.objects.filter(pk=alice.pk).update(
        failures=7,
        failures_until=soon,
        preferred_factor="app",
        last_factor="app",
        mailbox_suspect=True,
        phone_was_reset=True,
    )
    return her


def confirm(browser: Browser, path: str) -> None:
    """Walk the proofs of another number or address."""
    browser.post(path, {"password": PASSWORD, "channel": "sms"})
    browser.post(path, {"token": last_token()})
    browser.post(path, {"token": last_token()})


def by_sms(bobs: Person) -> None:
    assert bobs.inside().is_in()


def by_email(bobs: Person) -> None:
    Browser().sign_in("bob", "email")


def by_app(bobs: Person) -> None:
    assert bobs.at("/entrar/app/").post("/entrar/app/", {"token": token_now()}).headers["Location"] == "/"


def by_passkey(bobs: Person) -> None:
    browser = bobs.at("/entrar/chave/")
    asked = options_in(browser.get("/entrar/chave/"))
    assert len(asked["allowCredentials"]) == 1, "hers is not told"
    signed = bobs.key.sign(asked)
    assert browser.post("/entrar/chave/", {"credential": signed}).headers["Location"] == "/"


def by_code(bobs: Person) -> None:
    assert bobs.at("/entrar/codigo/").post("/entrar/codigo/", {"token": bobs.codes[0]}).headers["Location"] == "/"


def wrong_tokens(bobs: Person) -> None:
    browser = bobs.at("/entrar/app/")
    answers = [browser.post("/entrar/app/", {"token": wrong(token_now())}).status_code for _time in range(10)]
    assert answers == [200] * 9 + [429], "nor does her pause hold him up"


def wrong_token_during_the_pause(bobs: Person) -> None:
    """Try in a known browser while all others wait."""
    home = bobs.inside()
    home.post("/sair/")
    soon = timezone.now() + timedelta(minutes=9)
    User.objects.filter(pk=bobs.user.pk).update(failures=10, failures_until=soon)
    home.post_password("bob")
    assert home.post("/entrar/app/", {"token": wrong(token_now())}).status_code == 200
    bobs.user.refresh_from_db()
    assert bobs.user.failures == 11


def first_phone(bobs: Person) -> None:
    for kind in (PhoneDevice, AppDevice, Passkey):
        kind._default_manager.filter(user=bobs.user).delete()
    User.objects.filter(pk=bobs.user.pk).update(has_phone=False, has_app=False, has_passkey=False)
    assert Browser().enrol("bob").headers["Location"] == "/"


def asked_again(bobs: Person) -> None:
    browser = bobs.at("/entrar/canal/")
    browser.post_channel("sms")
    browser.post("/entrar/canal/", {"channel": "email"})


def signed_out(bobs: Person) -> None:
    browser = bobs.at("/entrar/canal/")
    browser.post_channel("sms")
    browser.post("/sair/")
    bobs.inside().post("/sair/")


def another_number(bobs: Person) -> None:
    browser = bobs.inside()
    browser.post(f"{PROFILE}telefone/", {"country": "BR", "number": NEW_NUMBER})
    confirm(browser, f"{PROFILE}telefone/confirmar/")
    assert PhoneDevice.objects.get(user=bobs.user).number == "+5521998877665"


def another_address(bobs: Person) -> None:
    browser = bobs.inside()
    browser.post(f"{PROFILE}email/", {"email": "robert@example.com"})
    confirm(browser, f"{PROFILE}email/confirmar/")
    assert User.objects.get(pk=bobs.user.pk).email == "robert@example.com"


def another_password(bobs: Person) -> None:
    fields = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert bobs.inside().post("/senha/alterar/", fields).status_code == 302


def reset_by_email(bobs: Person) -> None:
    browser = Browser()
    browser.post("/senha/esqueci/", {"email": bobs.user.email})
    form = browser.get(bobs.is_told("/senha/redefinir/")).headers["Location"]
    assert browser.post(form, {"new_password": NEW_PASSWORD}).status_code == 302


def another_app(bobs: Person) -> None:
    browser = bobs.inside()
    browser.reauthenticate(f"{FACTORS}app/")
    enrolment = AppEnrolment.objects.get(user=bobs.user)
    browser.post(f"{FACTORS}app/", {"token": token_now(sealing.unseal(owner(bobs.user.pk), enrolment.sealed))})
    assert AppDevice.objects.get(user=bobs.user).pk != bobs.app.pk


def another_passkey(bobs: Person) -> None:
    browser = bobs.inside()
    with override_settings(PASSKEYS_OF_A_USER=2):  # hers does not count
        browser.reauthenticate(f"{FACTORS}chaves/")
        asked = options_in(browser.get(f"{FACTORS}chaves/nova/"))
        assert len(asked["excludeCredentials"]) == 1, "hers is not told"
        browser.post(f"{FACTORS}chaves/nova/", {"credential": Authenticator().register(asked), "name": "phone"})
    assert Passkey.objects.filter(user=bobs.user).count() == 2
    browser.post(f"{FACTORS}passkey/{Passkey.objects.latest('pk').pk}/remover/")
    assert Passkey.objects.filter(user=bobs.user).count() == 1, "and of two the one is removed"


def new_codes(bobs: Person) -> None:
    browser = bobs.inside()
    browser.reauthenticate(f"{FACTORS}codigos/")
    browser.post(f"{FACTORS}codigos/remover/")
    bobs.user.refresh_from_db()
    assert bobs.user.codes_left == 0


def named_preferred_removed(bobs: Person) -> None:
    browser = bobs.inside()
    for kind, device in (("app", bobs.app), ("passkey", Passkey.objects.get(user=bobs.user))):
        browser.post(f"{FACTORS}primeira/", {"kind": kind})
        browser.post(f"{FACTORS}{kind}/{device.pk}/nome/", {"name": "another"})
        path = f"{FACTORS}{kind}/{device.pk}/remover/"
        if browser.post(path).headers["Location"] == IDENTITY:
            browser.prove_identity()
    assert not AppDevice.objects.filter(user=bobs.user).exists()
    assert not Passkey.objects.filter(user=bobs.user).exists()
    bobs.user.refresh_from_db()
    assert (bobs.user.has_app, bobs.user.has_passkey, bobs.user.preferred_factor) == (False, False, "")


def other_sessions_ended(bobs: Person) -> None:
    bobs.inside()
    bobs.inside().reauthenticate(f"{PROFILE}sessoes/encerrar-outras/")


def it_was_not_me(bobs: Person) -> None:
    another_number(bobs)
    Browser().post(bobs.is_told("/nao-fui-eu/"))
    bobs.user.refresh_from_db()
    assert bobs.user.locked_at


def recovered(bobs: Person) -> None:
    row = recovery.verify(bobs.user, recovery.issue(bobs.user))
    recovery.consume(row)


def made_known(bobs: Person) -> None:
    browser = Browser()
    page = "/entrar/navegador/"
    browser.post(page, {"username": "bob", "altcha": browser.captcha(page)})
    assert settings.KNOWN_BROWSER_COOKIE_NAME in browser.post(bobs.is_told(page)).cookies


def begun_often(bobs: Person) -> None:
    """Begin more sign-ins than may be alive."""
    for _time in range(7):
        bobs.at("/entrar/canal/")


ACTIONS: list[Callable[[Person], None]] = [
    by_sms,
    by_email,
    by_app,
    by_passkey,
    by_code,
    wrong_tokens,
    wrong_token_during_the_pause,
    first_phone,
    asked_again,
    signed_out,
    another_number,
    another_address,
    another_password,
    reset_by_email,
    another_app,
    another_passkey,
    new_codes,
    named_preferred_removed,
    other_sessions_ended,
    it_was_not_me,
    recovered,
    made_known,
    begun_often,
]


@pytest.mark.parametrize("action", ACTIONS)
def test_what_one_does_changes_nothing_of_a_colleague(
    account: Account, alices: Person, bobs: Person, action: Callable[[Person], None]
) -> None:
    carla = person("carla", account, failures=3)  # whom no pause keeps from being counted
    before, mine = [rows_about(user) for user in (alices.user, carla)], rows_about(bobs.user)
    action(bobs)
    assert rows_about(bobs.user) != mine
    assert [rows_about(user) for user in (alices.user, carla)] == before
