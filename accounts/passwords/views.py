"""The pages of forgotten and changed passwords."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.generic.edit import FormView

from accounts.exceptions import Limited
from accounts.passwords import flows as passwords
from accounts.passwords.forms import PasswordChangeForm, ResetForm
from accounts.passwords.reset_links import reset_tokens
from accounts.request.http import SignedInRequest
from accounts.request.limited import limited


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password_change(request: SignedInRequest) -> HttpResponse:
    """Change one's own password; the other sessions end."""
    form = PasswordChangeForm(request.user, request.POST or None)
    try:
        is_right = request.method == "POST" and form.is_valid()
    except Limited as refusal:
        return limited(request, refusal, "accounts/password_change.html", {"form": form})
    if is_right:
        passwords.change_password(request.user, form.cleaned_data["new_password"])
        update_session_auth_hash(request, request.user)
        messages.success(request, _("Your password was changed."))
        return redirect("profile")
    return render(request, "accounts/password_change.html", {"form": form})


# Django's form views treat PUT as POST; none of our pages sends it.
form_methods = method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")


@method_decorator(login_not_required, name="dispatch")
class PasswordResetSent(auth.PasswordResetDoneView):
    """Say that the link was sent, if the address is known."""

    template_name = "accounts/password_reset_sent.html"


@method_decorator(login_not_required, name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
@form_methods
class PasswordResetConfirm(auth.PasswordResetConfirmView):
    """Choose the new password. Never signs in (R-05).

    Like Django's own view it takes the token out of the address, but into a cookie: a session would be a row of the
    database for each time that somebody opens their link, without end.
    """

    template_name = "accounts/password_reset_confirm.html"
    form_class = ResetForm  # type: ignore[assignment]  # it has one field where Django's has two
    success_url = reverse_lazy("password-reset-done")
    validlink = False  # read by the template

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the form for a good token in the cookie; redirect with the cookie for a good one in the address."""
        self.user, token = self.get_user(kwargs["uidb64"]), kwargs["token"]
        in_cookie = token == self.reset_url_token
        good = request.COOKIES.get(settings.RESET_COOKIE_NAME, "") if in_cookie else token
        self.validlink = reset_tokens.check_token(self.user, good)
        if not self.validlink:
            return self.render_to_response(self.get_context_data())
        if in_cookie:
            return FormView.dispatch(self, request, *args, **kwargs)
        response = redirect("password-reset-confirm", kwargs["uidb64"], self.reset_url_token)
        response.set_cookie(
            settings.RESET_COOKIE_NAME, token, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
        )
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password; the token is used up by that."""
        form.save()
        response = redirect(self.get_success_url())
        response.delete_cookie(settings.RESET_COOKIE_NAME, samesite="Lax")
        return response


@method_decorator(login_not_required, name="dispatch")
class PasswordResetDone(auth.PasswordResetCompleteView):
    """Say that the password is changed."""

    template_name = "accounts/password_reset_done.html"
