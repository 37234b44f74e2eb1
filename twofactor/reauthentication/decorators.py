"""The decorator that asks for a re-authentication before a dangerous action (R-01, R-12, A-01)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import redirect, resolve_url

from accounts.auth.decorators import View
from accounts.request.http import SignedInRequest
from twofactor import session_state
from twofactor.reauthentication import flows

MAX_KEPT = 20_000  # characters of what was posted


def always(_request: HttpRequest) -> bool:
    return True


def reauthenticated(
    purpose: str, *, back: str = "", when: Callable[[HttpRequest], bool] = always, pages_too: bool = False
) -> Callable[[View], View]:
    """Let a POST through only if the session has re-authenticated in the last five minutes.

    A GET shows the page, so that people read first what will happen. Their last click asks for the re-authentication:
    what they posted is stored, and posted again afterwards (``_post_again``). One re-authentication covers further
    actions (R-12). Put it below the decorators that say who may open the view. ``back`` names the page of a view that
    takes no GET. ``pages_too``: the page itself needs it, so a GET asks for it as well, and an empty POST follows.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            asks = pages_too or request.method == "POST"
            if not asks or not when(request) or session_state.is_proved(request):
                return view(request, *args, **kwargs)
            return demand(request, purpose, posted=_kept(request.POST), back=resolve_url(back) if back else "")

        return guarded

    return decorate


def _kept(posted: QueryDict) -> dict[str, list[str]] | None:
    """Return what was posted, to be posted again; None if the database cannot store it."""
    fields = {name: posted.getlist(name) for name in posted if name != "csrfmiddlewaretoken"}
    text = "".join(part for name, values in fields.items() for part in (name, *values))
    return fields if len(text) <= MAX_KEPT and "\0" not in text else None


def demand(request: HttpRequest, purpose: str, *, path: str = "", **facts: Any) -> HttpResponse:
    """Answer a request that needs a re-authentication first: a redirect to it for people, 403 for programs.

    People return to ``path`` afterwards (by default the request's own). A ``pending_action`` is carried out right after
    the re-authentication (twofactor/account_settings/pending_actions.py), and what was ``posted`` is posted again.
    """
    if not request.accepts("text/html"):
        return JsonResponse({"detail": "reauthentication_required"}, status=403)
    flows.begin_reauthentication(
        cast(SignedInRequest, request).user,
        purpose,
        session_hash=session_state.session_hash(request),
        path=path or request.path,
        **facts,
    )
    return redirect("reauthentication")
