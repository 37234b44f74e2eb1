"""Debian's Chromium, the embedded default, and people who sit at the one and use the other."""

import ipaddress
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Response,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.person import Person
from tests.browser.portal import PATIENCE, Portal
from tests.browser.seed import Household

Visit = Callable[..., Person]
Fresh = Callable[[str], Household]
QUIET = [
    "--no-sandbox",  # a container's only user is root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"))
    yield portal
    assert portal.stop() == 0
    assert "Traceback" not in portal.log.read_text()


@pytest.fixture(scope="session")
def households(portal: Portal) -> list[Household]:
    return portal.seed()


@pytest.fixture
def fresh(households: list[Household]) -> Fresh:
    """Return an account in a state ("off", "on", "enrolled") that no other test has met."""

    def take(state: str) -> Household:
        found = next((household for household in households if household.state == state), None)
        assert found, f"seed more accounts that are {state!r}"
        households.remove(found)
        return found

    return take


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = _launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def large_letters(playwright: Playwright) -> Iterator[Browser]:
    """Return a browser whose own letters are twice as large as others' (32 px), and so is a rem."""
    browser = _launch(playwright, "--blink-settings=defaultFontSize=32")
    yield browser
    browser.close()


def _launch(playwright: Playwright, *more: str) -> Browser:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        pytest.skip("Chromium was not found: no browser to walk the journeys in (apt-get install chromium)")
    return playwright.chromium.launch(executable_path=path, args=[*QUIET, *more])


ONE, SOME, ANY = range(1, 2), range(1, 1000), range(1000)


class Complaints(list[str]):
    """What browsers complained about: the console, scripts, the CSP, servers of others, our own 5xx."""

    def __init__(self) -> None:
        super().__init__()
        self.pardons: list[tuple[str, range]] = []

    def forgive(self, text: str, how_many: range = ONE) -> None:
        """Take back, when every window is closed, complaints that belong to what the test does.

        A browser tells of them in its own time: right after what has caused one it may not have come yet.
        """
        self.pardons.append((text, how_many))

    def settle(self) -> None:
        """Assert that nothing is left after the pardons, and that there was something to pardon."""
        left = list(self)
        for text, how_many in self.pardons:
            forgiven = [complaint for complaint in left if text in complaint]
            assert len(forgiven) in how_many, f"{len(forgiven)} complaints about {text!r}: {self}"
            left = [complaint for complaint in left if complaint not in forgiven]
        assert left == []


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    complaints = Complaints()
    yield complaints
    complaints.settle()


FIRST_ADDRESS = ipaddress.ip_address("198.18.0.0")  # of 131,072 that are for tests (RFC 2544)
ADDRESSES = itertools.count(1)


@pytest.fixture
def visit(portal: Portal, chromium: Browser, complaints: Complaints) -> Iterator[Visit]:
    """Seat people at browsers of their own. Movement is reduced, so that nothing is seen half-way."""
    contexts: list[BrowserContext] = []

    def seat(login: str, number: str = "", *, browser: Browser = chromium, **options: Any) -> Person:
        address = str(FIRST_ADDRESS + next(ADDRESSES))  # as in life: limits count by it
        settings = {
            "viewport": {"width": 1280, "height": 800},
            "locale": "pt-BR",
            "reduced_motion": "reduce",
            "extra_http_headers": {"X-Forwarded-For": address},
            **options,
        }
        context = browser.new_context(**settings)
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        _listen(context, portal, complaints)
        return Person(portal, context, login, number, scripted=options.get("java_script_enabled", True))

    yield seat
    for context in contexts:
        context.close()


def _listen(context: BrowserContext, portal: Portal, complaints: Complaints) -> None:
    def console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    def request(asked: Request) -> None:
        if not asked.url.startswith((f"{portal.base}/", "blob:")):
            complaints.append(f"asked another host: {asked.url}")

    def response(answer: Response) -> None:
        if answer.status >= 500:
            complaints.append(f"{answer.status} {answer.url}")

    context.on("console", console)
    context.on("weberror", lambda error: complaints.append(f"script: {error.error}"))
    context.on("request", request)
    context.on("response", response)


class Pictures:
    """What ``make pictures`` writes for the guide, the README and the docs: few, in the sizes and colours they show."""

    VIEWS = {
        "entrar": ["1280-light", "1280-dark", "390-light"],
        "introducao": ["390-light"],
        "telefone": ["390-light"],
        "token": ["390-light", "390-dark"],
        "canal": ["1280-light"],
        "tela-inicial": ["1280-light"],
        "minha-conta": ["1280-light"],
        "meu-perfil": ["1280-light"],
        "confirmar": ["1280-light"],
        "componentes": ["1280-light"],
        "e-mail": ["390-light", "390-dark"],
        "aviso": ["390-light"],
        "convidar": ["1280-light"],
        "antes-de-ativar": ["1280-light"],
        "usuarios": ["1280-light", "390-dark"],
        "pessoa": ["1280-light"],
        "redefinir": ["390-light"],
        "painel": ["1280-light", "1280-dark", "390-light"],
        "desbloquear": ["390-light"],
        "auditoria": ["1280-light", "390-dark"],
    }
    SIZES: dict[str, ViewportSize] = {"1280": {"width": 1280, "height": 800}, "390": {"width": 390, "height": 844}}

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def take(self, page: Page, name: str, *, whole: bool = False) -> None:
        if not self.folder:
            return
        before = page.viewport_size
        page.mouse.move(0, 0)
        for view in self.VIEWS[name]:
            size, scheme = view.split("-")
            page.set_viewport_size(self.SIZES[size])
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            path = self.folder / f"{name}-{view}.png"
            page.screenshot(path=path, animations="disabled", caret="hide", full_page=whole)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        if before:
            page.set_viewport_size(before)


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest) -> Pictures:
    if not (wanted := os.environ.get("PICTURES")):
        return Pictures(None)
    folder = request.config.rootpath / wanted
    folder.mkdir(parents=True, exist_ok=True)
    return Pictures(folder)
