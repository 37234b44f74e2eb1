"""The data kept about a person, as JSON: for themselves, and for an administrator of the account (R-13)."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from accounts.audit import descriptions
from accounts.auth.decorators import administrators_only, for_person_of_account
from accounts.models import AuditEvent, KnownDevice, Session, User
from accounts.request.http import SignedInRequest
from messaging.delivery.models import Message
from messaging.portal.erasure import messages_of
from twofactor.models import UNCONFIRMED, AppDevice, Challenge, OwnRecoveryCode, Passkey

MAX_EVENTS = 10_000  # the newest; "events" says how many there are


def kept_about(user: User, *, number: str) -> dict[str, Any]:
    """Return all data kept about a person. ``number`` is their phone, masked for another reader."""
    events = AuditEvent.objects.filter(Q(user=user) | Q(actor=user)).order_by("-pk")
    return {
        "user": {
            "number": user.pk,
            "account": user.account.name,
            "login": user.username,
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "role": user.role,
            "language": user.language,
            "is_active": user.is_active,
            "created_at": user.created_at,
            "last_sign_in": user.last_login,
        },
        "phone": number,
        "passkeys": list(
            Passkey.objects.filter(user=user).values("name", "aaguid", "is_synced", "confirmed_at", "last_used_at")
        ),
        "app": list(AppDevice.objects.filter(user=user).values("name", "confirmed_at", "last_used_at")),
        "recovery_codes": list(OwnRecoveryCode.objects.filter(user=user).values("issued_at", "used_at")),
        "sessions": list(Session.objects.filter(user=user).values("ip", "user_agent", "created_at", "seen_at")),
        "devices": list(KnownDevice.objects.filter(user=user).values("browser", "network", "seen_at")),
        "messages": list(_messages_shown(user).order_by("pk").values("channel", "kind", "created_at", "state")),
        "events_in_all": events.count(),
        "events": [_event(event, user) for event in events.select_related("user", "actor")[:MAX_EVENTS]],
    }


def _messages_shown(user: User) -> QuerySet[Message]:
    """Return the messages to a person, without the tokens to numbers and addresses that were typed and not confirmed.

    These may be anybody's. A token to somebody else's address is withheld, and so is one to a number that others have
    closed: a list of those that left would tell who has a login elsewhere (C-09, R-08).
    """
    typed = Challenge.objects.filter(user=user, purpose__in=UNCONFIRMED, verified_at__isnull=True)
    return messages_of(user).exclude(kind="token", subject_id__in=typed.values("pk"))


def _event(event: AuditEvent, user: User) -> dict[str, Any]:
    """Return an event, without the address and the browser of anybody else."""
    shown = {"at": event.at, "action": event.action, "what": descriptions.describe(event)}
    own = event.actor_id == user.pk
    return {**shown, "address": event.ip, "browser": event.user_agent} if own else shown


def _answer(request: HttpRequest, user: User, *, number: str) -> JsonResponse:
    answer = JsonResponse(kept_about(user, number=number), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="messaging-{user.pk}.json"'
    return answer


@require_safe
def own_data(request: SignedInRequest) -> JsonResponse:
    """Send a person their own data."""
    device = getattr(request.user, "phone_device", None)
    return _answer(request, request.user, number=device.number if device else "")


@administrators_only
@for_person_of_account
@require_safe
def data_of(request: SignedInRequest, person: User) -> JsonResponse:
    """Send an administrator the data of a person of the account; the phone is masked (P-09)."""
    device = getattr(person, "phone_device", None)
    return _answer(request, person, number=str(device) if device else "")
