"""The disavowal link "it was not me" in notices about devices and sign-ins: signed, good for seven days, POST only."""

from django.conf import settings
from django.core import signing
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit.actions import Action
from accounts.models import AuditEvent

SALT = "twofactor.objections"
LIFETIME_SECONDS = 7 * 86_400
CONTESTABLE = (
    Action.PHONE_ENROLLED,
    Action.PHONE_CHANGED,
    Action.APP_ENROLLED,
    Action.APP_REPLACED,
    Action.PASSKEY_ADDED,
    Action.SIGN_IN_NEW_PLACE,
)


def link(event: AuditEvent) -> str:
    """Return the address by which the reader of a notice may disavow the event (R-03)."""
    return settings.PUBLIC_URL + reverse("not-me", args=[signing.dumps(event.pk, salt=SALT)])


def button(event: AuditEvent) -> dict[str, str]:
    """Return the button of a notice that disavows its event."""
    return {"action_url": link(event), "action_label": _("It was not me")}


def was_used(event: AuditEvent) -> bool:
    """Tell whether a disavowal since the event has done what this one would do.

    A disavowed sign-in has left the devices as they are, so the link about a device still removes them.
    """
    enough = {Action.PHONE_DISAVOWED}
    if event.action == Action.SIGN_IN_NEW_PLACE:
        enough.add(Action.SIGN_IN_DISAVOWED)
    return AuditEvent.objects.filter(user=event.user_id, pk__gt=event.pk, action__in=enough).exists()


def event_of(signed: str) -> AuditEvent | None:
    """Return the event that a link disavows.

    None when the link is forged, too old, about something else, or settled by an unlock since.
    """
    try:
        pk = signing.loads(signed, salt=SALT, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return None
    settled = AuditEvent.objects.filter(user=OuterRef("user"), pk__gt=OuterRef("pk"), action=Action.USER_UNLOCKED)
    events = AuditEvent.objects.select_related("user__account").filter(~Exists(settled), action__in=CONTESTABLE)
    return events.filter(pk=pk).first()
