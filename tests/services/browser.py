"""A person with a browser, over real HTTP: cookies, CSRF fields and the captcha, handled as a browser does."""

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import unescape
from typing import Any, TypeVar

import requests

from tests.altcha import challenge_in, solve
from tests.services.programs import PATIENCE, wait_for
from tests.services.seed import PASSWORD

T = TypeVar("T")
Response = requests.Response


class Browser:
    """One person at one browser. Redirects are looked at, not followed."""

    def __init__(self, base: str, login: str, number: str, secrets: set[str]) -> None:
        self.base = base
        self.login = login
        self.number = number  # E.164
        self.email = f"{login}@example.com"
        self.secrets = secrets  # what no log may show (J-02)
        self.session = requests.Session()
        self.session.headers.update({"Accept": "text/html", "Accept-Language": "en"})
        self.token_field = ""

    def get(self, path: str) -> Response:
        """Load a page, and remember the CSRF token of its forms."""
        return self.read(self.session.get(self.base + path, allow_redirects=False, timeout=PATIENCE))

    def read(self, response: Response) -> Response:
        """Remember the CSRF token of a page's forms."""
        if found := re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', response.text):
            self.token_field = found[1]
        self._note_cookies()
        return response

    def post(self, path: str, *, form_at: str | None = None, **fields: str) -> Response:
        """Load the page that has the form, then post to it."""
        self.get(form_at or path)
        return self.post_at_once(path, **fields)

    def post_at_once(self, path: str, **fields: str) -> Response:
        """Post with the CSRF token of the page loaded last."""
        data = {"csrfmiddlewaretoken": self.token_field, **fields}
        response = self.session.post(self.base + path, data=data, allow_redirects=False, timeout=PATIENCE)
        self._note_cookies()
        return response

    def post_aside(self, path: str, **fields: str) -> Response:
        """Post on a connection of its own without keeping its cookies: as one of many that come at once."""
        data = {"csrfmiddlewaretoken": self.token_field, **fields}
        headers = {name: str(value) for name, value in self.session.headers.items()}
        cookies = self.session.cookies.get_dict()
        url = self.base + path
        return requests.post(url, data=data, cookies=cookies, headers=headers, allow_redirects=False, timeout=PATIENCE)

    def _note_cookies(self) -> None:
        if session := self.session.cookies.get("session"):
            self.secrets.add(session)

    def captcha(self, path: str) -> str:
        """Load a page and do the work of its captcha."""
        challenge = challenge_in(self.get(path).text)
        assert challenge, f"no captcha on {path}"
        solved = solve(challenge)
        self.secrets.add(solved)
        return solved

    def post_password(self) -> Response:
        self.secrets.add(PASSWORD)
        return self.post("/entrar/", username=self.login, password=PASSWORD)

    def post_channel(self, channel: str = "sms") -> Response:
        captcha = self.captcha("/entrar/canal/")
        return self.post_at_once("/entrar/canal/", channel=channel, altcha=captcha)

    def at_the_choice(self, channel: str = "sms") -> Callable[[], Response]:
        """Walk a later sign-in to the page of the ways; return the click that is left."""
        assert location(self.post_password()) == "/entrar/canal/"
        captcha = self.captcha("/entrar/canal/")
        return partial(self.post_at_once, "/entrar/canal/", channel=channel, altcha=captcha)

    def post_phone(self) -> Response:
        captcha = self.captcha("/entrar/telefone/")
        return self.post_at_once("/entrar/telefone/", country="BR", number=self.number[3:], altcha=captcha)

    def post_token(self, token: str) -> Response:
        return self.post("/entrar/token/", token=token)

    def ask_for_sms(self) -> "Browser":
        """Walk a later sign-in up to the request for an SMS."""
        assert location(self.post_password()) == "/entrar/canal/"
        assert location(self.post_channel()) == "/entrar/token/"
        return self

    def ask_for_first_sms(self) -> "Browser":
        """Walk a first sign-in up to the request for an SMS."""
        assert location(self.post_password()) == "/entrar/introducao/"
        assert location(self.post("/entrar/introducao/")) == "/entrar/telefone/"
        assert location(self.post_phone()) == "/entrar/token/"
        return self

    def delivery_status(self) -> tuple[str, str]:
        """Return what the token page says of the message, as it asks without a reload."""
        told = self.get("/entrar/token/estado/").json()
        return told["state"], told["text"]

    def wait_for_status(self, state: str, seconds: float = PATIENCE / 3) -> str:
        """Wait until the token page says "going", "arrived" or "failed"; return its sentence."""
        return wait_for(
            lambda: self.delivery_status()[1] if self.delivery_status()[0] == state else None,
            seconds,
            meaning=f"{state}: {self.delivery_status()}",
        )

    def is_in(self) -> bool:
        return self.get("/meu-perfil/").status_code == 200


def location(response: Response) -> str:
    """Return where a response sends to; fails on anything but a redirect."""
    assert response.status_code == 302, f"{response.status_code}: {words_of(response)}"
    return response.headers["Location"]


def style_sheet_of(page: str) -> str:
    """Return the address of the first style sheet that a page asks for."""
    found = re.search(r'<link[^>]+href="(/static/[^"]+\.css)"', page)
    assert found, "no style sheet"
    return found[1]


def words_of(response: Response) -> str:
    """Return the text of a page, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.text)))


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run calls in as many threads, let loose together; return their answers in order."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait(PATIENCE)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, call) for call in calls]]


def counted(responses: Sequence[Response]) -> dict[Any, int]:
    """Return how often each status and target came."""
    kinds = [(response.status_code, response.headers.get("Location")) for response in responses]
    return {kind: kinds.count(kind) for kind in kinds}
