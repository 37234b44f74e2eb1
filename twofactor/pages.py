"""Helpers of the pages of all journeys: reading a form, the context of a token, its delivery status."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.exceptions import Limited
from accounts.request.limited import limited
from messaging.delivery.models import Channel
from messaging.masking import mask_email
from twofactor import error_messages, phones
from twofactor.models import Challenge, Journey, Purpose
from twofactor.tokens import challenges

page = require_http_methods(["GET", "HEAD", "POST"])


def posted(request: HttpRequest) -> QueryDict | None:
    """Return the data for a form: the body of a POST, even an empty one, else nothing."""
    return request.POST if request.method == "POST" else None


def answer(
    request: HttpRequest, template: str, context: dict[str, Any], refusal: Limited | None = None
) -> HttpResponse:
    """Return a page; if its form reached a limit, with the wait (B-13). For programs the limit is raised."""
    refusal = refusal or getattr(context["form"], "limited", None)
    return limited(request, refusal, template, context) if refusal else render(request, template, context)


def token_context(journey: Journey, challenge: Challenge) -> dict[str, Any]:
    """Return the context of a token page: its destination, the seconds left, when another may be sent."""
    # A signed-in person who has just typed a new number sees it whole, so that a wrong digit can be noticed (P-09).
    typed_here = challenge.purpose == Purpose.CHANGE_PHONE
    hide = phones.pretty if typed_here else mask_email if challenge.channel == Channel.EMAIL else phones.mask
    return {
        "challenge": challenge,
        "masked_destination": hide(challenge.destination),
        "seconds_left": challenge.seconds_left,
        "attempts_left": settings.TOKEN_ATTEMPTS - challenge.attempts,
        "lifetime": settings.TOKEN_LIFETIME_SECONDS,
        "delivery_status": _delivery_status(challenge),
        "resend_in": challenges.cooldown(challenge, journey.sends),
    }


def _delivery_status(challenge: Challenge | None) -> error_messages.DeliveryStatus:
    if challenge is None:
        return error_messages.delivery_status(None)
    age = challenge.age.total_seconds()
    return error_messages.delivery_status(challenge.message, purpose=challenge.purpose, age=age)


def delivery_status_answer(journey: Journey | None) -> HttpResponse:
    """Return the delivery status of the last token's message of a journey."""
    challenge = Challenge.objects.shown(journey) if journey else None
    status = _delivery_status(challenge)
    return JsonResponse({"state": status.state, "text": status.text})
