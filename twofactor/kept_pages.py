"""Pages of a sign-in that differ between people in a few values only: rendered once, then filled with the values.

A page has a *shape*, the facts that decide which sentences, fields and buttons it has, and *own values*: a masked
number, the seconds left, a CSRF token. It is rendered once for each language and shape, with a mark in the place of
each own value, and split at the marks. An answer joins the parts with the values, escaped as a template escapes them.

Nobody can see another person's values. The template is rendered without the request and the person, with the shape and
the marks only; a value that a view does not name as an own one belongs to the shape, which has to be equal. Pages that
are rarely equal are rendered as usual: with errors, messages, or an address with a query.

With this a sign-in makes 17,281 Python calls instead of 22,244 (python -m benchmarks.counts).
``tests/test_kept_pages.py`` compares the pages with those that are rendered as usual.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from accounts.models import Account
from twofactor import pages

Shape = dict[str, Any]

# Private-use characters, which no typed or translated text has.
MARK = "\ue000{}\ue001"
MARKED = re.compile("\ue000([a-z_]+)\ue001")
OBJECTS = {"account", "form", "alone", "challenge"}  # in the context: a kept page has stand-ins for them
MAX_SHAPES = 500  # of some 10 kB; an account with a logo has shapes of its own


@dataclass(frozen=True)
class KeptPage:
    """A template, the names of its own values, and a function that makes the rest of its context from the shape."""

    template: str
    own: tuple[str, ...]
    stand_ins: Callable[[Shape], dict[str, Any]]

    def answer(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *,
        shape: Mapping[str, Any] | None = None,
        own: Mapping[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the page. ``shape`` and ``own`` are facts and values that are not in the context."""
        if not _is_plain(request, context["form"]):
            return pages.answer(request, self.template, context)
        values = {"csrf_token": get_token(request)} | {name: context[name] for name in self.own} | dict(own or {})
        facts = {name: value for name, value in context.items() if name not in values and name not in OBJECTS}
        facts |= {"address": request.path, "outbox_enabled": settings.OUTBOX_ENABLED} | dict(shape or {})
        if account := context.get("account"):
            values |= {"account_name": account.name, "account_monogram": account.monogram}
            facts |= {"accent": account.accent, "logo": account.logo}
        # Templates test whether a value is empty, so that belongs to the shape.
        facts["given"] = tuple(sorted(name for name, value in values.items() if value))
        return HttpResponse(_filled(_parts(self, _language_and_addresses(), tuple(sorted(facts.items()))), values))


class MarkedWidget(forms.Widget):
    """A placeholder for a widget that is rendered for each person, with the scripts of its kind."""

    def __init__(self, name: str, kind: forms.Widget) -> None:
        super().__init__()
        self.mark, self.kind = mark_safe(MARK.format(name)), kind  # noqa: S308 (a constant)

    @property
    def media(self) -> forms.Media:
        """Return the scripts of the widget that replaces it."""
        return self.kind.media

    def render(self, *_args: Any, **_options: Any) -> SafeString:
        """Return the mark."""
        return self.mark


class _AccountMarks:
    """The attributes of an account that pages show, as marks."""

    def __init__(self, accent: str, logo: str) -> None:
        self.accent, self.logo = accent, logo
        self.name, self.monogram = MARK.format("account_name"), MARK.format("account_monogram")
        self.logo_sides = Account(logo=logo).logo_sides

    def __str__(self) -> str:
        return self.name


def _is_plain(request: HttpRequest, form: forms.Form) -> bool:
    return (
        request.method == "GET"
        and not form.is_bound
        and not request.META.get("QUERY_STRING")
        and not len(get_messages(request))
    )


def _language_and_addresses() -> tuple[Hashable, ...]:
    return get_language(), get_script_prefix(), settings.ROOT_URLCONF


@lru_cache(maxsize=MAX_SHAPES)
def _parts(page: KeptPage, _decided_by: tuple[Hashable, ...], facts: tuple[tuple[str, Any], ...]) -> list[str]:
    """Return alternately the text of a page and the names of its own values."""
    shape = dict(facts)
    context = {**shape, **page.stand_ins(shape), "request": _request(shape["address"])}
    context |= {name: MARK.format(name) for name in shape["given"]}
    if "accent" in shape:
        context["account"] = _AccountMarks(shape["accent"], shape["logo"])
    return MARKED.split(get_template(page.template).render(context))


def _request(address: str) -> SimpleNamespace:
    return SimpleNamespace(path=address, get_full_path=address)


def _filled(parts: list[str], values: Mapping[str, Any]) -> str:
    filled, names = parts.copy(), parts[1::2]
    written = {name: conditional_escape(values[name]) for name in set(names)}  # one may be in a page nine times
    filled[1::2] = [written[name] for name in names]
    return "".join(filled)
