"""Revoking invitations: one page that says what will happen, and a result for each."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.auth.decorators import administrators_only
from accounts.invitations import flows as invitations
from accounts.invitations.views import open_invitation, page
from accounts.lists.pagination import ids_of
from accounts.models import Invitation
from accounts.request.http import SignedInRequest
from accounts.users.filters import PeopleFilter, list_before

MAX_INVITATIONS = 200  # invitations a request: some seconds' work
RESULTS = {
    invitations.REVOKED: gettext_lazy("Revoked"),
    invitations.SETTLED: gettext_lazy("There is nothing to do: it was accepted or revoked before."),
    invitations.FAILED: gettext_lazy("This did not work, and nothing was changed. Try again."),
}


@administrators_only
@page
def invitation_revoke(request: SignedInRequest, invitation_id: int) -> HttpResponse:
    """Say what revoking an invitation does, then do it; the list stays filtered as it was (A-04)."""
    invitation = open_invitation(request, invitation_id)
    back = list_before(request)
    if request.method != "POST":
        action = reverse("invitation-revoke", args=[invitation.pk])
        return _ask(request, back, {"invitations": [invitation], "action": action})
    invitations.revoke(invitation, actor=request.user)
    said = _("The invitation of %(whom)s was revoked. Its link no longer works.")
    messages.success(request, said % {"whom": invitation.whom})
    return redirect(back)


@administrators_only
@page
def invitations_revoke(request: SignedInRequest) -> HttpResponse:
    """Say whose invitations would be revoked, then revoke them and show the result of each (A-01, A-04)."""
    asked = request.POST if request.method == "POST" else request.GET
    back, found = list_before(request), _chosen(request, asked)
    chosen = found[:MAX_INVITATIONS]
    if not chosen:
        messages.error(request, _("Choose at least one invitation, and what is to be done."))
        return redirect(back)
    if request.method == "POST":
        outcome = invitations.revoke_each(chosen, actor=request.user)
        results = [(invitation, became, RESULTS[became]) for invitation, became in outcome]
        done = sum(became == invitations.REVOKED for _invitation, became in outcome)
        return render(request, "accounts/invitations_revoked.html", {"results": results, "done": done, "back": back})
    facts = {
        "are_more": len(found) > MAX_INVITATIONS,
        "most": MAX_INVITATIONS,
        "people_too": bool(asked.getlist("person")),
    }
    return _ask(request, back, {"invitations": chosen, "action": reverse("invitations-revoke"), **facts})


def _ask(request: SignedInRequest, back: str, facts: dict[str, Any]) -> HttpResponse:
    context = {**facts, "back": back, "filter": back.partition("?")[2]}
    return render(request, "accounts/invitations_revoke.html", context)


def _chosen(request: SignedInRequest, asked: QueryDict) -> list[Invitation]:
    """Return the invitations that are ticked, or all open ones of a filter; one more than the limit if there are more.

    Ticked ones may have been settled meanwhile. The page posts all of them in one field: what was shown is what is
    done.
    """
    account = request.user.account
    if request.method != "POST" and asked.get("all"):
        return list(PeopleFilter(asked, account).listing().invitations.order_by("email")[: MAX_INVITATIONS + 1])
    mine = Invitation.objects.filter(account=account, pk__in=ids_of(asked.getlist("invitation"), MAX_INVITATIONS + 1))
    return list(mine.order_by("email"))
