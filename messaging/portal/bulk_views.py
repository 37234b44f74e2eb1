"""The page of what is done to several people: what will happen to whom, one proof, one result each."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.auth.decorators import administrators_only
from accounts.lists.pagination import LARGEST_ID
from accounts.models import User
from accounts.request.http import SignedInRequest
from accounts.users.filters import PeopleFilter, list_before
from messaging.portal import bulk
from twofactor.phone.forms import PhoneResetForm
from twofactor.reauthentication.decorators import reauthenticated


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
@reauthenticated("user.bulk")
def bulk_work(request: SignedInRequest) -> HttpResponseBase:
    """Show what will happen to whom, then do it and show the results (A-01, A-02, A-04)."""
    asked = request.POST if request.method == "POST" else request.GET
    if asked.get("action") == "revoke":  # of invitations, which stand in the same list
        return redirect(f"{reverse('invitations-revoke')}?{request.GET.urlencode()}")
    back = list_before(request)
    work = bulk.WORKS.get(asked.get("action", ""))
    people = _people(request, asked)
    if work is None or not people:
        messages.error(request, _("Choose at least one user, and what is to be done."))
        return redirect(back)
    form = PhoneResetForm(request.POST if request.method == "POST" else None) if work.asks_reason else None
    context: dict[str, Any] = {"work": work, "action": asked["action"], "form": form, "back": back}
    if request.method == "POST" and (form is None or form.is_valid()):
        reason = form.cleaned_data["reason"] if form else ""
        results = bulk.carry_out(work, people[: bulk.MOST], request.user, reason)
        done = sum(result.is_done for result in results)
        return render(request, "accounts/bulk_done.html", {**context, "results": results, "done": done})
    context |= {"outlook": bulk.outlook(work, people[: bulk.MOST], request.user), "filter": back.partition("?")[2]}
    context |= {"are_more": len(people) > bulk.MOST, "invitations_too": bool(asked.getlist("invitation"))}
    return render(request, "accounts/bulk.html", {**context, "most": bulk.MOST})


def _people(request: SignedInRequest, asked: QueryDict) -> list[User]:
    """Return who is meant, one more than are done at once where there are more: those ticked, or all of a filter.

    What is posted names everybody, in one field, for a form has a hundred at most: what was shown is what is done.
    """
    if request.method != "POST" and asked.get("all"):
        listing = PeopleFilter(asked, request.user.account).listing()
        found, _count = listing.look()
        return list(listing.order.of(found)[: bulk.MOST + 1])
    typed = ",".join(asked.getlist("person")).split(",")[: bulk.MOST + 1]
    ids = [int(text) for text in typed if text.isascii() and text.isdigit() and len(text) < 20]
    return bulk.chosen(request.user.account, [number for number in ids if number <= LARGEST_ID])
