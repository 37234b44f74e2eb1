"""Every address of the URLconf, the operators' site included, with samples for what is variable in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern


@dataclass(frozen=True)
class Route:
    """One address of the URLconf."""

    pattern: str
    path: str
    is_open: bool

    @property
    def is_operators(self) -> bool:
        return self.path.startswith("/admin/")

    @property
    def is_administrators(self) -> bool:
        return self.path.startswith("/configuracoes/")


def routes(samples: dict[str, str]) -> list[Route]:
    """Return every address, with samples for what is variable in it."""
    return list(_walk(get_resolver("messaging.urls").url_patterns, samples))


def _walk(patterns: list[Any], samples: dict[str, str], before: str = "", path_before: str = "/") -> Iterator[Route]:
    for entry in patterns:
        pattern = before + str(entry.pattern)
        address = path_before + _filled(entry, samples)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, samples, pattern, address)
        else:
            assert isinstance(entry, URLPattern)
            yield Route(pattern, address, getattr(entry.callback, "login_required", True) is False)


def _filled(entry: Any, samples: dict[str, str]) -> str:
    """Return a pattern's part of an address."""
    named = r"\(\?P<(\w+)>[^)]*\)" if isinstance(entry.pattern, RegexPattern) else r"<(?:\w+:)?(\w+)>"
    bare = str(entry.pattern).strip("^$") if isinstance(entry.pattern, RegexPattern) else str(entry.pattern)
    return re.sub(named, lambda found: samples.get(found[1], samples["default"]), bare)
