"""The request of a person who is signed in, and answers that may be kept."""

from django.http import HttpRequest, HttpResponse

from accounts.models import User


class SignedInRequest(HttpRequest):
    """A request that has passed the gate. For type checkers only: at run time it is Django's own class."""

    user: User


def kept_for_good(response: HttpResponse) -> HttpResponse:
    """Let browsers keep an answer whose address changes with what it holds; all others they may not keep (S-11)."""
    response.may_be_kept = True  # type: ignore[attr-defined]  # read by GateMiddleware
    response["Cache-Control"] = "max-age=315360000, public, immutable"
    return response
