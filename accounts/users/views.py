"""The list of an account's people, and the page of one."""

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.audit import descriptions
from accounts.audit import query as audit_query
from accounts.audit.actions import Action
from accounts.audit.views import shown_event
from accounts.auth.decorators import administrators_only
from accounts.lists import csv, pagination
from accounts.models import AuditEvent, User
from accounts.request.http import SignedInRequest
from accounts.users import limits as own_limits
from accounts.users import query as user_query
from accounts.users.filters import PeopleFilter


@administrators_only
@require_safe
def users(request: SignedInRequest) -> HttpResponseBase:
    """List the people of the account, with the invited ones at the top of the first page."""
    form = PeopleFilter(request.GET, request.user.account)
    listing = form.listing()
    cursor = pagination.Cursor.read(request.GET)
    context = {
        "form": form,
        "sort": listing.sort,
        "sort_links": _sort_links(form, listing.sort),
        "account": request.user.account,
        **_invited(listing, cursor),
    }
    if listing.state != "invited":
        found, count = listing.find()
        context["page"] = pagination.page_of([found], listing.scope, listing.order, cursor)
        context["count"], context["counted"] = count, pagination.COUNTED
    return render(request, "accounts/users.html", context)


def _sort_links(form: PeopleFilter, sort: str) -> dict[str, str]:
    """Return the addresses of the headings: another click reverses the order. The latest sign-in comes first."""
    first = {"name": "name", "seen": "-seen"}
    turned = {"name": "-name", "-seen": "seen"}
    return {key: form.query_with(sort=turned[way] if sort == way else way) for key, way in first.items()}


def _invited(listing: user_query.Listing, cursor: pagination.Cursor | None) -> dict[str, object]:
    """Return the invitations: a page of them if the filter asks for them, else the first few."""
    if listing.state == "invited":
        page = pagination.page_of([listing.invitations], listing.all_invitations, pagination.Order("email"), cursor)
        count = pagination.count_of(listing.invitations)
        return {"page": page, "invitations": page.rows, "invited": count, "counted_invitations": pagination.COUNTED}
    few = list(listing.invitations.order_by("email")[: user_query.INVITATIONS_ON_TOP + 1]) if cursor is None else []
    shown = few[: user_query.INVITATIONS_ON_TOP]
    found = {"invited": len(few), "counted_invitations": user_query.INVITATIONS_ON_TOP}
    return {"invitations": shown, "more_invitations": len(few) > len(shown), **found}


@administrators_only
@require_safe
def users_export(request: SignedInRequest) -> HttpResponseBase:
    """Export the list as it is filtered."""
    listing = PeopleFilter(request.GET, request.user.account).listing()
    name = csv.file_name("users", request.user.account.name)
    return csv.response(name, user_query.head(), listing.export(), account=request.user.account)


# The names of a person's limits, for the administrator who helps them (B-05).
LIMIT_NAMES = {
    "password_known": _("Wrong passwords in a browser that they use: it counts as a new one"),
    "password_from_address": _("Wrong passwords from one address, in a browser that is not known"),
    "password_anywhere": _("A hundred wrong passwords in new browsers: a new browser needs the link from the mailbox"),
    "password": _("Wrong passwords in new browsers: a new browser is asked for a captcha"),
    "reauthentication": _("Wrong passwords while signed in"),
    "token_known": _("Wrong tokens in a browser that they use"),
    "recovery": _("Wrong recovery codes"),
    "user": _("Tokens asked for"),
    "user_sms": _("Tokens asked for by SMS"),
    "user_email": _("Tokens asked for by e-mail"),
    "person": _("SMS of a day: none is left, e-mail stays"),
    "phone": _("SMS to their phone"),
    "mailbox": _("E-mails with tokens to their mailbox"),
    "numbers": _("Different phone numbers tried"),
    "phone_typed": _("Others have typed their number too often: no token is sent to it"),
    "mailbox_typed": _("Others have typed their new address too often: no token is sent to it"),
    "prefix": _("Too few tokens of numbers like theirs were typed: no token is sent to them"),
    "country": _("Too few tokens of their country were typed: no token is sent there"),
    "address": _("Too few tokens that were asked for at their address were typed"),
    "links": _("Links to a new password sent to their mailbox"),
    "browser_links": _("Links that make a browser known sent to their mailbox"),
}


@administrators_only
@require_safe
def user(request: SignedInRequest, user_id: int) -> HttpResponseBase:
    """Show a person of the account and what can be done for them."""
    person = get_object_or_404(user_query.of(request.user.account), pk=user_id)
    person.account = request.user.account
    events = audit_query.AuditQuery(request.user.account, people=[person.pk]).page(None).rows[:5]
    context = {
        "person": person,
        "events": [shown_event(event) for event in events],
        "account": request.user.account,
        "lock_reason": _lock_reason(person),
        "limits_reached": [(LIMIT_NAMES[each.scope], each.until) for each in own_limits.reached(person)],
    }
    return render(request, "accounts/user.html", context)


def _lock_reason(person: User) -> str:
    """Return the sentence of the event that has locked a person until an administrator acts; else an empty text."""
    if person.locked_at is None:
        return ""
    locked = AuditEvent.objects.notable().filter(account=person.account_id, user=person, action=Action.USER_LOCKED)
    event = locked.select_related("user", "actor").order_by("-pk").first()
    return descriptions.describe(event) if event else ""
