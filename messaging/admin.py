"""The operators' site: the Django admin, behind the portal's own two-step sign-in."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _


class OperatorSite(AdminSite):
    """Admit active operators whose session is verified by a second factor, and nobody else (S-10)."""

    site_title = site_header = _("Messaging operators")

    def has_permission(self, request: HttpRequest) -> bool:
        """Tell who may open the site.

        A NUL in a filter is refused here with 400: Django would pass it to PostgreSQL, which raises an error for it.
        """
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("NUL in the query")
        user: Any = request.user
        return super().has_permission(request) and user.is_verified()

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        """Redirect to the portal's own page: passwords are changed there, audited and notified."""
        return redirect("password-change")

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the portal's sign-in page; the admin's own is not used."""
        if request.user.is_authenticated:
            raise PermissionDenied
        query = urlencode({"next": request.GET.get("next") or reverse("admin:index")})
        return redirect(f"{reverse('sign-in')}?{query}")
