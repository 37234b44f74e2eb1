"""A POST answered with the page that it leads to, where the browser's script asked for that: a round trip less.

A redirect is a whole request of its own, and the person waits for the line once more. A sign-in of seven requests is
one of five, of 34,151 Python calls 33,260 (python -m benchmarks.counts). The script sends the field ``straight`` and
gives the page its own address (static/js/app.js), so that reload and Back are GETs. Without the field, which is
without the script, the answer is the redirect (F45, C-02).
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import resolve, reverse

FIELD = "straight"
STEPS = {"channel", "token"}


def next_page(request: HttpRequest, step: str) -> HttpResponse:
    """Return the page of a step as a GET for it gets it, or the way there.

    Its view looks at the session and the pending sign-in by itself, as at any GET.
    """
    if FIELD not in request.POST or step not in STEPS:
        return redirect(step)
    address = reverse(step)
    match = resolve(address)
    came_as = request.method, request.path, request.path_info, request.resolver_match
    request.method, request.path, request.path_info, request.resolver_match = "GET", address, address, match
    try:
        response: HttpResponse = match.func(request)
    finally:
        request.method, request.path, request.path_info, request.resolver_match = came_as
    response.is_next_page = True  # type: ignore[attr-defined]  # and no refusal, for ``second_click_follows_the_first``
    return response
