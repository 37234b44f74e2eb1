"""Asking for the link to a new password. It is here because the captcha that may be due is in ``twofactor``."""

from typing import Any

from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordResetForm as DjangoPasswordResetForm
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from accounts.passwords import flows as passwords
from accounts.passwords.views import form_methods
from twofactor.exceptions import CaptchaRefused
from twofactor.forms import CaptchaForm


class PasswordResetForm(CaptchaForm, DjangoPasswordResetForm):
    """Queue the link instead of sending it inside the request; the answer is the same for every address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address")

    def save(self, **options: Any) -> None:  # type: ignore[override]
        """Queue a link for the person with this address. Raises CaptchaRefused where a captcha is due (B-03)."""
        passwords.request_password_reset(self.cleaned_data["email"], self.require_captcha)


@method_decorator(login_not_required, name="dispatch")
@form_methods
class PasswordReset(auth.PasswordResetView):
    """Ask for the link; the answer is the same for every address."""

    template_name = "accounts/password_reset.html"
    form_class = PasswordResetForm
    success_url = reverse_lazy("password-reset-sent")

    def form_valid(self, form: Any) -> HttpResponse:
        """Queue the link; a network address that has asked for many has to solve a captcha first."""
        try:
            return super().form_valid(form)
        except CaptchaRefused as refusal:
            form.refuse_captcha(refusal)
            return self.form_invalid(form)
