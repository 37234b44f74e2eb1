"""What an administrator does for a person of the account: each page says what will happen, and asks who it is."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import flows
from accounts.decorators import View, administrators_only, for_person_of_account
from accounts.exceptions import LastAdministrator
from accounts.http import SignedInRequest
from accounts.models import Role, User
from accounts.reauthentication import reauthenticated

page = require_http_methods(["GET", "HEAD", "POST"])


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to be done to a person, in words, and how it is done."""

    title: str
    points: list[str]
    button: str
    done: str
    act: Callable[[], bool]
    dangerous: bool = False
    basis: str = ""  # what it was made from, where the same button may mean its opposite a moment later


Planner = Callable[[User, User], Plan]


def action(purpose: str) -> Callable[[Planner], View]:
    """Make a page of a plan: shown and carried out after a fresh proof of who the administrator is (A-01, A-04)."""

    def make(planner: Planner) -> View:
        def view(request: SignedInRequest, person: User) -> HttpResponse:
            plan = planner(person, request.user)
            context = {"person": person, "plan": plan}
            if request.method == "POST" and request.POST.get("basis", plan.basis) != plan.basis:
                context["refusal"] = _("Somebody else has changed this meanwhile. Read again what will happen.")
            elif request.method == "POST":
                try:
                    changed = plan.act()
                except LastAdministrator:
                    context["refusal"] = _("Somebody has to run the account: make another person administrator first.")
                else:
                    messages.success(request, plan.done if changed else _("That was so already; nothing was changed."))
                    return redirect("user", person.pk)
            return render(request, "accounts/action.html", context)

        return administrators_only(for_person_of_account(page(reauthenticated(purpose)(view))))

    return make


@action("user.role")
def role(person: User, actor: User) -> Plan:
    """Make a member an administrator, or the other way round."""
    name = {"person": person.full_name}
    if person.is_administrator:
        return Plan(
            title=_("Make %(person)s a member") % name,
            points=[
                _("%(person)s can no longer see users, settings and audit, from the next click on.") % name,
                _("The phone and the password stay as they are."),
            ],
            button=_("Make a member"),
            done=_("%(person)s is a member now.") % name,
            act=lambda: flows.change_role(person, Role.MEMBER, actor=actor),
            dangerous=True,
            basis=person.role,
        )
    return Plan(
        title=_("Make %(person)s an administrator") % name,
        points=[
            _("%(person)s can invite, deactivate and unlock people, reset phones, and change how everybody signs in.")
            % name,
            _("That includes taking your own role away."),
        ],
        button=_("Make an administrator"),
        done=_("%(person)s is an administrator now.") % name,
        act=lambda: flows.change_role(person, Role.ADMINISTRATOR, actor=actor),
        basis=person.role,
    )


@action("user.deactivate")
def deactivate(person: User, actor: User) -> Plan:
    """Keep somebody out who has left."""
    name = {"person": person.full_name}
    return Plan(
        title=_("Deactivate %(person)s") % name,
        points=[
            _("%(person)s is signed out everywhere at once and can no longer sign in.") % name,
            _("Phone, history and audit are kept; you can let them in again at any time."),
        ],
        button=_("Deactivate"),
        done=_("%(person)s was deactivated.") % name,
        act=lambda: flows.deactivate_user(person, actor=actor),
        dangerous=True,
    )


@action("user.reactivate")
def reactivate(person: User, actor: User) -> Plan:
    """Let somebody in again who was deactivated."""
    name = {"person": person.full_name}
    return Plan(
        title=_("Reactivate %(person)s") % name,
        points=[_("%(person)s can sign in again, with the same password and the same phone as before.") % name],
        button=_("Reactivate"),
        done=_("%(person)s can sign in again.") % name,
        act=lambda: flows.reactivate_user(person, actor=actor),
    )


@action("user.unlock")
def unlock(person: User, actor: User) -> Plan:
    """Let somebody try again who was locked by too many wrong tokens, or by an objection."""
    name = {"person": person.full_name}
    return Plan(
        title=_("Unlock %(person)s") % name,
        points=[
            _("%(person)s can sign in again at once; the count of wrong tokens starts anew.") % name,
            _("Speak to them first: a lock can mean that somebody else knows their password."),
        ],
        button=_("Unlock"),
        done=_("%(person)s was unlocked.") % name,
        act=lambda: flows.unlock_user(person, actor=actor),
    )
