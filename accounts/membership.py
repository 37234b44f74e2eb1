"""How people come into an account: invitations, reminders, and the page of the link."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import invitations, language, pages, people, reminders
from accounts.decorators import administrators_only
from accounts.exceptions import InvitationOver
from accounts.forms import InviteForm, JoinForm
from accounts.http import SignedInRequest
from accounts.models import Invitation, User

page = require_http_methods(["GET", "HEAD", "POST"])


@administrators_only
@page
def invite(request: SignedInRequest) -> HttpResponse:
    """Invite addresses, one or a pasted list, and report what became of each."""
    initial = {"language": request.user.language or request.LANGUAGE_CODE}
    form = InviteForm(request.POST if request.method == "POST" else None, initial=initial)
    context: dict[str, Any] = {"form": form, "at_once": invitations.AT_ONCE}
    if request.method == "POST" and form.is_valid():
        asked, chosen = form.cleaned_data["addresses"], form.cleaned_data["language"]
        outcome = invitations.invite(request.user.account, asked, actor=request.user, language=chosen)
        context["report"] = list(outcome.items())
        context["sent"] = sum(found == invitations.SENT for found in outcome.values())
        context["form"] = InviteForm(initial={"language": chosen})
    return render(request, "accounts/invite.html", context)


def _invitation(request: SignedInRequest, invitation_id: int) -> Invitation:
    """Return an open invitation of the account; another account's does not exist (A-04)."""
    return get_object_or_404(Invitation.objects.open().filter(account=request.user.account), pk=invitation_id)


@administrators_only
@require_POST
def invitation_resend(request: SignedInRequest, invitation_id: int) -> HttpResponse:
    """Send an invitation again."""
    invitation = _invitation(request, invitation_id)
    invitations.resend(invitation, actor=request.user)
    messages.success(request, _("The invitation was sent again. The link before no longer works."))
    return redirect("users")


@administrators_only
@require_POST
def invitation_revoke(request: SignedInRequest, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""
    invitations.revoke(_invitation(request, invitation_id), actor=request.user)
    messages.success(request, _("The invitation was revoked. Its link no longer works."))
    return redirect("users")


@administrators_only
@page
def remind(request: SignedInRequest) -> HttpResponse:
    """Say whom a reminder would go to, and send it to all of them."""
    account = request.user.account
    if request.method == "POST":
        _tell_count(request, reminders.remind(account, actor=request.user))
        return redirect("users")
    context = {
        "account": account,
        "without_phone": people.without_phone(account).count(),
        "due": pages.count_of(reminders.due(account)),
        "counted": pages.COUNTED,
    }
    return render(request, "accounts/remind.html", context)


@administrators_only
@require_POST
def remind_one(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Remind one person of the account."""
    person = get_object_or_404(User, account=request.user.account, pk=user_id)
    _tell_count(request, reminders.remind(request.user.account, actor=request.user, user=person))
    return redirect("user", person.pk)


def _tell_count(request: HttpRequest, count: int) -> None:
    if count:
        said = ngettext("%(count)d reminder is on its way.", "%(count)d reminders are on their way.", count)
        messages.success(request, said % {"count": count})
    else:
        messages.info(request, _("There was nobody to remind: whoever has no phone was reminded within a day."))


@login_not_required
@sensitive_post_parameters()
@page
def join(request: HttpRequest, signed: str) -> HttpResponse:
    """Make whoever holds the link of an invitation a user. Signs nobody in (S-10)."""
    invitation = invitations.of_link(signed)
    if invitation is None:
        return render(request, "accounts/join_over.html")
    form = JoinForm(invitation, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            user = invitations.accept(invitation, **form.facts)
        except InvitationOver:
            return render(request, "accounts/join_over.html")
        response = render(request, "accounts/join_done.html", {"person": user})
        language.remember(response, user.language)
        return response
    return render(request, "accounts/join.html", {"form": form, "invitation": invitation})
