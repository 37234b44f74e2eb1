"""What is rendered once for each language (messaging/fixed_parts.py): the same pages, nothing of anybody in them."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import engines
from django.template.loader_tags import IncludeNode
from django.test import RequestFactory
from django.urls import set_script_prefix
from django.utils import translation

from accounts.models import User
from messaging.fixed_parts import FixedNode, PartNode
from tests.altcha import challenge_in
from tests.conftest import PASSWORD, Browser
from tests.walk import people
from tests.walk.people import Arrival
from tests.walk.routes import Route, routes

ARRIVALS: list[Arrival] = [
    people.anonymous,
    people.pending_without_phone,
    people.pending_with_phone,
    people.pending_at_the_token,
    people.member,
    people.administrator,
    people.operator,
]
# What is another at each look at a page: CSRF tokens, captchas, seconds left, an object's place in the memory.
OF_THE_MOMENT = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]+"|challenge="[^"]+"|data-[a-z-]+="\d+"|0x[0-9a-f]+'
    r'|dasharray="\d+ \d+"|data-digits[^>]*>\d+s'
)
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def render_at_length(node: FixedNode, context: Any) -> Any:
    """Render as Django does: each time, and with all that the page knows."""
    return node.part.render(context)


def include_at_length(node: PartNode, context: Any) -> Any:
    """Include as Django does: looked up each time."""
    name = SimpleNamespace(resolve=lambda _context: node.name)
    djangos = IncludeNode(name, extra_context=node.values)  # type: ignore[arg-type]
    djangos.origin = node.origin
    return djangos.render(context)


def page(browser: Browser, cookies: str, language: str, route: Route) -> str:
    """Return a page in a language, as somebody sees it who has just arrived; of what is no page nothing."""
    browser.cookies.clear()
    browser.cookies.load(cookies)
    browser.cookies["language"] = language
    answer = browser.get(route.path)
    assert answer.status_code < 500, route
    if answer.streaming:
        b"".join(answer)  # an export counts as one of its account's until it is read
    is_page = answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming
    return OF_THE_MOMENT.sub("…", answer.content.decode()) if is_page else ""


def shown(arrive: Arrival, all_of_them: list[Route]) -> list[Route]:
    """Return the routes at which somebody sees a page and not the gate."""
    found = [one for one in all_of_them if one.is_open or arrive not in people.GATED]
    return [one for one in found if one.is_operators == (arrive is people.operator)]


@pytest.mark.parametrize("arrive", ARRIVALS, ids=people.ids)
def test_every_page_is_what_it_is_at_length(db: None, arrive: Arrival, monkeypatch: pytest.MonkeyPatch) -> None:
    world, browser = people.make_world(), Browser()
    arrive(world, browser)
    cookies = browser.cookies.output(header="", sep=";")
    for route in shown(arrive, routes(world.samples)):
        at_length = {}
        with monkeypatch.context() as patch:
            patch.setattr(FixedNode, "render", render_at_length)
            patch.setattr(PartNode, "render", include_at_length)
            for language in ("pt-br", "es"):
                at_length[language] = page(browser, cookies, language, route)
        for language in ("pt-br", "es", "pt-br"):
            assert page(browser, cookies, language, route) == at_length[language], (language, route)


def rendered(text: str, **context: object) -> str:
    return str(engines["django"].from_string(text).render(context, RequestFactory().get("/secret/")))


def test_what_is_kept_was_made_by_a_template_that_saw_nobody() -> None:
    """W-09."""
    everything = "{% csrf_token %}{{ user }}{{ request.path }}{{ name }}{{ csrf_token }}{{ request.csp_nonce }}"
    assert rendered(f"{{% fixed %}}<{everything}>{{% endfixed %}}", name="Bob", user="bob") == "<>"
    assert "/secret/Bob" in rendered(everything, name="Bob")


def test_each_page_has_a_csrf_token_and_a_captcha_of_its_own(bob: User, policy: object, bobs_phone: object) -> None:
    """W-09."""
    tokens, challenges, found = set(), set(), [""]
    for _ in range(2):
        browser = Browser(enforce_csrf_checks=True)
        for _ in range(2):
            found = CSRF.findall(browser.get("/entrar/").content.decode())
            assert found
            tokens |= set(found)
        answer = browser.post_password("bob", csrfmiddlewaretoken=found[0])
        assert answer.status_code == 302, "its own token is taken"
        challenge = challenge_in(browser.get("/entrar/canal/").content.decode())
        challenges.add(str(challenge))
    assert len(tokens) >= 4
    assert len(challenges) == 2
    anonymous = Browser(enforce_csrf_checks=True)
    anonymous.get("/entrar/")
    data = {"username": "bob", "password": PASSWORD, "csrfmiddlewaretoken": found[0]}
    assert anonymous.post("/entrar/", data).status_code == 403, "another one's is not"


def test_a_part_is_made_for_its_language_its_escaping_and_its_place() -> None:
    template = engines["django"].from_string("{% load i18n %}{% translate 'Sign in' %} {% url 'sign-in' %}")
    for language, word in (("en", "Sign in"), ("es", "Iniciar sesión"), ("en", "Sign in")):
        with translation.override(language):
            assert template.render() == f"{word} /entrar/"
    set_script_prefix("/below/")
    try:
        assert template.render() == "Sign in /below/entrar/"
    finally:
        set_script_prefix("/")
    twice = "{% translate 'a & b' %}{% autoescape off %}{% translate 'a & b' %}{% endautoescape %}"
    assert rendered(twice) == "a & ba & b"


def test_what_is_not_constant_is_looked_up_each_time() -> None:
    template = engines["django"].from_string(
        "{% translate word %}{% url 'user' number %}{% include 'partials/_icon.html' with name=icon %}"
    )
    first = template.render({"word": "Home", "number": 1, "icon": "home"})
    second = template.render({"word": "Users", "number": 2, "icon": "users"})
    assert first.startswith("Home/configuracoes/usuarios/1/<svg")
    assert second.startswith("Users/configuracoes/usuarios/2/<svg")
    assert first.partition("<svg")[2] != second.partition("<svg")[2]
