"""Ask again who it is before what nobody may do with a stolen session (R-01, A-01).

What must be proved is for an app above to say: it registers itself here, as the writers of notices do.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from accounts.decorators import View
from accounts.models import User

Wish = dict[str, Any]
Carrier = Callable[[User, Wish], str]
_carriers: dict[str, Carrier] = {}


class Proofs(Protocol):
    """How a person proves that it is still them. A proof is for one purpose and one page, once, for 300 s."""

    def is_granted(self, request: HttpRequest, purpose: str) -> bool:
        """Tell whether the session holds a live proof for this page."""

    def claim(self, request: HttpRequest, purpose: str) -> bool:
        """Use the session's proof up; True for exactly one request."""

    def settle(self, request: HttpRequest, purpose: str, *, used: bool) -> None:
        """Write down that the claimed proof was used, or give it back."""

    def ask(self, request: HttpRequest, purpose: str, *, path: str, query: str, wish: Wish | None) -> HttpResponse:
        """Lead the person to the proof, and from there back to a page."""


_registered: list[Proofs] = []


def register(proofs: Proofs) -> None:
    """Say who asks for proofs."""
    _registered[:] = [proofs]


def reauthenticated(purpose: str) -> Callable[[View], View]:
    """Open a view only to a session that has just proved that it is still the person, for this purpose.

    GET shows the page while the proof lives. POST uses it up before the view runs; a form that is refused (200)
    gives it back. Put it below the decorators that say who may come here at all.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            proofs = _registered[0]
            if request.method == "POST":
                return _use(request, purpose, lambda: view(request, *args, **kwargs))
            if not proofs.is_granted(request, purpose):
                return demand(request, purpose, query=request.META.get("QUERY_STRING", ""))
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def _use(request: HttpRequest, purpose: str, act: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    proofs = _registered[0]
    if not proofs.claim(request, purpose):
        return demand(request, purpose)
    used = True
    try:
        response = act()
        used = response.status_code != 200
    finally:
        proofs.settle(request, purpose, used=used)
    return response


def demand(
    request: HttpRequest, purpose: str, *, path: str = "", query: str = "", wish: Wish | None = None
) -> HttpResponse:
    """Answer a request that needs a proof first: the way to it for people, 403 for programs.

    People are back on ``path`` afterwards (the request's own unless given). A ``wish`` is carried out at once.
    """
    if not request.accepts("text/html"):
        return JsonResponse({"detail": "reauthentication_required"}, status=403)
    return _registered[0].ask(request, purpose, path=path or request.path, query=query, wish=wish)


def carries_out(purpose: str) -> Callable[[Carrier], Carrier]:
    """Register the decorated function as what carries out the wish of a purpose; it returns what to say then."""

    def register_carrier(carrier: Carrier) -> Carrier:
        _carriers[purpose] = carrier
        return carrier

    return register_carrier


def carry_out(purpose: str, user: User, wish: Wish) -> str:
    """Do what an administrator wished who has proved that it is them, and return what to say.

    Raises PermissionDenied when they are none any more: a wish waits for minutes (A-01).
    """
    if not user.is_administrator:
        raise PermissionDenied
    return _carriers[purpose](user, wish)
