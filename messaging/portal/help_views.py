"""The guides in the reader's language. ``python -m tests.guide`` makes them from docs/guia."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from accounts.request.http import SignedInRequest


@require_safe
def help_page(request: SignedInRequest, guide: str) -> HttpResponse:
    """Show a guide: that of the users, or that of the administrators, which members may read, too."""
    context = {"guide": guide, "text": f"guide/{get_language()}/{guide}.html"}
    return render(request, "help.html", context)
