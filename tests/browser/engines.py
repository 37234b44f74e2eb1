"""Firefox and WebKit beside Chromium, driven by the commands of WebDriver (W3C): as few as the four journeys need.

Debian ships Firefox without geckodriver, so its Marionette port is spoken to directly; WebKitGTK brings its own driver.
Both take the same commands, by name or as a path.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.browser.portal import PATIENCE, wait_for
from tests.services.programs import free_port

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that WebDriver gives an element's id under
START = 2 * PATIENCE  # seconds: a browser that has never run makes its profile first
PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "pt-BR, pt",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "app.normandy.enabled": False,
    "services.settings.server": "data:,",
}


class Engine(ABC):
    """One window of a browser."""

    @abstractmethod
    def command(self, name: str, **parameters: Any) -> Any:
        """Run a command of WebDriver by the name that Marionette has for it; return its value."""

    def go(self, address: str) -> None:
        self.command("Navigate", url=address)

    def script(self, body: str) -> Any:
        return self.command("ExecuteScript", script=body, args=[])

    def find(self, selector: str) -> str:
        """Return the id of the first element that is shown; wait until there is one, and the page is complete.

        The page's scripts run at its end: before, nobody listens to what is typed.
        """
        elements = f"[...document.querySelectorAll({json.dumps(selector)})]"
        shown = f"{elements}.find(element => element.checkVisibility() && !element.disabled)"
        complete = "document.readyState === 'complete'"
        found = wait_for(lambda: self._quietly(f"return {complete} ? {shown} : null"), selector)
        return str(found[ELEMENT])

    def _quietly(self, body: str) -> Any:
        """Run a script; None while the document is being replaced by the next."""
        try:
            return self.script(body)
        except WebDriverError:
            return None

    def click(self, selector: str) -> None:
        self.command("ElementClick", id=self.find(selector))

    def write(self, selector: str, text: str) -> None:
        found = self.find(selector)
        self.command("ElementClear", id=found)
        self.command("ElementSendKeys", id=found, text=text)

    def is_at(self, address: str) -> None:
        """Wait until the page at an address is complete, whatever its query.

        The browser tells the address of a page that is still to come, and what is typed before goes into the page of
        before.
        """
        here = "return document.readyState === 'complete' ? location.origin + location.pathname : ''"
        try:
            wait_for(lambda: self._quietly(here) == address or None, address)
        except AssertionError as error:
            shown = self._quietly("return `${location} says: ${document.body.innerText}`")
            raise AssertionError(f"{error}; {shown}") from None

    def has(self, count: int, selector: str) -> None:
        """Wait until there are so many elements."""
        body = f"return document.querySelectorAll({json.dumps(selector)}).length"
        wait_for(lambda: self._quietly(body) == count or None, f"{count} of {selector}")

    def says(self, selector: str, text: str) -> None:
        """Wait until an element holds a text."""
        body = f"return document.querySelector({json.dumps(selector)})?.textContent ?? ''"
        wait_for(lambda: text in (self._quietly(body) or "") or None, f"{text!r} in {selector}")


class WebDriverError(Exception):
    """A command that the browser refused, by WebDriver's name for the error."""


class Firefox(Engine):
    """Firefox by its Marionette port: ``length:[0, id, command, parameters]`` and ``length:[1, id, error, result]``."""

    def __init__(self, port: int) -> None:
        self.number = 0
        self.socket = wait_for(lambda: _connected(port), "Firefox's Marionette", START)
        self.socket.settimeout(START)  # a command waits for the page that it leads to
        with contextlib.ExitStack() as on_failure:  # an open socket would be another test's failure
            on_failure.callback(self.socket.close)
            self._read()  # the greeting
            self.command("NewSession")
            on_failure.pop_all()

    def command(self, name: str, **parameters: Any) -> Any:
        self.number += 1
        message = json.dumps([0, self.number, f"WebDriver:{name}", parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _kind, _number, error, result = self._read()
        if error:
            raise WebDriverError(f"{name}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def close(self) -> None:
        self.socket.close()

    def _read(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += self._bytes(1)
        return json.loads(self._bytes(int(length[:-1])))

    def _bytes(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            part = self.socket.recv(count - len(taken))
            assert part, "Firefox ended"
            taken += part
        return taken


class WebKit(Engine):
    """WebKitGTK's small browser by its own driver, over HTTP."""

    PATHS = {
        "Navigate": ("POST", "url"),
        "ExecuteScript": ("POST", "execute/sync"),
        "ElementClick": ("POST", "element/{id}/click"),
        "ElementClear": ("POST", "element/{id}/clear"),
        "ElementSendKeys": ("POST", "element/{id}/value"),
        "TakeScreenshot": ("GET", "screenshot"),
        "DeleteSession": ("DELETE", ""),
    }

    def __init__(self, port: int, browser: Path) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=START)
        wait_for(lambda: _connected(port), "WebKit's driver", START).close()
        options = {"webkitgtk:browserOptions": {"binary": str(browser), "args": ["--automation"]}}
        made = self.http.post("/session", json={"capabilities": {"alwaysMatch": options}}).json()
        self.session = made["value"]["sessionId"]

    def command(self, name: str, **parameters: Any) -> Any:
        method, path = self.PATHS[name]
        address = f"/session/{self.session}/{path}".format(**parameters).rstrip("/")
        body = {key: value for key, value in parameters.items() if key != "id"} if method == "POST" else None
        answer = self.http.request(method, address, json=body)
        value = answer.json()["value"]
        if answer.is_error:
            raise WebDriverError(f"{name}: {value['error']}: {value['message']}")
        return value

    def close(self) -> None:
        """End the browser, then the connection."""
        self.command("DeleteSession")
        self.http.close()


def _connected(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=1)
    except OSError:
        return None


@contextlib.contextmanager
def firefox() -> Iterator[Engine]:
    """Start Debian's Firefox with a profile of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        wanted = {**PREFERENCES, "marionette.port": port}
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items())
        Path(profile, "user.js").write_text("".join(lines))
        command = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile]
        with _running(command), contextlib.closing(Firefox(port)) as engine:
            yield engine


@contextlib.contextmanager
def webkit() -> Iterator[Engine]:
    """Start WebKitGTK's browser on a screen that nobody sees."""
    port = free_port()
    browser = mini_browser()
    assert browser
    with (
        _screen() as display,
        _running(["WebKitWebDriver", f"--port={port}"], DISPLAY=display),
        contextlib.closing(WebKit(port, browser)) as engine,
    ):
        yield engine


@contextlib.contextmanager
def _screen() -> Iterator[str]:
    with subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout
        try:
            yield f":{server.stdout.readline().strip()}"
        finally:
            server.terminate()


@contextlib.contextmanager
def _running(command: list[str], **more: str) -> Iterator[None]:
    env = {"PATH": "/usr/bin:/bin", "HOME": tempfile.gettempdir(), "LANG": "C.UTF-8", "LANGUAGE": "pt_BR", **more}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=env, stdin=quiet, stdout=quiet, stderr=quiet) as program:
        try:
            yield
        finally:
            program.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(10)
            program.kill()


def mini_browser() -> Path | None:
    """Return WebKitGTK's small browser, which Debian keeps beside the library."""
    return next(iter(sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))), None)


def has_firefox() -> bool:
    return shutil.which("firefox-esr") is not None


def has_webkit() -> bool:
    return None not in {shutil.which("WebKitWebDriver"), shutil.which("Xvfb"), mini_browser()}


ENGINES = {"firefox": (firefox, has_firefox), "webkit": (webkit, has_webkit)}
