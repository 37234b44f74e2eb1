"""Where there is something to post to: every form of every page, found on the pages themselves."""

import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

from tests.conftest import Browser
from tests.walk.routes import Route

QUERY = re.compile(r'href="\?([^"#]+)"')


@dataclass(frozen=True)
class Target:
    """One form, or an address that takes a POST though no page shows a form for it."""

    path: str
    fields: tuple[tuple[str, str], ...] = ()
    is_asked: bool = False  # by GET: a filter, or a link with a query


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: list[tuple[str, list[tuple[str, str]], bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "form":
            is_asked = known.get("method", "get").lower() == "get"
            self.found.append((urlsplit(known.get("action") or self.page).path, [], is_asked))
        elif self.found and known.get("name") and tag in {"input", "select", "textarea", "button"}:
            value = "" if known["name"] == "csrfmiddlewaretoken" else known.get("value", "")  # masked anew in each page
            self.found[-1][1].append((known["name"], value))
        elif self.found and tag == "altcha-widget":
            self.found[-1][1].append(("altcha", ""))


def targets(browser: Browser, routes: list[Route]) -> list[Target]:
    """Return the forms that somebody in their state can see, and every address besides."""
    found = {Target(route.path) for route in routes}
    for route in routes:
        answer = browser.get(route.path)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            forms = _Forms(route.path)
            forms.feed(answer.content.decode())
            found |= {Target(path, tuple(fields), is_asked) for path, fields, is_asked in forms.found}
            links = QUERY.findall(answer.content.decode())
            found |= {Target(route.path, tuple(parse_qsl(unescape(link))), is_asked=True) for link in links}
    return sorted(found, key=lambda target: (target.path, target.fields, target.is_asked))
