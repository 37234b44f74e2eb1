"""The gate: closed by default, evaluated at every request, without a statement of its own."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.middleware import get_user
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.middleware import OTPMiddleware

from accounts.audit.actions import Action
from accounts.audit.thinning import record_thinned
from accounts.exceptions import Limited
from accounts.request.http import never_cache
from accounts.request.limited import limited
from messaging.database import is_conflict
from twofactor import session_state
from twofactor.factors import held
from twofactor.sign_in.addresses import safe_target, waiting_page

GetResponse = Callable[[HttpRequest], HttpResponse]


class FactorMiddleware(OTPMiddleware):
    """django-otp's ``user.is_verified()``, with the devices that were loaded with the user instead of a query.

    A device whose kind no longer counts verifies nothing, nor does one whose session was opened by such a kind in its
    place. The user is then set on the request without Django's two lazy proxies, through which each attribute costs six
    Python calls.
    """

    def _verify_user_sync(self, request: HttpRequest, user: Any) -> Any:
        request.user = user = get_user(request)
        self._init_user_fields(user)
        if user.is_authenticated and (known := request.session.get(DEVICE_ID_SESSION_KEY)):
            device = held.device_named(user, known) if session_state.still_counts(request, user) else None
            user.otp_device = self._finalize_device(request, user, device)
        return user


class RefusalMiddleware:
    """Answer the refusals that no form can show."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Make an answer that shows a limit a 429 with Retry-After, and record the limit (J-01)."""
        response = self.get_response(request)
        if refusal := getattr(response, "limited", None):
            _note(refusal)
            response.status_code = 429
            response["Retry-After"] = str(refusal.retry_after)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a limit that no page shows, and a transaction that lost a conflict twice (F20)."""
        if is_conflict(error):
            error = Limited(1, "conflict")
        if not isinstance(error, Limited):
            return None
        if request.accepts("text/html"):
            return limited(request, error, "429.html", {"back": _page_they_are_on(request)})
        response = JsonResponse({"detail": "limited", "retry_after": error.retry_after})
        response.limited = error  # type: ignore[attr-defined]
        return response


def _page_they_are_on(request: HttpRequest) -> str:
    """Return the page to go on with after a limit (B-13); empty where that is the sign-in page."""
    pending = None if request.user.is_authenticated else session_state.pending_sign_in(request)
    if pending:
        return reverse(waiting_page(pending))
    page = _page_to_return_to(request)
    return page if request.user.is_authenticated or page != reverse("home") else ""


def _note(error: Limited) -> None:
    """Record a limit that was reached; of many in a minute only their number (B-16)."""
    record_thinned(Action.LIMIT_HIT, user=error.user, about=error.scope, scope=error.scope)


class GateMiddleware:
    """Keep everybody without the second factor from a view, unless the view has ``login_not_required`` (S-01).

    The policy is read with the user at each request, so it is in force at once (S-05). Browsers and proxies may keep
    no page of the portal (S-11).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not getattr(response, "may_be_kept", False):
            never_cache(response)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Return the redirect to the pending step for a request that may not pass."""
        user: Any = request.user if getattr(view, "login_required", True) else None
        if user is None:
            return None
        if not user.is_authenticated:
            return self._stop_anonymous(request)
        if user.two_factor_required and not user.is_verified():
            return self._stop_open_session(request, user)
        return None

    def _stop_anonymous(self, request: HttpRequest) -> HttpResponse:
        if pending := session_state.pending_sign_in(request):
            return stop(request, waiting_page(pending))
        if not request.accepts("text/html"):
            return JsonResponse({"detail": "sign_in_required"}, status=403)
        target = _page_to_return_to(request)
        query = urlencode({"next": target})
        return redirect(f"{reverse('sign-in')}?{query}" if target != "/" else "sign-in")

    def _stop_open_session(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Turn a session that was open before the switch into a pending sign-in (S-05)."""
        target = _page_to_return_to(request)
        pending = session_state.turn_session_into_pending(request, user, target)
        messages.info(request, _("Your account now asks for a second step. It takes less than a minute."))
        return stop(request, waiting_page(pending))


def _page_to_return_to(request: HttpRequest) -> str:
    """Return an address that takes a GET: the requested one, else the page of the posted form, else home (W-06)."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    referrer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referrer, {request.get_host()}, request.is_secure()):
        page = urlsplit(referrer)
        return safe_target(request, f"{page.path}?{page.query}" if page.query else page.path)
    return reverse("home")


def stop(request: HttpRequest, where: str) -> HttpResponse:
    """Answer a request that may not pass: the page of the pending step for people, 403 for programs."""
    if request.accepts("text/html"):
        return redirect(where)
    return JsonResponse({"detail": "second_factor_required"}, status=403)
