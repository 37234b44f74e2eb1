"""Home, profile and passwords."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import flows, language, overview
from accounts.decorators import administrators_only, for_person_of_account
from accounts.forms import AppearanceForm, LogoForm, PasswordChangeForm, PasswordResetForm, ProfileForm
from accounts.http import SignedInRequest, kept_for_good
from accounts.models import Logo, User


@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """Show an administrator the state of the account, and everybody else their own."""
    if not request.user.is_administrator:
        return render(request, "accounts/home.html", overview.of_person(request.user))
    number = 30 if request.GET.get("dias") == "30" else 14
    return render(request, "accounts/home_account.html", overview.of_account(request.user.account, number))


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    """Show and change what a person says about themselves."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        response = redirect("profile")
        language.remember(response, user.language)
        with language.of(user):
            messages.success(request, _("Your profile was saved."))
        return response
    return render(request, "accounts/profile.html", {"form": form})


@administrators_only
@for_person_of_account
@require_POST
def user_sessions_end(request: SignedInRequest, person: User) -> HttpResponse:
    """End every session of a person of the account (S-12)."""
    flows.end_sessions(person, actor=request.user)
    messages.success(request, _("All sessions of %(person)s were ended.") % {"person": person.full_name})
    return redirect("user", person.pk)


@administrators_only
@require_POST
def appearance(request: SignedInRequest) -> HttpResponse:
    """Take the account's colour; a form that was not ours changes nothing."""
    form = AppearanceForm(request.POST)
    account = request.user.account
    if form.is_valid() and flows.set_accent(account, form.cleaned_data["accent"], actor=request.user):
        messages.success(request, _("The colour of your account was changed."))
    return redirect(reverse("account-settings") + "#appearance")


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def account_logo(request: SignedInRequest) -> HttpResponse:
    """Take the account's logo, or take it away."""
    form = LogoForm(request.POST, request.FILES) if request.method == "POST" else LogoForm()
    if form.is_valid():
        if flows.set_logo(request.user.account, form.cleaned_data["logo"], actor=request.user):
            messages.success(request, _("The logo of your account was changed."))
        return redirect("account-settings")
    return render(request, "accounts/logo.html", {"form": form})


@login_not_required
@require_safe
def logo(request: HttpRequest, name: str) -> HttpResponse:
    """Show a logo to whoever knows its name, half-way through a sign-in too; it is on a letterhead, no secret."""
    png = Logo.objects.filter(name=name).values_list("png", flat=True).first()
    if png is None:
        raise Http404
    return kept_for_good(HttpResponse(bytes(png), content_type="image/png"))


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password_change(request: SignedInRequest) -> HttpResponse:
    """Change one's own password; the other sessions end."""
    form = PasswordChangeForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        flows.change_password(request.user, form.cleaned_data["new_password1"])
        update_session_auth_hash(request, request.user)
        messages.success(request, _("Your password was changed."))
        return redirect("profile")
    return render(request, "accounts/password_change.html", {"form": form})


# Django's form views take PUT for POST; nothing of ours sends it.
form_methods = method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")


@method_decorator(login_not_required, name="dispatch")
@form_methods
class PasswordReset(auth.PasswordResetView):
    """Ask for the link; the answer is the same for every address."""

    template_name = "accounts/password_reset.html"
    form_class = PasswordResetForm
    success_url = reverse_lazy("password-reset-sent")


@method_decorator(login_not_required, name="dispatch")
class PasswordResetSent(auth.PasswordResetDoneView):
    """Say that the link is on its way, if the address is known."""

    template_name = "accounts/password_reset_sent.html"


class ResetForm(SetPasswordForm):
    """Set the password through the flow, which also tells the mailbox."""

    def save(self, commit: bool = True) -> Any:
        """Set the password; nobody is signed in by it (R-05)."""
        flows.change_password(self.user, self.cleaned_data["new_password1"], by_reset=True)
        return self.user


@method_decorator(login_not_required, name="dispatch")
@form_methods
class PasswordResetConfirm(auth.PasswordResetConfirmView):
    """Choose the new password. Never signs in (R-05)."""

    template_name = "accounts/password_reset_confirm.html"
    form_class = ResetForm
    success_url = reverse_lazy("password-reset-done")
    post_reset_login = False


@method_decorator(login_not_required, name="dispatch")
class PasswordResetDone(auth.PasswordResetCompleteView):
    """Say that the password is changed."""

    template_name = "accounts/password_reset_done.html"
