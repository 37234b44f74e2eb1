"""The pages of invitations and reminders."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.auth.decorators import administrators_only
from accounts.invitations import flows as invitations
from accounts.invitations.forms import InviteForm
from accounts.lists import pagination
from accounts.models import Invitation, User
from accounts.request.http import SignedInRequest
from accounts.users import query as user_query
from accounts.users import reminders
from accounts.users.filters import list_before

KEPT = {invitations.INVALID, invitations.LIMITED}  # these lines stay in the field

page = require_http_methods(["GET", "HEAD", "POST"])


@administrators_only
@page
def invite(request: SignedInRequest) -> HttpResponse:
    """Invite one address or a pasted list, and report the result for each."""
    initial = {"language": request.user.language or request.LANGUAGE_CODE}
    form = InviteForm(request.POST if request.method == "POST" else None, initial=initial)
    context: dict[str, Any] = {"form": form, "at_once": invitations.AT_ONCE}
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data["addresses"]
        chosen = {name: form.cleaned_data[name] for name in ("language", "role")}
        outcome = invitations.invite(request.user.account, asked, actor=request.user, **chosen)
        context["report"] = list(outcome.items())
        context["sent"] = sum(found == invitations.SENT for found in outcome.values())
        refused = [_line(address, asked[address]) for address, found in outcome.items() if found in KEPT]
        context["form"] = InviteForm(initial={**chosen, "addresses": "\n".join(refused)})
    return render(request, "accounts/invite.html", context)


def _line(address: str, name: str) -> str:
    return f'"{name}" <{address}>' if name else address


def open_invitation(request: SignedInRequest, invitation_id: int) -> Invitation:
    """Return an open invitation of the account; another account's does not exist (A-04)."""
    return get_object_or_404(Invitation.objects.open().filter(account=request.user.account), pk=invitation_id)


@administrators_only
@require_POST
def invitation_resend(request: SignedInRequest, invitation_id: int) -> HttpResponse:
    """Send an invitation again; the list stays filtered as it was."""
    invitation = open_invitation(request, invitation_id)
    whom = {"whom": invitation.whom}
    if invitations.resend(invitation, actor=request.user):
        said = _("The invitation of %(whom)s was sent again. The link before no longer works.")
        messages.success(request, said % whom)
    else:
        said = _("Nothing was sent: %(whom)s already belongs to a user of your account.")
        messages.info(request, said % whom)
    return redirect(list_before(request))


@administrators_only
@page
def remind(request: SignedInRequest) -> HttpResponse:
    """Say to whom a reminder would go, and send it to all of them."""
    account = request.user.account
    if request.method == "POST":
        _say_count(request, reminders.remind(account, actor=request.user))
        return redirect("users")
    context = {
        "account": account,
        "without_factor": user_query.without_factor(account).count(),
        "due": pagination.count_of(reminders.due(account)),
        "counted": pagination.COUNTED,
    }
    return render(request, "accounts/remind.html", context)


@administrators_only
@require_POST
def remind_one(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Remind one person of the account."""
    person = get_object_or_404(User, account=request.user.account, pk=user_id)
    _say_count(request, reminders.remind(request.user.account, actor=request.user, user=person))
    return redirect("user", person.pk)


def _say_count(request: HttpRequest, count: int) -> None:
    if count:
        said = ngettext("%(count)d reminder is on its way.", "%(count)d reminders are on their way.", count)
        messages.success(request, said % {"count": count})
    else:
        messages.info(request, _("There was nobody to remind: whoever has no second step was reminded within a day."))
