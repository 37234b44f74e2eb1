"""Who walks, and in which state they arrive: the cast, an operator, and everybody who is not through the gate yet."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import Account, Invitation, Role, User
from messaging.database import clock_plus
from tests.authenticator import Authenticator, give_passkey, options_in
from tests.conftest import ALICES_NUMBER, Browser, enrol, person
from tests.test_app import give_app, token_now
from tests.tools import let_pass
from twofactor.factors.codes import flows as codes
from twofactor.factors.passkeys.alone import forget_offer


@dataclass
class World:
    """The cast, Bob's account last so that the policy can be switched on when a test wants it."""

    account: Account
    alice: User
    bob: User
    charlie: User
    olga: User
    samples: dict[str, str]
    bobs_key: Authenticator | None = None

    def switch_on(self) -> None:
        Account.objects.filter(pk=self.account.pk).update(two_factor_required=True)


def make_world() -> World:
    """Create the cast and an operator."""
    account = Account.objects.create(name="Padaria Aurora")
    alice, bob = person("alice", account, Role.ADMINISTRATOR), person("bob", account)
    other = Account.objects.create(name="Oficina Boreal", two_factor_required=True, passkeys_alone=True)
    charlie = person("charlie", other, Role.ADMINISTRATOR)
    operators = Account.objects.create(name="Operação")
    olga = person("olga", operators, Role.ADMINISTRATOR, is_staff=True, is_superuser=True)
    enrol(charlie, "+5531987650000")
    enrol(olga, "+5541987650000")
    invitation = Invitation.objects.create(
        account=account, email="nina@example.com", language="en", invited_by=alice, nonce=1, expires_at=clock_plus(600)
    )
    samples = {
        "invitation_id": str(invitation.pk),
        "default": str(bob.pk),
        "uidb64": urlsafe_base64_encode(force_bytes(bob.pk)),
        "token": "set-password",
        "app_label": "accounts",
        "url": "nonsense",
    }
    forget_offer()
    return World(account, alice, bob, charlie, olga, samples)


def anonymous(world: World, browser: Browser) -> None:
    world.switch_on()


def pending_without_phone(world: World, browser: Browser) -> None:
    world.switch_on()
    browser.post_password("bob")


def pending_with_phone(world: World, browser: Browser) -> None:
    world.switch_on()
    enrol(world.bob)
    browser.post_password("bob")


def pending_at_the_token(world: World, browser: Browser) -> None:
    pending_with_phone(world, browser)
    browser.post_channel("sms")
    let_pass(31)


def pending_at_the_app(world: World, browser: Browser) -> None:
    """An app comes first: its token is asked for, and nothing is sent."""
    world.switch_on()
    enrol(world.bob)
    give_app(world.bob)
    User.objects.filter(pk=world.bob.pk).update(preferred_factor="app")
    browser.post_password("bob")


def pending_at_the_passkey(world: World, browser: Browser) -> None:
    """A passkey comes first: a signature is asked for, and nothing is sent."""
    world.switch_on()
    enrol(world.bob)
    world.bobs_key = give_passkey(world.bob)
    User.objects.filter(pk=world.bob.pk).update(preferred_factor="passkey")
    browser.post_password("bob")


def pending_with_recovery_codes(world: World, browser: Browser) -> None:
    """Ten codes beside the phone: they are for the day when all else is lost, and come last."""
    world.switch_on()
    enrol(world.bob)
    codes.issue(world.bob)
    browser.post_password("bob")


def pending_at_the_set_up(world: World, browser: Browser) -> None:
    """Phones do not count, and there is nothing else yet: an app or a passkey is set up (K-06)."""
    world.switch_on()
    Account.objects.filter(pk=world.account.pk).update(sms_tokens=False)
    browser.post_password("bob")
    browser.post("/entrar/introducao/")


def pending_at_an_old_phone(world: World, browser: Browser) -> None:
    """The phone does not count any more: it is proved before an app or a passkey is set up (K-06)."""
    Account.objects.filter(pk=world.account.pk).update(sms_tokens=False)
    pending_with_phone(world, browser)


def opened_before_the_switch(world: World, browser: Browser) -> None:
    browser.post_password("bob")
    assert browser.is_in()
    world.switch_on()


def opened_long_before_the_switch(world: World, browser: Browser) -> None:
    """The password is older than five minutes: it comes before the second step (R-09)."""
    browser.post_password("bob")
    let_pass(301)
    assert browser.is_in()
    world.switch_on()


def pending_before_the_password(world: World, browser: Browser) -> None:
    opened_long_before_the_switch(world, browser)
    assert browser.get("/").status_code == 302


def pending_at_the_recovery_code(world: World, browser: Browser) -> None:
    """The mailbox has reset the password and the phone is gone: only a recovery code leads on (R-10)."""
    world.switch_on()
    User.objects.filter(pk=world.bob.pk).update(mailbox_suspect=True, phone_was_reset=True)
    browser.post_password("bob")
    browser.post("/entrar/introducao/")


def member(world: World, browser: Browser) -> None:
    world.switch_on()
    enrol(world.bob)
    browser.sign_in("bob")


def member_with_an_app(world: World, browser: Browser) -> None:
    pending_at_the_app(world, browser)
    browser.post("/entrar/app/", {"token": token_now()})


def member_with_a_passkey(world: World, browser: Browser) -> None:
    pending_at_the_passkey(world, browser)
    assert world.bobs_key
    browser.post("/entrar/chave/", {"credential": world.bobs_key.sign(options_in(browser.get("/entrar/chave/")))})


def member_by_passkey_alone(world: World, browser: Browser) -> None:
    """No password was typed."""
    world.switch_on()
    Account.objects.filter(pk=world.account.pk).update(passkeys_alone=True)
    enrol(world.bob)
    world.bobs_key = give_passkey(world.bob)
    browser.get("/entrar/")
    answer = world.bobs_key.sign(browser.get("/entrar/so-com-chave/pedido/").json())
    browser.post("/entrar/so-com-chave/", {"credential": answer})
    assert browser.is_in()


def administrator(world: World, browser: Browser) -> None:
    world.switch_on()
    enrol(world.alice, ALICES_NUMBER)
    browser.sign_in("alice")


def other_administrator(world: World, browser: Browser) -> None:
    world.switch_on()
    enrol(world.bob)
    browser.sign_in("charlie")


def operator(world: World, browser: Browser) -> None:
    world.switch_on()
    enrol(world.bob)
    browser.sign_in("olga")


Arrival = Callable[[World, Browser], None]
# Who may not pass, and where the gate sends them.
GATED: dict[Arrival, str] = {
    anonymous: "/entrar/",
    pending_without_phone: "/entrar/introducao/",
    pending_with_phone: "/entrar/canal/",
    pending_at_the_token: "/entrar/token/",
    pending_at_the_app: "/entrar/app/",
    pending_at_the_passkey: "/entrar/chave/",
    pending_with_recovery_codes: "/entrar/canal/",
    pending_at_the_set_up: "/entrar/configurar/",
    pending_at_an_old_phone: "/entrar/canal/",
    opened_before_the_switch: "/entrar/introducao/",
    opened_long_before_the_switch: "/entrar/senha/",
    pending_before_the_password: "/entrar/senha/",
    pending_at_the_recovery_code: "/entrar/codigo/",
}
MEMBERS = {member, member_with_an_app, member_with_a_passkey, member_by_passkey_alone}
OPEN_SESSIONS = {opened_before_the_switch, opened_long_before_the_switch}
SIGNED_IN: list[Arrival] = [
    member,
    member_with_an_app,
    member_with_a_passkey,
    member_by_passkey_alone,
    administrator,
    other_administrator,
    operator,
]


def ids(arrival: object) -> str:
    return getattr(arrival, "__name__", "")
