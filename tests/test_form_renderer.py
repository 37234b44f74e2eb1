"""Inputs are written as Django writes them (messaging/form_renderer.py)."""

from typing import Any

import pytest
from django import forms
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from messaging.form_renderer import InputRenderer

WIDGETS = [forms.TextInput, forms.EmailInput, forms.NumberInput, forms.PasswordInput, forms.HiddenInput, forms.Select]
ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {"id": "id_a", "required": True, "autofocus": False, "maxlength": 12, "aria-label": gettext_lazy("Sign in")},
    {"placeholder": '"><script>alert(1)</script>', "data-safe": mark_safe("&amp;"), '"on': "x", "title": None},
]


@pytest.mark.parametrize("widget", WIDGETS)
@pytest.mark.parametrize("attributes", ATTRIBUTES)
@pytest.mark.parametrize("value", [None, "", 0, 7, 1.5, True, "a'b\"<c>&", mark_safe("a&amp;b"), "ação"])
def test_an_input_is_djangos_to_the_letter(widget: type[forms.Widget], attributes: dict[str, Any], value: Any) -> None:
    made = widget(attributes)
    own = made.render("na<me", value, renderer=InputRenderer())
    assert own == made.render("na<me", value, renderer=TemplatesSetting())
    assert "<script>" not in own


CHOICES: list[Any] = [
    [("a", "An <a>"), ("b", gettext_lazy("Sign in")), (3, mark_safe("&amp;")), (None, "none"), (True, "yes")],
    [("Groups & <more>", [("a", "a"), ("7", 7)]), ("b", "b"), ("", "empty")],
    [],
]


@pytest.mark.parametrize("choices", CHOICES)
@pytest.mark.parametrize("attributes", ATTRIBUTES)
@pytest.mark.parametrize("value", [None, "", "a", 3, "7"])
def test_a_list_is_djangos_to_the_letter(choices: Any, attributes: dict[str, Any], value: Any) -> None:
    made = forms.Select(attributes, choices)
    own = made.render("na<me", value, renderer=InputRenderer())
    assert own == made.render("na<me", value, renderer=TemplatesSetting())
    assert "<script>" not in own
