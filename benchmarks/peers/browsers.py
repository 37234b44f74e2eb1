"""A person at a browser, for each project: from the password to the first page after it."""

import re
import time
from abc import ABC, abstractmethod
from typing import Any

import requests

from tests.altcha import challenge_in, solve

PASSWORD = "correct horse battery"


class Browser(ABC):
    """One person. ``sign_in`` returns the seconds that the browser waited for the request that sends the token."""

    page = "/page/"

    def __init__(self, base: str, gateway: str, number: int) -> None:
        self.base, self.gateway, self.number = base, gateway, number
        self.login = f"u{number:03d}"
        self.receiver = f"{self.login}@example.com"
        self.session = requests.Session()
        self.session.headers["Accept"] = "text/html"
        self.text = ""
        self.statements = [0, 0]
        self.waited = 0.0  # seconds of waiting for answers

    def get(self, path: str) -> requests.Response:
        return self._ask("GET", path)

    def post(self, path: str, **fields: str) -> requests.Response:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.text)
        data = {"csrfmiddlewaretoken": found[1] if found else "", **fields}
        return self._ask("POST", path, data)

    def _ask(self, method: str, path: str, data: dict[str, str] | None = None) -> requests.Response:
        began = time.perf_counter()
        response = self.session.request(method, self.base + path, data=data, allow_redirects=False, timeout=120)
        self.waited += time.perf_counter() - began
        assert response.status_code in {200, 302}, f"{response.status_code} {response.text[:300]}"
        counts = response.headers.get("X-Statements", "0 0").split()
        self.statements = [before + int(count) for before, count in zip(self.statements, counts, strict=True)]
        self.text = response.text or self.text
        return response

    def token(self) -> str:
        """Return the text that the gateway got last for this person."""
        for _ in range(600):
            if text := requests.get(f"{self.gateway}/last/{self.receiver}", timeout=10).text:
                return self.digits(text)
            time.sleep(0.01)
        raise AssertionError(f"no token for {self.receiver}")

    def digits(self, text: str) -> str:
        return str(re.findall(r"\b\d{6}\b", text)[0])

    def timed(self, path: str, **fields: str) -> float:
        began = time.perf_counter()
        self.post(path, **fields)
        return time.perf_counter() - began

    def arrive(self, response: requests.Response) -> None:
        assert response.status_code == 302, response.text[:500]
        assert self.get(self.page).status_code == 200

    @abstractmethod
    def sign_in(self) -> float:
        """Sign in to the first page after it."""


class Bare(Browser):
    def sign_in(self) -> float:
        self.get("/login/")
        self.arrive(self.post("/login/", username=self.login, password=PASSWORD))
        return 0


class TwoFactorAuth(Browser):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.receiver = f"+5511987{self.number:06d}"

    def sign_in(self) -> float:
        path, step = "/account/login/", "login_view-current_step"
        self.get(path)
        wait = self.timed(path, **{step: "auth", "auth-username": self.login, "auth-password": PASSWORD})
        self.arrive(self.post(path, **{step: "token", "token-otp_token": self.token()}))
        return wait


class OtpEmail(Browser):
    def sign_in(self) -> float:
        known = {"username": self.login, "password": PASSWORD, "otp_device": f"otp_email.emaildevice/{self.number + 1}"}
        self.get("/login/")
        wait = self.timed("/login/", **known, otp_challenge="1")
        self.arrive(self.post("/login/", **known, otp_token=self.token()))
        return wait


class Allauth(Browser):
    def digits(self, text: str) -> str:
        return str(re.findall(r"^[0-9A-Z]{3,4}-?[0-9A-Z]{3,4}$", text, re.MULTILINE)[0])

    def sign_in(self) -> float:
        self.get("/login/login/")
        wait = self.timed("/login/login/", login=self.login, password=PASSWORD)
        self.get("/login/login/code/confirm/")
        self.arrive(self.post("/login/login/code/confirm/", code=self.token()))
        return wait


class Reference(Browser):
    def sign_in(self) -> float:
        self.get("/login/")
        wait = self.timed("/login/", username=self.login, password=PASSWORD)
        self.get("/token/")
        self.arrive(self.post("/token/", token=self.token()))
        return wait


class Ours(Browser):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.receiver = f"+5511987{self.number:06d}"

    def sign_in(self) -> float:
        self.get("/entrar/")
        self.post("/entrar/", username=self.login, password=PASSWORD, straight="on")
        challenge = challenge_in(self.text)
        assert challenge
        wait = self.timed("/entrar/canal/", channel="sms", altcha=solve(challenge), straight="on")
        self.arrive(self.post("/entrar/token/", token=self.token()))
        return wait
