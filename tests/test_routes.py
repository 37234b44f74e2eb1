"""Every address of the portal, by every method, as everybody: closed unless it is on the list of this file.

S-01, S-05, S-10, S-11, A-01, A-04, W-01. Whoever adds an address needs to change nothing here, unless it is open to
the world. What is expected of an answer is in ``tests/walk/visits.py``; ``make walk`` prints the whole table.
"""

import logging
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.urls import path

import messaging.urls
from accounts.models import User
from tests.conftest import Browser
from tests.database_dump import dump, dump_again, rows_touched
from tests.walk.people import GATED, SIGNED_IN, Arrival, World, ids, make_world, member
from tests.walk.routes import routes
from tests.walk.visits import HTML, JSON, METHODS, surprises, visits

pytestmark = pytest.mark.django_db

# Open to the world, and why. Everything else is behind the gate.
OPEN = {
    "entrar/",  # the first step
    "entrar/introducao/",  # the steps of a pending sign-in look for it themselves
    "entrar/email/",
    "entrar/senha/",
    "entrar/codigo/",
    "entrar/telefone/",
    "entrar/configurar/",
    "entrar/configurar/aplicativo/",
    "entrar/configurar/chave/",
    "entrar/canal/",
    "entrar/chave/",
    "entrar/chave/opcoes/",
    "entrar/so-com-chave/",  # a passkey in place of the password
    "entrar/so-com-chave/pedido/",  # what it has to sign
    "entrar/app/",
    "entrar/token/",
    "entrar/token/reenviar/",
    "sair/",  # also from half-way
    "senha/esqueci/",  # who forgot a password has none
    "senha/esqueci/enviado/",
    "senha/redefinir/<uidb64>/<token>/",
    "senha/redefinir/concluido/",
    "idioma/",  # sets a cookie
    "caixa-de-saida/",  # exists in the embedded default only
    "componentes/",  # exists in the embedded default only
    "admin/login/",  # sends to entrar/
    "healthz",  # a load balancer has no password
    "readyz",
    "metrics",  # brings a token of its own
    ".well-known/security.txt",  # whoever found a hole has no account
    ".well-known/change-password",  # sends to a page behind the gate
    "entrar/token/estado/",
    "entrar/navegador/",  # the link that makes a browser known
    "entrar/navegador/<str:signed>/",
    "nao-fui-eu/<str:signed>/",  # a signed link of a notice
    "retorno/twilio/<int:message_id>/<int:tries>/",  # signed by Twilio
    "retorno/sinch/<str:signed>/",  # its address is signed by us
    "logotipos/<slug:name>.png",  # on a letterhead, no secret; the pop-ups before the door wear it
    "convite/<str:signed>/",  # a signed link of an invitation
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Write no lines of refusals: they come by the thousand, and what they say is tested elsewhere."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def test_what_is_open_to_the_world_is_on_the_list(world: World) -> None:
    """S-01: ``login_not_required`` is a decision that somebody else reads."""
    assert {route.pattern for route in routes(world.samples) if route.is_open} == OPEN


@pytest.mark.parametrize("arrive", [*GATED, *SIGNED_IN], ids=ids)
def test_every_page_answers_everybody_as_promised(world: World, browser: Browser, arrive: Arrival) -> None:
    """S-01, S-05, S-10, S-11, C-07, A-01, A-04: the gate, or what the documents promise; rows stay as they are.

    Pages by every method; as JSON by the two that differ. ``make walk`` goes all the ways.
    """
    arrive(world, browser)
    found = []
    for headers, methods in ((HTML, METHODS), (JSON, ["GET", "POST"])):
        for visit in visits(browser, routes(world.samples), methods, headers=headers):
            found += surprises(visit, arrive, world)
    assert found == []


def test_what_a_visit_changes_is_seen(world: World) -> None:
    """Else the walk would be content with everything; PostgreSQL says which tables have to be read again."""
    before, touched = dump(), rows_touched()
    User.objects.filter(pk=world.bob.pk).update(first_name="Mallory")
    Group.objects.create(name="mallory")
    after = dump_again(before, touched, rows_touched())
    assert {table for table in after if after[table] != before[table]} == {"accounts_user", "auth_group"}
    assert after == dump()


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
