"""The portal's own error pages."""

import logging
import sys

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.defaults import server_error

from messaging.database import is_outage

logger = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds


def broken(request: HttpRequest) -> HttpResponse:
    """Answer what nobody caught, wherever it was raised: 503 when the database is not in service, else 500."""
    if not is_outage(sys.exception()):
        return server_error(request)
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
    return render(request, "403_csrf.html", status=403)
