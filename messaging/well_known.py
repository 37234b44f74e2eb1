"""The fixed addresses that programs and people look for on every site (RFC 8615)."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

GOOD_FOR = timedelta(days=90)  # RFC 9116 recommends less than a year


@login_not_required
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Publish the security contact, if the operator has set one (RFC 9116)."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    now = datetime.now(UTC)  # noqa: TID251 (a year from about now)
    lines = {
        "Contact": settings.SECURITY_CONTACT,
        "Expires": f"{now + GOOD_FOR:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages": "pt, en, es",
        "Canonical": settings.PUBLIC_URL + reverse("security-txt"),
    }
    return HttpResponse(
        "".join(f"{name}: {value}\n" for name, value in lines.items()), content_type="text/plain; charset=utf-8"
    )


@login_not_required
@require_safe
def change_password(request: HttpRequest) -> HttpResponse:
    """Redirect password managers to the page where a password is changed (W3C)."""
    return redirect("password-change")
