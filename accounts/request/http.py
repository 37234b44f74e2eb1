"""The type of a signed-in request, and which answers browsers may keep."""

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from accounts.models import User

# The headers that Django's ``add_never_cache_headers`` sets, in 89 calls, if an answer has none of them.
NEVER_CACHED = {
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
}


class SignedInRequest(HttpRequest):
    """A request that has passed the gate. For type checkers only: at run time it is Django's own class."""

    user: User


def kept_for_good(response: HttpResponse) -> HttpResponse:
    """Let browsers keep an answer whose address changes with its contents; all others may not be kept (S-11)."""
    response.may_be_kept = True  # type: ignore[attr-defined]  # read by GateMiddleware
    response["Cache-Control"] = "max-age=315360000, public, immutable"
    return response


def never_cache(response: HttpResponse) -> None:
    """Let no browser and no proxy keep an answer (S-11)."""
    if any(name in response.headers for name in NEVER_CACHED):
        add_never_cache_headers(response)
        return
    for name, value in NEVER_CACHED.items():
        response.headers[name] = value
