"""The pages of a person's open sessions (S-12)."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.auth import sessions as account_sessions
from accounts.request import user_agents
from accounts.request.http import SignedInRequest
from twofactor import session_state
from twofactor.reauthentication.decorators import reauthenticated


@require_safe
def sessions(request: SignedInRequest) -> HttpResponse:
    """List the person's sessions, this one first."""
    rows = [
        {"session": row, "here": session_state.is_here(request, row), "browser": user_agents.named(row.user_agent)}
        for row in account_sessions.open_sessions(request.user)
    ]
    rows.sort(key=lambda row: not row["here"])
    return render(request, "twofactor/sessions.html", {"rows": rows})


@require_POST
@reauthenticated("sessions.end", back="sessions")
def session_end(request: SignedInRequest, session_id: int) -> HttpResponse:
    """End one of the person's own sessions."""
    if not account_sessions.end_session(request.user, session_id):
        raise Http404
    messages.success(request, _("The session was ended."))
    return redirect("sessions")


@require_POST
@reauthenticated("sessions.end", back="sessions")
def sessions_end(request: SignedInRequest) -> HttpResponse:
    """End all of the person's sessions but this one."""
    account_sessions.end_sessions(request.user)
    session_state.keep_signed_in(request, request.user)
    messages.success(request, _("Your other sessions were ended."))
    return redirect("sessions")
