"""The pages of an account's audit log."""

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.formats import number_format
from django.views.decorators.http import require_safe

from accounts.audit import descriptions, grouping
from accounts.audit import query as audit_query
from accounts.audit.filters import AuditFilter
from accounts.auth.decorators import administrators_only
from accounts.lists import csv, pagination
from accounts.models import AuditEvent
from accounts.request import user_agents
from accounts.request.http import SignedInRequest


def shown_event(event: AuditEvent) -> dict[str, Any]:
    """Return an event as pages show it."""
    return {
        "event": event,
        "sentence": descriptions.describe_html(event),
        "refused": descriptions.was_refused(event),
        "browser": user_agents.named(event.user_agent),
    }


def _shown_line(line: grouping.Line) -> dict[str, Any]:
    return {**shown_event(line.event), "steps": [shown_event(step) for step in line.steps]}


@administrators_only
@require_safe
def audit(request: SignedInRequest) -> HttpResponseBase:
    """Show the events of the account, the newest first."""
    form = AuditFilter(request.GET, request.user.account)
    asked = form.audit_query()
    page = asked.page(pagination.Cursor.read(request.GET)) if asked else pagination.Page([])
    context = {
        "form": form,
        "page": page,
        "events": [_shown_line(line) for line in grouping.lines(page.rows)],
        "most": number_format(audit_query.MAX_EXPORTED, force_grouping=True),
    }
    return render(request, "accounts/audit.html", context)


@administrators_only
@require_safe
def audit_export(request: SignedInRequest) -> HttpResponseBase:
    """Export the filtered events; none when the filter cannot be read."""
    filters = AuditFilter(request.GET, request.user.account)
    asked = filters.audit_query()
    name = csv.file_name("audit", request.user.account.name, *filters.days)
    chunks = asked.export() if asked else []
    return csv.response(name, audit_query.head(), chunks, account=request.user.account)
