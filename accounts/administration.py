"""The lists that an administrator runs the account by: people, and what was done."""

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.formats import number_format
from django.views.decorators.http import require_safe

from accounts import browsers, exports, pages, people, sentences, trail
from accounts.decorators import administrators_only
from accounts.filters import AuditFilter, PeopleFilter
from accounts.http import SignedInRequest
from accounts.models import AuditEvent


@administrators_only
@require_safe
def users(request: SignedInRequest) -> HttpResponseBase:
    """List the people of the account, and on top of the first page who is invited."""
    form = PeopleFilter(request.GET, request.user.account)
    listing = form.listing()
    cursor = pages.Cursor.read(request.GET)
    context = {
        "form": form,
        "sort": listing.sort,
        "sort_links": _sort_links(form, listing.sort),
        "account": request.user.account,
        **_invited(listing, cursor),
    }
    if listing.state != "invited":
        found, count = listing.look()
        context["page"] = pages.page_of([found], listing.scope, listing.order, cursor)
        context["count"], context["counted"] = count, pages.COUNTED
    return render(request, "accounts/users.html", context)


def _sort_links(form: PeopleFilter, sort: str) -> dict[str, str]:
    """Return where the headings lead: another click turns the order round. The latest sign-in comes first."""
    first = {"name": "name", "seen": "-seen"}
    turned = {"name": "-name", "-seen": "seen"}
    return {key: form.query_with(sort=turned[way] if sort == way else way) for key, way in first.items()}


def _invited(listing: people.Listing, cursor: pages.Cursor | None) -> dict[str, object]:
    """Return the invitations: a page of them where they were asked for, else the first few."""
    if listing.state == "invited":
        page = pages.page_of([listing.invitations], listing.all_invitations, pages.Order("email"), cursor)
        count = pages.count_of(listing.invitations)
        return {"page": page, "invitations": page.rows, "count": count, "counted": pages.COUNTED}
    few = list(listing.invitations.order_by("email")[: people.INVITATIONS_ON_TOP + 1]) if cursor is None else []
    shown = few[: people.INVITATIONS_ON_TOP]
    return {"invitations": shown, "more_invitations": len(few) > len(shown)}


@administrators_only
@require_safe
def users_export(request: SignedInRequest) -> HttpResponseBase:
    """Send the list, as it is filtered, as a table."""
    listing = PeopleFilter(request.GET, request.user.account).listing()
    return exports.response("users", people.head(), listing.export())


@administrators_only
@require_safe
def user(request: SignedInRequest, user_id: int) -> HttpResponseBase:
    """Show a person of the account and what can be done for them."""
    person = get_object_or_404(people.of(request.user.account), pk=user_id)
    events = trail.Trail(request.user.account, person=person).page(None).rows[:5]
    context = {"person": person, "events": [_shown(event) for event in events], "account": request.user.account}
    return render(request, "accounts/user.html", context)


def _shown(event: AuditEvent) -> dict[str, Any]:
    """Return an event as pages show it."""
    return {
        "event": event,
        "sentence": sentences.sentence_html(event),
        "refused": sentences.was_refused(event),
        "browser": browsers.named(event.user_agent),
    }


@administrators_only
@require_safe
def audit(request: SignedInRequest) -> HttpResponseBase:
    """Show what was done in the account, the newest first."""
    form = AuditFilter(request.GET, request.user.account)
    asked = form.trail()
    page = asked.page(pages.Cursor.read(request.GET)) if asked else pages.Page([])
    context = {
        "form": form,
        "page": page,
        "events": [_shown(event) for event in page.rows],
        "most": number_format(trail.MOST, force_grouping=True),
    }
    return render(request, "accounts/audit.html", context)


@administrators_only
@require_safe
def audit_export(request: SignedInRequest) -> HttpResponseBase:
    """Send the events, as they are filtered, as a table; none when the filter cannot be read."""
    asked = AuditFilter(request.GET, request.user.account).trail()
    return exports.response("audit", trail.head(), asked.export() if asked else [])
