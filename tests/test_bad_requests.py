"""Requests that cannot be read or are not taken: a page of ours, all headers, one line of log."""

import logging
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from accounts.models import User
from messaging.wsgi import application
from tests.conftest import PASSWORD, Browser
from tests.tools import page

pytestmark = pytest.mark.django_db

CHARSETS = ["latin-1", "utf8", "utf-16", "utf-7", "hex", "unheard-of"]
FORMS = ["/entrar/", "/senha/esqueci/", "/idioma/", "/sair/", "/nowhere/"]


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("path", FORMS)
def test_another_charset_is_a_bad_request(
    browser: Browser, caplog: pytest.LogCaptureFixture, path: str, charset: str
) -> None:
    """W-05: it was a bare 500 and 76 kB of log."""
    with caplog.at_level(logging.INFO):
        kind = f"application/x-www-form-urlencoded; charset={charset}"
        response = browser.generic("POST", path, b"username=bob", content_type=kind)
    assert response.status_code == 400
    assert "Content-Security-Policy" in response.headers
    assert "could not understand" in page(response)
    assert [record.levelname for record in caplog.records if record.name == "django.request"] == ["WARNING"]


@pytest.mark.parametrize("codec", ["hex", "base64", "undefined", "rot13", "latin-1", "utf-8"])
def test_a_codec_that_is_no_charset_is_one_too(codec: str) -> None:
    """W-05: asked of the server's own application: with a query, Django's request could not even be made."""
    form = f"application/x-www-form-urlencoded; charset={codec}"
    status = answered_by_the_server(CONTENT_TYPE=form, PATH_INFO="/entrar/", QUERY_STRING="next=/")
    assert status == ("200 OK" if codec == "utf-8" else "400 Bad Request")


@pytest.mark.parametrize("header", ["CONTENT_TYPE", "HTTP_ACCEPT"])
def test_a_codec_of_a_parameter_is_no_fault_of_ours(header: str) -> None:
    """W-05: RFC 2231 lets a parameter name an encoding; one that nobody knows was a bare 500."""
    status = answered_by_the_server(**{header: "text/html; level*=nonsense''1", "PATH_INFO": "/sair/"})
    assert status == ("400 Bad Request" if header == "CONTENT_TYPE" else "405 Method Not Allowed")


def answered_by_the_server(**environ: Any) -> str:
    """Ask the server's own application; return its status line."""
    answered: list[str] = []
    environ |= {"wsgi.input": BytesIO(b""), "HTTP_HOST": "localhost"}
    setup_testing_defaults(environ)
    b"".join(application(environ, lambda status, _headers: answered.append(status)))  # type: ignore[arg-type]
    (status,) = answered
    return status


def test_a_form_of_too_many_fields_is_a_bad_request_wherever_it_goes(browser: Browser) -> None:
    """W-05: the error pages do not read the form again."""
    fields = {f"f{number}": "1" for number in range(2000)}
    assert browser.post("/entrar/", fields).status_code == 400
    assert browser.post("/nowhere/", fields).status_code == 404


def test_a_method_that_is_not_taken_has_a_page(browser: Browser) -> None:
    """W-06."""
    response = browser.get("/sair/")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert "only takes forms" in page(response)


def test_who_signs_in_after_a_form_comes_to_the_page_of_the_form(browser: Browser, alice: User) -> None:
    """W-06."""
    response = browser.post(
        "/configuracoes/usuarios/lembrar/", HTTP_REFERER="http://testserver/configuracoes/usuarios/"
    )
    assert response.headers["Location"] == "/entrar/?next=%2Fconfiguracoes%2Fusuarios%2F"
    response = browser.post("/configuracoes/usuarios/lembrar/", HTTP_REFERER="http://elsewhere.com/x/")
    assert response.headers["Location"] == "/entrar/"


def test_a_second_submit_of_the_sign_in_leads_where_the_first_one_went(browser: Browser, bob: User) -> None:
    """W-06: the first one has changed the CSRF token."""
    browser.post_password("bob")
    browser.handler.enforce_csrf_checks = True
    stale = {"username": "bob", "password": PASSWORD, "next": "/meu-perfil/"}
    response = browser.post("/entrar/", stale)
    assert response.headers["Location"] == "/entrar/?next=%2Fmeu-perfil%2F"
    assert browser.get(response.headers["Location"]).headers["Location"] == "/meu-perfil/"
