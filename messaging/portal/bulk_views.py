"""The page for an action for several people: what will happen to whom, one re-authentication, one result each."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.auth.decorators import administrators_only
from accounts.lists.pagination import ids_of
from accounts.models import User
from accounts.request.http import SignedInRequest
from accounts.users.filters import PeopleFilter, list_before
from messaging.portal import bulk
from twofactor.phone.forms import PhoneResetForm
from twofactor.reauthentication.decorators import reauthenticated


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
@reauthenticated("user.bulk")
def users_bulk(request: SignedInRequest) -> HttpResponseBase:
    """Show what will happen to whom, then do it and show the results (A-01, A-02, A-04)."""
    asked = request.POST if request.method == "POST" else request.GET
    if asked.get("action") == "revoke":  # invitations, which are in the same list
        return redirect(f"{reverse('invitations-revoke')}?{request.GET.urlencode()}")
    back = list_before(request)
    action = bulk.ACTIONS.get(asked.get("action", ""))
    people = _people(request, asked)
    if action is None or not people:
        messages.error(request, _("Choose at least one user, and what is to be done."))
        return redirect(back)
    form = PhoneResetForm(request.POST if request.method == "POST" else None) if action.asks_reason else None
    context: dict[str, Any] = {"action": action, "name": asked["action"], "form": form, "back": back}
    if request.method == "POST" and (form is None or form.is_valid()):
        reason = form.cleaned_data["reason"] if form else ""
        results = bulk.carry_out(action, people[: bulk.MAX_PEOPLE], request.user, reason)
        done = sum(result.is_done for result in results)
        return render(request, "accounts/bulk_done.html", {**context, "results": results, "done": done})
    context |= {
        "outlook": bulk.outlook(action, people[: bulk.MAX_PEOPLE], request.user),
        "filter": back.partition("?")[2],
    }
    context |= {"are_more": len(people) > bulk.MAX_PEOPLE, "invitations_too": bool(asked.getlist("invitation"))}
    return render(request, "accounts/bulk.html", {**context, "most": bulk.MAX_PEOPLE})


def _people(request: SignedInRequest, asked: QueryDict) -> list[User]:
    """Return the people that are ticked, or all of a filter; one more than the limit where there are more.

    The page posts everybody in one field, because a form may have a hundred fields: what was shown is what is done.
    """
    if request.method != "POST" and asked.get("all"):
        listing = PeopleFilter(asked, request.user.account).listing()
        found, _count = listing.find()
        return list(listing.order.of(found)[: bulk.MAX_PEOPLE + 1])
    return bulk.chosen(request.user.account, ids_of(asked.getlist("person"), bulk.MAX_PEOPLE + 1))
