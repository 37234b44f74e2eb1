"""The gate: closed by default, read at every request, and it costs no statement."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.middleware import OTPMiddleware

from accounts import audit, budgets, origin
from accounts.exceptions import Limited
from messaging.database import is_conflict
from twofactor import session

MINUTE = 60  # seconds
NOTES_A_MINUTE = 10  # of one limit of one person, or of one address

GetResponse = Callable[[HttpRequest], HttpResponse]


class PhoneMiddleware(OTPMiddleware):
    """django-otp's ``user.is_verified()``, with the device that came with the user instead of a query of its own."""

    def _verify_user_sync(self, request: HttpRequest, user: Any) -> Any:
        self._init_user_fields(user)
        if user.is_authenticated and (known := request.session.get(DEVICE_ID_SESSION_KEY)):
            device = getattr(user, "phone_device", None)
            matching = device if device and device.persistent_id == known else None
            user.otp_device = self._finalize_device(request, user, matching)
        return user


class RefusalMiddleware:
    """Answer the refusals that no form can answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn a limit into 429 with Retry-After, written down (J-01); so a transaction that lost twice (F20)."""
        if is_conflict(error):
            error = Limited(1, "conflict")
        if not isinstance(error, Limited):
            return None
        _note(error)
        context = {"retry_after": error.retry_after}
        if request.accepts("text/html"):
            response = render(request, "429.html", context, status=429)
        else:
            response = JsonResponse({"detail": "limited", **context}, status=429)
        response["Retry-After"] = str(error.retry_after)
        return response


def _note(error: Limited) -> None:
    """Write a limit down; of whoever keeps running into it ten times a minute, or a robot would fill the trail."""
    who = error.user.pk if error.user else budgets.network(origin.current.get().ip)
    (notes,) = budgets.spend([budgets.Window(f"limit.hit {error.scope} {who}", MINUTE, NOTES_A_MINUTE, "limit.hit")])
    if not notes.is_overdrawn:
        audit.record("limit.hit", user=error.user, scope=error.scope)


class GateMiddleware:
    """Let nobody without the second factor near a view, unless the view wears ``login_not_required`` (S-01).

    The policy is read with the user at each request, so it is in force at once (S-05). Nothing behind the
    portal's door may be kept by a browser or a proxy (S-11).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "immutable" not in response.get("Cache-Control", ""):
            add_never_cache_headers(response)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Return the way to the pending step for whoever may not pass yet."""
        user: Any = request.user if getattr(view, "login_required", True) else None
        if user is None:
            return None
        if not user.is_authenticated:
            return self._stop_stranger(request)
        if user.two_factor_required and not user.is_verified():
            return self._stop_open_session(request, user)
        return None

    def _stop_stranger(self, request: HttpRequest) -> HttpResponse:
        if pending := session.pending_sign_in(request):
            return stop(request, pending.step)
        if not request.accepts("text/html"):
            return JsonResponse({"detail": "sign_in_required"}, status=403)
        query = urlencode({"next": request.get_full_path()})
        return redirect(f"{reverse('sign-in')}?{query}" if request.path != "/" else "sign-in")

    def _stop_open_session(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Turn a session that was open before the switch into a pending sign-in (S-05)."""
        target = request.get_full_path() if request.method == "GET" else reverse("home")
        pending = session.hold_sign_in(request, user, target)
        messages.info(request, _("Your account now asks for a second step. It takes less than a minute."))
        return stop(request, pending.step)


def stop(request: HttpRequest, step: str) -> HttpResponse:
    """Answer a request that may not pass yet: the pending step for people, 403 for programs."""
    if request.accepts("text/html"):
        return redirect(step)
    return JsonResponse({"detail": "second_factor_required"}, status=403)
