"""W-01 to W-03: what every answer tells the browser, also those that no view gives; F22."""

import re
from hashlib import sha256
from typing import Any

import pytest
from csp.constants import NONCE, SELF
from csp.decorators import csp_exempt, csp_update
from django.http import HttpResponse
from django.test import RequestFactory

from accounts.models import User
from messaging.headers import PolicyMiddleware
from tests.conftest import Browser, enrol
from tests.tools import ROOT, settings_with

POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "frame-src": ["'none'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
    "frame-ancestors": ["'none'"],
}


def policy_of(response: Any) -> dict[str, list[str]]:
    directives = response.headers["Content-Security-Policy"].split(";")
    return {name: sources for name, *sources in (directive.split() for directive in directives)}


@pytest.fixture
def https(settings: Any) -> None:
    """Put what settings.py makes of an https address in force, wherever a browser is told of it."""
    made = settings_with(EMBEDDED="1", PUBLIC_URL="https://testserver")
    for name in (name for name in made if name.startswith(("SECURE_", "SESSION_COOKIE", "CSRF_COOKIE", "LANGUAGE_C"))):
        setattr(settings, name, made[name])
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURITY_CONTACT = "mailto:security@testserver"
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True


def assert_promised(response: Any) -> None:
    policy = policy_of(response)
    assert {name: policy[name] for name in POLICY} == POLICY
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    promised = {
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    assert {name: response.headers.get(name) for name in promised} == promised
    powers = response.headers["Permissions-Policy"].split(", ")
    assert {"camera=()", "geolocation=()", "microphone=()", "payment=()", "usb=()"} <= set(powers)
    ours = {"publickey-credentials-create=(self)", "publickey-credentials-get=(self)"}
    assert ours <= set(powers), "passkeys, for our own pages (K-04)"
    assert all(re.fullmatch(r"[a-z-]+=\(\)", power) for power in set(powers) - ours)


@pytest.mark.usefixtures("https", "db")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/entrar/", 200),
        ("/", 302),
        ("/nowhere/", 404),
        ("/sair/", 405),
        ("/healthz", 200),
        ("/caixa-de-saida/", 200),
        ("/.well-known/security.txt", 200),
        ("/.well-known/change-password", 302),
        ("/static/css/app.css", 200),
        ("/static/img/favicon.svg", 200),
        ("/static/nowhere.css", 404),
    ],
)
def test_every_answer_carries_what_is_promised(path: str, status: int) -> None:
    """W-01, W-02: pages, refusals and static files; the walk of test_routes.py looks at every address."""
    response: Any = Browser().get(path, secure=True)
    response.close()
    assert response.status_code == status
    assert_promised(response)


def test_the_captchas_files_are_altchas_own() -> None:
    vendor = ROOT / "static" / "vendor"
    told = dict(re.findall(r"^    (\w{64})  (.+)$", (vendor / "README.md").read_text(), re.MULTILINE))
    assert set(told.values()) == {f"altcha-3.2.2/{file.name}" for file in vendor.glob("altcha-*/*.js")}
    assert {name: sha256((vendor / name).read_bytes()).hexdigest() for name in told.values()} == {
        name: digest for digest, name in told.items()
    }


def test_no_style_sheet_asks_for_what_the_policy_refuses() -> None:
    """W-02: also not in a rule that a later sheet overrules: a browser may style the page before that one is there.

    No sheet of ours asks for an image or another sheet at all.
    """
    sheets = list((ROOT / "static").rglob("*.css"))
    assert len(sheets) > 1
    asked = {sheet.name: re.findall(r"url\(.{0,60}|@import.{0,60}", sheet.read_text()) for sheet in sheets}
    assert not any(asked.values()), asked


@pytest.mark.usefixtures("https", "db")
def test_a_forged_host_gets_the_same_promises(settings: Any) -> None:
    """W-03: refused before any view, and still told."""
    response = Browser().get("/entrar/", secure=True, headers={"host": "evil.example"})
    assert response.status_code == 400
    assert_promised(response)
    assert "evil.example" not in response.content.decode()


@pytest.mark.usefixtures("https", "db")
def test_a_form_without_its_token_gets_the_same_promises() -> None:
    """W-01: the page of django's own refusal."""
    response = Browser(enforce_csrf_checks=True).post("/entrar/", {}, secure=True)
    assert response.status_code == 403
    assert_promised(response)


@pytest.mark.usefixtures("https", "db")
def test_an_error_of_ours_gets_the_same_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    """W-01: the 500 page as well."""

    def broken(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("messaging.delivery.flows.silence", broken)
    browser = Browser()
    browser.raise_request_exception = False
    response = browser.get("/readyz", secure=True)
    assert response.status_code == 500
    assert_promised(response)


@pytest.mark.usefixtures("https")
def test_the_operators_site_has_no_rules_of_its_own(alice: User) -> None:
    """W-02: Django's admin under the policy of the portal; it has no inline script or style to forbid."""
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    enrol(alice)
    browser = Browser(headers={"x-forwarded-proto": "https"})
    browser.sign_in("alice")
    for path in ("/admin/", "/admin/accounts/user/", f"/admin/accounts/user/{alice.pk}/change/"):
        response = browser.get(path)
        assert response.status_code == 200
        assert_promised(response)
        shown = response.content.decode()
        assert not re.search(r"<script(?![^>]*\ssrc=)(?![^>]*type=.?application/json)", shown)
        assert not re.search(r"<[^>]+\s(on\w+|style)=", shown)


@pytest.mark.usefixtures("db")
def test_where_to_report_is_where_people_look(settings: Any) -> None:
    """RFC 9116: the contact of the installation, and until when it is good."""
    settings.PUBLIC_URL = "https://portal.example"
    settings.SECURITY_CONTACT = "mailto:security@portal.example"
    response = Browser().get("/.well-known/security.txt")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
    assert fields["Contact"] == "mailto:security@portal.example"
    assert fields["Canonical"] == "https://portal.example/.well-known/security.txt"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", fields["Expires"])


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", ["/.well-known/security.txt", "/.well-known/nothing"])
def test_without_a_contact_there_is_no_such_file(settings: Any, path: str) -> None:
    settings.SECURITY_CONTACT = ""
    assert Browser().get(path).status_code == 404


def test_password_managers_find_the_page_to_change_a_password(browser: Browser, bob: User) -> None:
    """W3C's well-known address; it asks the anonymous to sign in first."""
    assert browser.get("/.well-known/change-password").headers["Location"] == "/senha/alterar/"
    browser.post_password("bob")
    assert browser.get("/.well-known/change-password", follow=True).status_code == 200


def test_no_form_takes_a_file(browser: Browser) -> None:
    """A body of files is refused at the first one, and never lands on the disk."""
    with open(__file__, "rb") as file:  # noqa: PTH123
        assert browser.post("/entrar/", {"username": "bob", "password": "x", "token": file}).status_code == 400


def test_there_is_one_database_and_no_way_to_another(settings: Any) -> None:
    """F22: whoever adds a replica has to say first which reads may lag; policy, challenge and session may not."""
    assert set(settings.DATABASES) == {"default"}
    assert settings.DATABASE_ROUTERS == []


# The policy is written once (messaging/headers.py) -----------------------------------------------


def answered(view: Any) -> str:
    """Return the policy of a view's answer."""
    response: Any = PolicyMiddleware(view)(RequestFactory().get("/"))
    return str(response.headers.get("Content-Security-Policy", ""))


def test_a_nonce_stands_in_its_own_answer_only(settings: Any) -> None:
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": [SELF, NONCE]}}
    nonces = []

    def scripted(request: Any) -> HttpResponse:
        nonces.append(str(request.csp_nonce))
        return HttpResponse(nonces[-1])

    before, first, second = answered(lambda _: HttpResponse()), answered(scripted), answered(scripted)
    assert before == answered(lambda _: HttpResponse()) == "default-src 'self'"
    assert nonces[0] in first
    assert nonces[1] in second
    assert nonces[0] not in second


def test_what_a_view_says_of_its_own_policy_holds(settings: Any) -> None:
    assert "https://maps.example" in answered(csp_update({"img-src": "https://maps.example"})(lambda _: HttpResponse()))
    assert answered(csp_exempt()(lambda _: HttpResponse())) == ""
    assert "maps.example" not in answered(lambda _: HttpResponse())
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": ["https://other.example"]}}
    assert answered(lambda _: HttpResponse()) == "default-src https://other.example"
