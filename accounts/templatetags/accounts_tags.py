"""What templates of other apps may show of an account."""

from typing import Any

from django import template

from accounts.models import Accent

register = template.Library()


@register.inclusion_tag("accounts/_appearance.html", takes_context=True)
def appearance_section(context: dict[str, Any]) -> dict[str, Any]:
    """Show the account's colour and the palette to choose from."""
    account = context["user"].account
    return {"account": account, "accents": Accent.choices, "csrf_token": context.get("csrf_token")}
