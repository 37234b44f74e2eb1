"""Who walks, and in which state they arrive: the cast, an operator, and everybody who is not through the gate yet."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import Account, Invitation, Role, User
from messaging.database import clock_plus
from tests.conftest import ALICES_NUMBER, Browser, enrol, person
from tests.tools import let_pass


@dataclass
class World:
    """The cast, Bob's account last so that the policy can be switched on when a test wants it."""

    account: Account
    alice: User
    bob: User
    charlie: User
    olga: User
    samples: dict[str, str]

    def switch_on(self) -> None:
        Account.objects.filter(pk=self.account.pk).update(two_factor_required=True)


def make_world() -> World:
    """Create the cast and an operator."""
    account = Account.objects.create(name="Padaria Aurora")
    alice, bob = person("alice", account, Role.ADMINISTRATOR), person("bob", account)
    other = Account.objects.create(name="Oficina Boreal", two_factor_required=True)
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
    return World(account, alice, bob, charlie, olga, samples)


def stranger(world: World, browser: Browser) -> None:
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


def opened_before_the_switch(world: World, browser: Browser) -> None:
    browser.post_password("bob")
    assert browser.is_in()
    world.switch_on()


def member(world: World, browser: Browser) -> None:
    world.switch_on()
    enrol(world.bob)
    browser.sign_in("bob")


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
    stranger: "/entrar/",
    pending_without_phone: "/entrar/introducao/",
    pending_with_phone: "/entrar/canal/",
    pending_at_the_token: "/entrar/token/",
    opened_before_the_switch: "/entrar/introducao/",
}
SIGNED_IN: list[Arrival] = [member, administrator, other_administrator, operator]


def ids(arrival: object) -> str:
    return getattr(arrival, "__name__", "")
