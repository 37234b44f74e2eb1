"""The outbox page of the embedded default, and the addresses for gateways' reports."""

import json
import re
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from messaging.delivery import failure_reasons, flows, gateways, outbox
from messaging.delivery.flows import Report
from messaging.delivery.models import State

# Twilio's status, and the state of the message that it means. Its earlier ones are not needed.
TWILIO_STATES = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
}
# The same for Sinch. "Queued" is not needed, and "Unknown" means nothing.
SINCH_STATES = {
    "Dispatched": State.SENT,
    "Delivered": State.DELIVERED,
    **dict.fromkeys(("Aborted", "Cancelled", "Rejected", "Deleted", "Failed", "Expired"), State.FAILED),
}
ERROR_CODE = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


@login_not_required
@require_safe
def show_outbox(request: HttpRequest) -> HttpResponse:
    """Show the messages that the demo did not send; 404 wherever something can really be sent."""
    if not settings.OUTBOX_ENABLED:
        raise Http404
    entries = list(outbox.entries())
    if request.accepts("text/html"):
        return render(request, "delivery/outbox.html", {"entries": entries})
    return JsonResponse(entries, safe=False)


@login_not_required
@csrf_exempt
@require_POST
def twilio_report(request: HttpRequest, message_id: int, tries: int) -> HttpResponse:
    """Take Twilio's report on a message: signed, forward only, and opening nothing (G-05, G-06)."""
    fields = request.POST
    if not gateways.twilio_signed(request.path, fields, request.headers.get("X-Twilio-Signature", "")):
        return HttpResponse(status=403)
    state = TWILIO_STATES.get(fields.get("MessageStatus", ""))
    if state:
        code = fields.get("ErrorCode", "")
        known = state is State.FAILED and ERROR_CODE.fullmatch(code)
        fault = failure_reasons.of_twilio(int(code), 500) if known else None
        report = Report("twilio", fields.get("MessageSid", ""), state, code, fault)
        flows.take_report(message_id, tries, report)
    return HttpResponse(status=204)


@login_not_required
@csrf_exempt
@require_POST
def sinch_report(request: HttpRequest, signed: str) -> HttpResponse:
    """Take Sinch's report on a message: at an address that we signed, forward only, and opening nothing (G-06)."""
    call = gateways.sinch_call(signed)
    if call is None:
        return HttpResponse(status=403)
    fields = _json_object(request.body)
    status = str(fields.get("status"))
    state = SINCH_STATES.get(status)
    if state:
        code = fields.get("code")
        fault = failure_reasons.of_sinch(code, status) if state is State.FAILED else None
        report = Report("sinch", str(fields.get("batch_id", "")), state, str(code), fault)
        flows.take_report(*call, report)
    return HttpResponse(status=204)


def _json_object(body: bytes) -> dict[str, Any]:
    """Return the object that a gateway posted, or an empty one for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
