"""The portal's own error pages."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

logger = logging.getLogger(__name__)


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that came without the right CSRF token."""
    logger.warning("csrf refused: %s", reason)
    return render(request, "403_csrf.html", status=403)
