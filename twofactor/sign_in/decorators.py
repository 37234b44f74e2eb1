"""Decorators of views: which step of a pending sign-in a view is for, and how a double click is answered."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.audit.record import about
from twofactor import error_messages, session_state
from twofactor.exceptions import JourneyOver, Limited
from twofactor.middleware import stop
from twofactor.models import PendingSignIn
from twofactor.sign_in.addresses import waiting_page
from twofactor.tokens import challenges

PendingView = Callable[[HttpRequest, PendingSignIn], HttpResponse]


def pending_sign_in_at(
    may_be_here: Callable[[PendingSignIn], bool], *, before_password: bool = False
) -> Callable[[PendingView], Any]:
    """Open a view to pending sign-ins for which ``may_be_here`` is true; others go to their own step.

    A pending sign-in that needs the password first (R-09) may open only the view marked ``before_password``.
    The view is open in the gate (``login_not_required``); a request without a pending sign-in is redirected here.
    ``next_page`` hands over the one that its request has begun or changed.
    """

    def decorate(view: PendingView) -> Any:
        @login_not_required
        @wraps(view)
        def guarded(request: HttpRequest, pending: PendingSignIn | None = None) -> HttpResponse:
            pending = pending or session_state.pending_sign_in(request)
            if pending is None:
                return _send_away(request)
            if pending.needs_password is not before_password or not may_be_here(pending):
                return stop(request, waiting_page(pending))
            with about(pending.user):
                return view(request, pending)

        return guarded

    return decorate


def second_click_follows_the_first(view: PendingView) -> PendingView:
    """Answer a click right after one that sent a token in the same way as that one (F45).

    The second click sends nothing: its captcha is used up, or the cooldown refuses it. The form's own field shows that
    a person clicked; programs get the limit. Put this decorator below ``pending_sign_in_at``.
    """

    @wraps(view)
    def sending(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
        clicked = request.method == "POST" and "csrfmiddlewaretoken" in request.POST
        try:
            response = view(request, pending)
        except Limited:
            if clicked and challenges.was_just_sent(pending):
                return redirect("token")
            raise
        refused = clicked and response.status_code == 200  # also a limit's answer: RefusalMiddleware sets its 429 later
        refused = refused and not getattr(response, "is_next_page", False)
        return redirect("token") if refused and challenges.was_just_sent(pending) else response

    return sending


def _send_away(request: HttpRequest) -> HttpResponse:
    """Redirect a signed-in person home (F46) and anybody else to the sign-in page, with a message why (F56)."""
    if request.user.is_authenticated:
        return stop(request, "home")
    messages.warning(request, error_messages.of(JourneyOver()))
    return stop(request, "sign-in")
