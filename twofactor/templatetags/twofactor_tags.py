"""Template tags about the second factor, for the templates of other apps."""

from typing import Any

from django import template

from twofactor import phones
from twofactor.phone.forms import PhoneForm

register = template.Library()


@register.inclusion_tag("twofactor/_phone_section.html", takes_context=True)
def phone_section(context: dict[str, Any]) -> dict[str, Any]:
    """Show the current phone and the form to change it (journey 4)."""
    user = context["user"]
    device = getattr(user, "phone_device", None)
    empty = PhoneForm(regions=user.account.regions, initial={"country": device and device.region})
    return {
        "device": device,
        "number": phones.pretty(device.number) if device else "",
        "form": context.get("phone_form") or empty,
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def masked_phone(user: Any) -> str:
    """Return a person's phone with all but the last two digits hidden; empty when there is none."""
    device = getattr(user, "phone_device", None)
    return phones.mask(device.number) if device else ""


@register.filter
def pretty_number(number: str) -> str:
    """Return a number as people write it, for the person who has just typed it."""
    return phones.pretty(number)
