"""Which step of a pending sign-in a view is for."""

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

    One that still owes the password (R-09) comes to the one view that is there ``before_password``, and to no other.
    Opens the view in the gate (``login_not_required``): whoever comes without a pending sign-in is sent away here.
    """

    def decorate(view: PendingView) -> Any:
        @login_not_required
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            pending = session_state.pending_sign_in(request)
            if pending is None:
                return _send_away(request)
            if pending.needs_password is not before_password or not may_be_here(pending):
                return stop(request, waiting_page(pending))
            with about(pending.user):
                return view(request, pending)

        return guarded

    return decorate


def second_click_follows_the_first(view: PendingView) -> PendingView:
    """Answer a click that comes right after one that sent a token as that one was answered (F45).

    It sends nothing: its captcha is used up, or it runs into the cool-down. Only a form's own field tells that a
    person has clicked; programs are told the limit. Put it below ``pending_sign_in_at``.
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
        refused = clicked and response.status_code == 200  # a limit's answer, too: 429 is set by RefusalMiddleware
        refused = refused and not getattr(response, "is_next_page", False)
        return redirect("token") if refused and challenges.was_just_sent(pending) else response

    return sending


def _send_away(request: HttpRequest) -> HttpResponse:
    """Send the signed-in home (F46) and everybody else to the password, with a word why (F56)."""
    if request.user.is_authenticated:
        return stop(request, "home")
    messages.warning(request, error_messages.of(JourneyOver()))
    return stop(request, "sign-in")
