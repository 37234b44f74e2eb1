"""The outbox page of the embedded default, and what gateways report."""

import re

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from messaging.delivery import circuit, faults, gateways, outbox
from messaging.delivery.faults import Fault
from messaging.delivery.models import Message, State

# What Twilio says, and what it means for a message. Its earlier states tell us nothing new.
TWILIO_STATES = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
}
ERROR_CODE = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


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


@login_not_required
@csrf_exempt
@require_POST
def twilio_report(request: HttpRequest, message_id: int) -> HttpResponse:
    """Take Twilio's word on a message's fate: signed, forward only, and opening nothing (G-05, G-06)."""
    signature = request.headers.get("X-Twilio-Signature", "")
    if not gateways.twilio_signed(request.path, request.POST, signature):
        return HttpResponse(status=403)
    state = TWILIO_STATES.get(request.POST.get("MessageStatus", ""))
    if state:
        _take_report(message_id, state, request.POST)
    return HttpResponse(status=204)


def _take_report(message_id: int, state: State, fields: QueryDict) -> None:
    """Record what a report says; a fault of ours calls the operator, as it does at the moment of sending (F31)."""
    code = fields.get("ErrorCode", "")
    facts = {"gateway": "twilio", "gateway_id": "".join(filter(str.isalnum, fields.get("MessageSid", "")))[:64]}
    fault: Fault | None = None
    if state is State.FAILED and ERROR_CODE.fullmatch(code):
        fault = faults.of_twilio(int(code), 500)
        facts |= {"fault": fault, "error": f"twilio-{code}"}
    if Message.objects.report(message_id, state, **facts) and fault is Fault.OURS:
        circuit.note_failure("twilio", fault)
