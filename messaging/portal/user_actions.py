"""An administrator's actions for a person of the account: each page says what will happen, and re-authenticates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.auth import sessions as account_sessions
from accounts.auth.decorators import View, administrators_only, for_person_of_account
from accounts.exceptions import LastAdministrator, Limited
from accounts.models import Role, User
from accounts.passwords import flows as passwords
from accounts.request.http import SignedInRequest
from accounts.request.limited import limited
from accounts.users import flows as users
from messaging.portal import erasure
from twofactor import recovery
from twofactor.pages import page
from twofactor.reauthentication.decorators import reauthenticated


@dataclass(frozen=True, slots=True)
class Plan:
    """An action that is about to be done for a person: its texts, and how it is done."""

    title: str
    points: list[str]
    button: str
    done: str
    act: Callable[[], bool]
    dangerous: bool = False
    has_code: bool = False  # at the end a recovery code is shown, once, where the person needs one
    basis: str = ""  # the state that it was made for, where the same button may mean its opposite a moment later


Planner = Callable[[User, User], Plan]


def action(purpose: str) -> Callable[[Planner], View]:
    """Make a page of a plan; its last click asks the administrator to re-authenticate (A-01, A-04, R-12)."""

    def make(planner: Planner) -> View:
        def view(request: SignedInRequest, person: User) -> HttpResponse:
            plan = planner(person, request.user)
            context: dict[str, Any] = {"person": person, "plan": plan}
            if request.method == "POST" and request.POST.get("basis", plan.basis) != plan.basis:
                context["refusal"] = _("Somebody else has changed this meanwhile. Read again what will happen.")
            elif request.method == "POST":
                try:
                    return _carry_out(request, context)
                except Limited as refusal:
                    return limited(request, refusal, "accounts/action.html", context)
                except LastAdministrator:
                    context["refusal"] = _("Somebody has to run the account: make another person administrator first.")
            return render(request, "accounts/action.html", context)

        return administrators_only(for_person_of_account(page(reauthenticated(purpose)(view))))

    return make


def _carry_out(request: SignedInRequest, context: dict[str, Any]) -> HttpResponse:
    """Do what was planned; show the recovery code if there is one, else redirect to the person."""
    person, plan = context["person"], context["plan"]
    changed = plan.act()
    if plan.has_code and (code := recovery.issue_if_wanted(person, actor=request.user)):
        return render(request, "accounts/recovery_code.html", {**context, "code": code})
    messages.success(request, plan.done if changed else _("That was so already; nothing was changed."))
    return redirect("user", person.pk)


@action("user.role")
def role(person: User, actor: User) -> Plan:
    """Make a member an administrator, or the other way round."""
    name = {"person": person.full_name}
    if person.is_administrator:
        return Plan(
            title=_("Make %(person)s a member") % name,
            points=[
                _("%(person)s can no longer see users, settings and audit, from the next click on.") % name,
                _("The second step and the password stay as they are."),
            ],
            button=_("Make a member"),
            done=_("%(person)s is a member now.") % name,
            act=lambda: users.change_role(person, Role.MEMBER, actor=actor),
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
        act=lambda: users.change_role(person, Role.ADMINISTRATOR, actor=actor),
        basis=person.role,
    )


@action("user.deactivate")
def deactivate(person: User, actor: User) -> Plan:
    """Deactivate a person who has left."""
    name = {"person": person.full_name}
    return Plan(
        title=_("Deactivate %(person)s") % name,
        points=[
            _("%(person)s is signed out everywhere at once and can no longer sign in.") % name,
            _("Second step, history and audit are kept; you can let them in again at any time."),
        ],
        button=_("Deactivate"),
        done=_("%(person)s was deactivated.") % name,
        act=lambda: users.deactivate_user(person, actor=actor),
        dangerous=True,
    )


@action("user.reactivate")
def reactivate(person: User, actor: User) -> Plan:
    """Reactivate a person who was deactivated."""
    name = {"person": person.full_name}
    return Plan(
        title=_("Reactivate %(person)s") % name,
        points=[_("%(person)s can sign in again, with the same password and the same second step as before.") % name],
        button=_("Reactivate"),
        done=_("%(person)s can sign in again.") % name,
        act=lambda: users.reactivate_user(person, actor=actor),
    )


@action("user.erase")
def erase(person: User, actor: User) -> Plan:
    """Erase a person who has left, for good (R-13)."""
    if person.is_active:
        raise Http404
    name = {"person": person.full_name}
    return Plan(
        title=_("Erase %(person)s") % name,
        points=[
            _("Name, login, e-mail address, phone, sessions, devices and messages are deleted. There is no way back."),
            _("The audit keeps what happened, and says “removed person #%(number)s” in place of the name.")
            % {"number": person.pk},
            _("Does the person want to know what is kept about them? Download it first, on their page."),
        ],
        button=_("Erase for good"),
        done=_("The person was erased."),
        act=lambda: erasure.erase(person, actor=actor),
        dangerous=True,
    )


@action("user.unlock")
def unlock(person: User, actor: User) -> Plan:
    """Unlock a person who was locked by too many wrong tokens, or by a disavowal."""
    name = {"person": person.full_name}
    return Plan(
        title=_("Unlock %(person)s") % name,
        points=[
            _(
                "%(person)s can sign in again at once; the counts of wrong tokens, passwords and numbers start again "
                "from zero."
            )
            % name,
            recovery.warning(person)
            or _("Speak to them first: a lock can mean that somebody else knows their password."),
            *_of_code(person),
        ],
        button=_("Unlock"),
        has_code=True,
        done=_("%(person)s was unlocked.") % name,
        act=lambda: users.unlock_user(person, actor=actor),
    )


def _of_code(person: User) -> list[str]:
    if not person.wants_recovery_code:
        return []
    return [_("You then see a recovery code, once: read it to them, and they set up a second step with it.")]


@action("user.recovery_code")
def recovery_code(person: User, actor: User) -> Plan:
    """Make a recovery code for a person who cannot set up a second step by the mailbox (R-10)."""
    if not (person.may_sign_in and person.wants_recovery_code):
        raise Http404
    name = {"person": person.full_name}
    return Plan(
        title=_("A recovery code for %(person)s") % name,
        points=[
            recovery.warning(person) or _("Make sure that it is really them who asks: call them, or meet them."),
            *_of_code(person),
            _("It works once and for 24 hours; the one before no longer does. They and the administrators are told."),
        ],
        button=_("Show the code"),
        done="",
        act=lambda: True,
        has_code=True,
    )


@action("user.password")
def password(person: User, actor: User) -> Plan:
    """Send a person the link to a new password; a person who cannot sign in has to be unlocked first."""
    if not person.may_sign_in:
        raise Http404
    name = {"person": person.full_name}
    return Plan(
        title=_("Reset the password of %(person)s") % name,
        points=[
            _("An e-mail with a link goes to %(address)s. The link works for one hour and once.")
            % {"address": person.email},
            _("You see neither the link nor the password. Today's password goes on until another one is chosen."),
            _("Then all sessions end, and the next second step is not by e-mail: the mailbox alone is not enough."),
        ],
        button=_("Send the link"),
        done=_("The link to a new password is on its way."),
        act=lambda: passwords.send_password_reset(person, actor=actor),
    )


@administrators_only
@for_person_of_account
@require_POST
def user_sessions_end(request: SignedInRequest, person: User) -> HttpResponse:
    """End every session of a person of the account (S-12)."""
    account_sessions.end_sessions(person, actor=request.user)
    messages.success(request, _("All sessions of %(person)s were ended.") % {"person": person.full_name})
    return redirect("user", person.pk)
