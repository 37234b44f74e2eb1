"""The portal's own error pages."""

import logging
import sys

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.utils.translation import get_language_from_request, override

from messaging.database import is_outage

logger = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds


def _page(request: HttpRequest, status: int) -> HttpResponse:
    """Return an error page in the reader's language. Django's own handlers would read the form again (W-05)."""
    with override(get_language_from_request(request)):
        return HttpResponse(get_template(f"{status}.html").render(), status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that cannot be read."""
    return _page(request, 400)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an unknown address."""
    return _page(request, 404)


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """Answer a method that an address does not take, with a page in place of Django's empty answer (W-06)."""
    response = _page(request, 405)
    response["Allow"] = allowed
    add_never_cache_headers(response)  # the answer that it replaces had them (S-11)
    return response


def broken(request: HttpRequest) -> HttpResponse:
    """Answer an exception that nobody caught: 503 when the database does not answer, else 500."""
    if not is_outage(sys.exception()):
        return _page(request, 500)
    if request.accepts("text/html"):
        response = render(request, "503.html", status=503)
    else:
        response = JsonResponse({"detail": "unavailable"}, status=503)
    response["Retry-After"] = str(RETRY_AFTER)
    add_never_cache_headers(response)
    return response


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that came without the right CSRF token."""
    logger.warning("csrf refused: %s", reason)
    if request.user.is_authenticated and request.path == reverse("sign-in"):
        # Signed in by another tab, or by the first of two submits: go on to the page they wanted (W-06).
        return redirect(f"{request.path}?{urlencode({'next': request.POST.get('next', '')})}")
    return render(request, "403_csrf.html", status=403)
