"""The pages of forgotten and changed passwords."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.exceptions import Limited
from accounts.passwords import flows as passwords
from accounts.passwords.forms import PasswordChangeForm, ResetForm
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


# Django's form views take PUT for POST; nothing of ours sends it.
form_methods = method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")


@method_decorator(login_not_required, name="dispatch")
class PasswordResetSent(auth.PasswordResetDoneView):
    """Say that the link is on its way, if the address is known."""

    template_name = "accounts/password_reset_sent.html"


@method_decorator(login_not_required, name="dispatch")
@form_methods
class PasswordResetConfirm(auth.PasswordResetConfirmView):
    """Choose the new password. Never signs in (R-05)."""

    template_name = "accounts/password_reset_confirm.html"
    form_class = ResetForm  # type: ignore[assignment]  # it has one field where Django's has two
    success_url = reverse_lazy("password-reset-done")
    post_reset_login = False


@method_decorator(login_not_required, name="dispatch")
class PasswordResetDone(auth.PasswordResetCompleteView):
    """Say that the password is changed."""

    template_name = "accounts/password_reset_done.html"
