"""The outbox page of the embedded default."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from messaging.delivery import outbox


@login_not_required
@require_safe
def show_outbox(request: HttpRequest) -> HttpResponse:
    """Show what the demo would have sent; 404 wherever something can really be sent."""
    if not settings.OUTBOX_ENABLED:
        raise Http404
    entries = list(outbox.entries())
    if request.accepts("text/html"):
        return render(request, "delivery/outbox.html", {"entries": entries})
    return JsonResponse(entries, safe=False)
