"""Inviting, and the page of an invitation's link, which makes a user and signs them in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import rate_limits
from accounts.auth.decorators import administrators_only
from accounts.exceptions import InvitationOver
from accounts.invitations import flows as invitations
from accounts.invitations.forms import JoinForm
from accounts.invitations.views import invite as invite_people
from accounts.invitations.views import page
from accounts.models import Role, User
from accounts.rate_limits import Window
from accounts.request import language
from twofactor import captcha
from twofactor.exceptions import CaptchaRefused
from twofactor.forms import GuardedForm
from twofactor.pages import answer
from twofactor.reauthentication.decorators import reauthenticated
from twofactor.sign_in.views import open_portal

JUDGED = 10  # new passwords for each captcha


def _asks_for_an_administrator(request: HttpRequest) -> bool:
    return request.POST.get("role") == Role.ADMINISTRATOR


# Inviting an administrator needs a re-authentication, as a change of role does.
invite = administrators_only(reauthenticated("user.invite", when=_asks_for_an_administrator)(invite_people))


class GuardedJoinForm(GuardedForm, JoinForm):
    """Joining, with the captcha: a person who invites robots has to solve one for each (B-11).

    It comes before the password is judged, which takes 0.14 s: whoever has a link could ask for that all day.
    """

    captcha_first = True

    def _judge(self, password: str) -> None:
        """Judge ten passwords for each captcha."""
        judged = Window(f"captcha {self.solved} judged", captcha.USED_SECONDS, JUDGED, "captcha")
        if any(usage.is_over_limit for usage in rate_limits.count([judged])):
            self.refuse_captcha(CaptchaRefused())
        else:
            super()._judge(password)

    def join(self) -> User:
        """Use the captcha and make the user. Raises CaptchaRefused and InvitationOver."""
        with transaction.atomic():
            captcha.use(self.solved)
            return invitations.accept(self.invitation, **self.facts)


@login_not_required
@sensitive_post_parameters()
@page
def join(request: HttpRequest, signed: str) -> HttpResponse:
    """Make the holder of an invitation's link a user, and sign them in (S-10)."""
    invitation = invitations.of_link(signed)
    if invitation is None:
        return render(request, "accounts/join_over.html")
    form = GuardedJoinForm(invitation, request.POST if request.method == "POST" else None)
    try:
        user = form.attempt(form.join) if request.method == "POST" else None
    except InvitationOver:
        return render(request, "accounts/join_over.html")
    if user:
        response = open_portal(request, user, resolve_url("home"))
        with language.of(user):
            messages.success(
                request, _("Welcome. Your login is %(login)s, or your e-mail address.") % {"login": user.username}
            )
        language.remember(response, user.language)
        return response
    return answer(request, "accounts/join.html", {"form": form, "invitation": invitation})
