"""Every address of the portal, by every method, as everybody: closed unless it is on the list of this file.

S-01, S-05, S-10, S-11, A-04. Whoever adds an address needs to change nothing here, unless it is open to the world.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.urls.resolvers import RegexPattern
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

import messaging.urls
from accounts.models import Account, Role, User
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, enrol, person
from tests.evidence import Row, dump
from tests.tools import let_pass

pytestmark = pytest.mark.django_db

# Open to the world, and why. Everything else is behind the gate.
OPEN = {
    "entrar/",  # the first step
    "entrar/introducao/",  # the steps of a pending sign-in look for it themselves
    "entrar/telefone/",
    "entrar/canal/",
    "entrar/token/",
    "entrar/token/reenviar/",
    "sair/",  # also from half-way
    "senha/esqueci/",  # who forgot a password has none
    "senha/esqueci/enviado/",
    "senha/redefinir/<uidb64>/<token>/",
    "senha/redefinir/concluido/",
    "idioma/",  # sets a cookie
    "caixa-de-saida/",  # exists in the embedded default only
    "admin/login/",  # sends to entrar/
    "healthz",  # a load balancer has no password
    "readyz",
    "metrics",  # brings a token of its own
    "entrar/token/estado/",
    "nao-fui-eu/<str:signed>/",  # a signed link of a notice
    "retorno/twilio/<int:message_id>/",  # signed by Twilio
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
JSON = {"accept": "application/json"}
# Fits every form of the portal and would change something wherever it got through.
BODY = {
    "username": "mallory",
    "email": "mallory@example.com",
    "password": PASSWORD,
    "old_password": PASSWORD,
    "new_password1": "mallorys good password",
    "new_password2": "mallorys good password",
    "first_name": "Mallory",
    "last_name": "Mallory",
    "name": "Mallory",
    "language": "es",
    "role": "administrator",
    "is_active": "on",
    "is_staff": "on",
    "is_superuser": "on",
    "account": "1",
    "two_factor_required": "on",
    "country": "BR",
    "number": "11 91234-5678",
    "channel": "sms",
    "token": "000000",
    "post": "yes",
    "_save": "Save",
}
# What the gate leaves behind when it stops an open session.
TRACES = {"accounts_session", "twofactor_pendingsignin", "accounts_auditevent"}
# What says who somebody is and what they may do, and what leaves the system.
PRECIOUS = {
    "accounts_account",
    "accounts_user",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "auth_group",
    "twofactor_phonechange",
    "twofactor_phonedevice",
    "delivery_message",
}


# The addresses --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Route:
    """One address of the URLconf."""

    pattern: str
    path: str
    is_open: bool


def routes(samples: dict[str, str]) -> list[Route]:
    """Return every address, with samples for what is variable in it."""
    return list(walk(get_resolver("messaging.urls").url_patterns, samples))


def walk(patterns: list[Any], samples: dict[str, str], before: str = "", path_before: str = "/") -> Iterator[Route]:
    for entry in patterns:
        pattern = before + str(entry.pattern)
        address = path_before + filled(entry, samples)
        if isinstance(entry, URLResolver):
            yield from walk(entry.url_patterns, samples, pattern, address)
        else:
            assert isinstance(entry, URLPattern)
            yield Route(pattern, address, getattr(entry.callback, "login_required", True) is False)


def filled(entry: Any, samples: dict[str, str]) -> str:
    """Return a pattern's part of an address."""
    named = r"\(\?P<(\w+)>[^)]*\)" if isinstance(entry.pattern, RegexPattern) else r"<(?:\w+:)?(\w+)>"
    bare = str(entry.pattern).strip("^$") if isinstance(entry.pattern, RegexPattern) else str(entry.pattern)
    return re.sub(named, lambda found: samples.get(found[1], samples["default"]), bare)


# The people -----------------------------------------------------------------------------------


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


@pytest.fixture
def world(account: Account, alice: User, bob: User, charlie: User) -> World:
    olga = person("olga", Account.objects.create(name="Operação"), Role.ADMINISTRATOR, is_staff=True, is_superuser=True)
    enrol(charlie, "+5531987650000")
    enrol(olga, "+5541987650000")
    samples = {
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


def ids(arrival: Any) -> str:
    return getattr(arrival, "__name__", "")


# A visit --------------------------------------------------------------------------------------


@dataclass
class Visit:
    """What came of one request, and what it changed. Everything is put back afterwards."""

    route: Route
    method: str
    answer: Any
    after: dict[str, list[Row]]

    def __str__(self) -> str:
        where = self.answer.headers.get("Location", "")
        return f"{self.method} {self.route.path}: {self.answer.status_code} {where}".strip()

    def changed(self, before: dict[str, list[Row]]) -> set[str]:
        return {table for table, rows in self.after.items() if rows != before[table]}


def visits(
    browser: Browser,
    chosen: list[Route],
    methods: list[str],
    *,
    look: bool = True,
    headers: dict[str, str] | None = None,
) -> Iterator[Visit]:
    """Go to each address, each time from the same state; ``look`` at what it changed before that is put back."""
    cookies = browser.cookies.output(header="", sep=";")
    for route in chosen:
        for method in methods:
            browser.cookies.clear()
            browser.cookies.load(cookies)
            content = "" if method in {"GET", "HEAD", "OPTIONS"} else urlencode(BODY)
            with transaction.atomic():
                answer = browser.generic(
                    method, route.path, content, "application/x-www-form-urlencoded", headers=headers
                )
                after = dump() if look else {}
                transaction.set_rollback(True)
            yield Visit(route, method, answer, after)


def closed(world: World) -> list[Route]:
    return [route for route in routes(world.samples) if not route.is_open]


def opened(world: World) -> list[Route]:
    return [route for route in routes(world.samples) if route.is_open]


# The tests ------------------------------------------------------------------------------------


def test_what_is_open_to_the_world_is_on_the_list(world: World) -> None:
    """S-01: ``login_not_required`` is a decision that somebody else reads."""
    assert {route.pattern for route in routes(world.samples) if route.is_open} == OPEN


@pytest.mark.parametrize(("arrive", "step"), GATED.items(), ids=ids)
def test_the_gate_answers_whoever_may_not_pass(world: World, browser: Browser, arrive: Arrival, step: str) -> None:
    """S-01, S-05, S-10, S-11: every closed address by every method; nothing is changed but the gate's own trace."""
    arrive(world, browser)
    before = dump()
    allowed = TRACES if arrive is opened_before_the_switch else set()
    failures = [
        f"{visit} changed {visit.changed(before)}"
        for visit in visits(browser, closed(world), METHODS)
        if not (gates(visit, step) and visit.changed(before) <= allowed)
    ]
    assert failures == []


def gates(visit: Visit, step: str) -> bool:
    where = visit.answer.headers.get("Location", "").split("?")[0]
    return visit.answer.status_code == 302 and where == step and not visit.answer.content


@pytest.mark.parametrize(("arrive", "step"), GATED.items(), ids=ids)
def test_the_gate_answers_programs(world: World, browser: Browser, arrive: Arrival, step: str) -> None:
    """S-01: 403 and why, also when the program does not ask for JSON in a form."""
    arrive(world, browser)
    before = dump()
    detail = "sign_in_required" if arrive is stranger else "second_factor_required"
    allowed = TRACES if arrive is opened_before_the_switch else set()
    for visit in visits(browser, closed(world), ["GET", "POST"], headers=JSON):
        assert visit.answer.status_code == 403, visit
        assert visit.answer.json() == {"detail": detail}, visit
        assert visit.changed(before) <= allowed, visit


@pytest.mark.parametrize("arrive", GATED, ids=ids)
def test_what_is_open_changes_nobody_and_sends_nothing(world: World, browser: Browser, arrive: Arrival) -> None:
    """S-01, C-07: on the open addresses at most the own pending sign-in moves."""
    arrive(world, browser)
    before = dump()
    sends = {"/entrar/token/reenviar/", "/entrar/canal/"} if arrive is pending_at_the_token else set()
    counted = {"accounts_user"} if arrive is pending_at_the_token else set()  # a wrong token, on its person
    for visit in visits(browser, opened(world), METHODS):
        assert visit.answer.status_code < 500, visit
        if visit.method == "POST" and visit.route.path in sends:
            assert len(visit.after["delivery_message"]) == len(before["delivery_message"]) + 1, visit
        else:
            assert not (visit.changed(before) & PRECIOUS) - counted, visit


@pytest.mark.parametrize("arrive", [*GATED, *SIGNED_IN], ids=ids)
def test_no_answer_may_be_kept(world: World, browser: Browser, arrive: Arrival) -> None:
    """S-11."""
    arrive(world, browser)
    kept = [
        str(visit)
        for visit in visits(browser, routes(world.samples), ["GET"], look=False)
        if "no-store" not in visit.answer.headers.get("Cache-Control", "")
    ]
    assert kept == []


@pytest.mark.parametrize("arrive", [member, administrator, other_administrator], ids=ids)
def test_the_signed_in_never_meet_an_error_and_never_touch_another_account(
    world: World, browser: Browser, arrive: Arrival
) -> None:
    """A-04: rows of other accounts, and for members those of other people, stay as they are; never 500."""
    arrive(world, browser)
    before = foreign(dump(), arrive, world)
    for visit in visits(browser, routes(world.samples), METHODS):
        assert visit.answer.status_code < 500, visit
        assert foreign(visit.after, arrive, world) == before, visit


def test_operators_never_meet_an_error(world: World, browser: Browser) -> None:
    """S-10: the operators' site by every method."""
    operator(world, browser)
    for visit in visits(browser, routes(world.samples), METHODS, look=False):
        assert visit.answer.status_code < 500, visit


def foreign(rows: dict[str, list[Row]], arrive: Arrival, world: World) -> dict[str, list[Row]]:
    """Return the rows that somebody may not change: not of their account, or not theirs."""
    me = world.charlie if arrive is other_administrator else world.bob if arrive is member else world.alice
    members_only = arrive is member
    mine = {me.pk} if members_only else {user.pk for user in User.objects.filter(account=me.account)}
    return {
        "accounts": [row for row in rows["accounts_account"] if members_only or row["id"] != me.account_id],
        "people": [row for row in rows["accounts_user"] if row["id"] not in mine],
        "phones": [row for row in rows["twofactor_phonedevice"] if row["user_id"] not in mine],
        "audit": [row for row in rows["accounts_auditevent"] if row["account_id"] not in {me.account_id, None}],
        "groups": rows["auth_group"],
    }


@pytest.mark.parametrize("arrive", [member, other_administrator], ids=ids)
def test_administration_is_for_the_administrators_of_the_account(
    world: World, browser: Browser, arrive: Arrival
) -> None:
    """A-01, A-04: 403 for members, 404 for another account's object, and the operators' site shows nothing."""
    arrive(world, browser)
    shown = []
    for visit in visits(browser, closed(world), ["GET", "POST"], look=False):
        another_accounts = arrive is other_administrator and "<" in visit.route.pattern
        theirs = visit.route.path.startswith("/configuracoes/") and (arrive is member or another_accounts)
        if (theirs or visit.route.path.startswith("/admin/")) and not refused(visit.answer):
            shown.append(str(visit))
    assert shown == []


def refused(answer: Any) -> bool:
    to_the_operators_door = answer.status_code == 302 and answer.headers["Location"].startswith("/admin/")
    return to_the_operators_door or answer.status_code in {403, 404, 405}


# A view whose author forgot everything --------------------------------------------------------


def forgetful(request: HttpRequest) -> HttpResponse:
    User.objects.update(first_name="Mallory")
    return HttpResponse("secret")


urlpatterns = [*messaging.urls.urlpatterns, path("nova/", forgetful)]


@pytest.mark.urls("tests.test_routes")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("arrive", GATED, ids=ids)
def test_a_view_that_forgets_to_ask_is_closed_all_the_same(
    world: World, browser: Browser, arrive: Arrival, method: str
) -> None:
    """S-01: default deny."""
    arrive(world, browser)
    answer = browser.generic(method, "/nova/")
    assert answer.status_code == 302
    assert not User.objects.filter(first_name="Mallory").exists()


@pytest.mark.parametrize("address", ["/nova", "/%2e%2e/", "/admin/../entrar/", "/meu-perfil", "/ENTRAR/", "/static/no"])
@pytest.mark.parametrize("arrive", [*GATED, member], ids=ids)
def test_addresses_that_do_not_exist_are_never_an_error(
    world: World, browser: Browser, arrive: Arrival, address: str
) -> None:
    """S-01."""
    arrive(world, browser)
    assert browser.get(address).status_code in {301, 302, 404}
