"""The page *Help*: the guides inside the portal, in the reader's language, and nothing in them leads nowhere."""

import re
from urllib.parse import unquote

import pytest

from accounts.models import User
from tests import guide
from tests.conftest import Browser

PAGES = {"users": "/ajuda/", "administrators": "/ajuda/administrador/"}


@pytest.mark.parametrize(("language", "name"), guide.GUIDES)
def test_each_page_is_what_its_document_says(language: str, name: str) -> None:
    """Red: write them anew with ``python -m tests.guide``."""
    written = (guide.TARGETS / language / f"{name}.html").read_text()
    assert written == guide.rendered(guide.GUIDES[language, name])
    assert "<img" not in written


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "name"), guide.GUIDES)
def test_every_link_of_a_guide_leads_somewhere(browser: Browser, bob: User, language: str, name: str) -> None:
    User.objects.filter(pk=bob.pk).update(language=language)
    browser.post_password("bob")
    shown = browser.get(PAGES[name]).content.decode()
    assert f'<html lang="{language}"' in shown
    (text,) = re.findall(r'<article class="guide">(.+?)</article>', shown, re.DOTALL)
    title = (guide.ROOT / guide.GUIDES[language, name]).read_text().splitlines()[0]
    assert f">{title.removeprefix('# ')}</h1>" in text
    links = re.findall(r'href="([^"]+)"', text)
    assert links
    for link in links:
        if link.startswith("#"):
            assert f'id="{unquote(link[1:])}"' in text
        else:
            assert browser.get(link).status_code == 200


@pytest.mark.django_db
def test_the_menus_lead_to_the_help(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    assert browser.get("/").content.decode().count('href="/ajuda/"') == 2
