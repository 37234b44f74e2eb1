"""A POST that is answered with the next page instead of a redirect to it, which saves a round trip.

The browser's script asks for this by the field ``straight``, and then sets the page's own address (static/js/app.js),
so that reload and Back are GETs. With it a sign-in takes five requests instead of seven, and 33,260 Python calls
instead of 34,151 (python -m benchmarks.counts). Without the field, which means without the script, the
answer is the redirect (F45, C-02).
"""

from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import ResolverMatch, get_script_prefix, resolve, reverse

from twofactor.models import PendingSignIn

FIELD = "straight"
STEPS = {"channel", "token"}


def next_page(request: HttpRequest, step: str, pending: PendingSignIn) -> HttpResponse:
    """Return the page of a step as a GET would return it, or a redirect to it.

    ``pending`` was begun or changed by this request, so the step's view need not read it again: that took 460 calls (of
    Python and C) and the longest statement of a sign-in, twice. The view checks its step as at any GET.
    """
    if FIELD not in request.POST or step not in STEPS:
        return redirect(step)
    address, match = _found(step, get_script_prefix(), settings.ROOT_URLCONF)
    came_as = request.method, request.path, request.path_info, request.resolver_match
    request.method, request.path, request.path_info, request.resolver_match = "GET", address, address, match
    try:
        response: HttpResponse = match.func(request, pending)
    finally:
        request.method, request.path, request.path_info, request.resolver_match = came_as
    response.is_next_page = True  # type: ignore[attr-defined]  # and no refusal, for ``second_click_follows_the_first``
    return response


@lru_cache(maxsize=len(STEPS))
def _found(step: str, _prefix: str, urlconf: str) -> tuple[str, ResolverMatch]:
    """Return the address of a step and its view; looking for both took 150 calls (of Python and C) a page."""
    address = reverse(step, urlconf)
    return address, resolve(address, urlconf)
