"""Parts of pages that depend on the language and the settings only: rendered once for each language.

``{% fixed %} … {% endfixed %}`` encloses such a part. A constant ``{% translate "…" %}``, ``{% url "…" %}`` or
``{% static "…" %}`` is one by itself, and so is an ``{% include %}`` of a drawing. A fixed part is rendered with an
empty context, so no name, CSRF token or address can be in it.

An ``{% include %}`` by a literal name finds its template once.

With this a sign-in makes 35,017 Python calls instead of 42,077, and a member's home page 6,104 instead of 8,788
(python -m benchmarks.counts).
"""

from typing import Any

from django.conf import settings
from django.template import Library, Node
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.defaulttags import register as builtin
from django.template.loader import get_template
from django.template.loader_tags import IncludeNode
from django.template.loader_tags import register as loader
from django.templatetags.i18n import register as i18n
from django.templatetags.static import register as static_files
from django.urls import get_script_prefix
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

DRAWINGS = {f"partials/{name}.html" for name in ("_icon", "_list_icon", "_logo")}

# Replaces Django's libraries i18n and static, and is loaded in every template (settings.TEMPLATES).
register = Library()
for library in (i18n, static_files):
    register.tags.update(library.tags)
    register.filters.update(library.filters)
del register.tags["language"]  # templates may not change the language: ``_fixed_for`` reads it once a page


class FixedNode(Node):
    """A part that is rendered once for each language."""

    def __init__(self, part: Node | NodeList) -> None:
        self.part = part
        self.rendered: dict[tuple[Any, ...], SafeString] = {}

    def render(self, context: Any) -> SafeString:
        made_for = context.autoescape, getattr(context, "fixed_for", None) or _fixed_for(context)
        text = self.rendered.get(made_for)
        if text is None:
            text = self.rendered[made_for] = mark_safe(self.part.render(context.new()))  # noqa: S308 (rendered)
        return text


def _fixed_for(context: Any) -> tuple[Any, ...]:
    """Return the key of a page's fixed parts: its language and settings; read once a page."""
    found = get_language(), get_script_prefix(), settings.ROOT_URLCONF
    context.fixed_for = found
    return found


class PartNode(Node):
    """A template that is included by a literal name: looked up once for all requests, not once for each."""

    found: Any = None

    def __init__(self, name: str, values: dict[str, FilterExpression]) -> None:
        self.name, self.values = name, values

    def render(self, context: Any) -> SafeString:
        if self.found is None:
            self.found = context.template.engine.get_template(self.name)
        with context.push(**{name: value.resolve(context) for name, value in self.values.items()}):
            rendered: SafeString = self.found.render(context)
        return rendered


class DrawingNode(Node):
    """A drawing, by its name or size."""

    def __init__(self, template: str, values: dict[str, str]) -> None:
        self.template, self.values = template, values

    def render(self, context: Any) -> Any:
        return get_template(self.template).render(self.values)


@register.tag
def fixed(parser: Parser, token: Token) -> Node:
    """Render the part between the tags once for each language."""
    nodelist = parser.parse(("endfixed",))
    parser.delete_first_token()
    return FixedNode(nodelist)


def _is_literal(word: str) -> bool:
    quote = word[:1]
    return quote in {'"', "'"} and len(word) > 1 and word.endswith(quote) and word.count(quote) == 2


def _once(node: Node, token: Token) -> Node:
    """Make a tag with one literal argument a fixed part."""
    _tag, *words = token.split_contents()
    return FixedNode(node) if len(words) == 1 and _is_literal(words[0]) else node


@register.tag
def translate(parser: Parser, token: Token) -> Node:
    """Translate; a constant text once."""
    return _once(i18n.tags["translate"](parser, token), token)


@register.tag
def static(parser: Parser, token: Token) -> Node:
    """Return the address of a static file; a constant one once."""
    return _once(static_files.tags["static"](parser, token), token)


@register.tag
def url(parser: Parser, token: Token) -> Node:
    """Return the address of a view; once, unless it has arguments or a namespace, which may depend on the request."""
    node = builtin.tags["url"](parser, token)
    return node if ":" in token.contents else _once(node, token)


@register.tag
def include(parser: Parser, token: Token) -> Node:
    """Include a template; a drawing once."""
    _tag, name, *words = token.split_contents()
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if name.strip("\"'") in DRAWINGS and all(_is_literal(value) for value in given.values()):
        return FixedNode(DrawingNode(name.strip("\"'"), {key: value[1:-1] for key, value in given.items()}))
    node: IncludeNode = loader.tags["include"](parser, token)
    if _is_literal(name) and not node.isolated_context:
        return PartNode(name.strip("\"'"), node.extra_context)
    return node
