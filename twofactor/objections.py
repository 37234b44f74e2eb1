"""The link "it was not me" of notices about phones: signed, good for seven days, and it acts only on POST."""

from django.conf import settings
from django.core import signing
from django.db.models import Exists, OuterRef
from django.urls import reverse

from accounts.models import AuditEvent

SALT = "twofactor.objections"
LIFETIME_SECONDS = 7 * 86_400
CONTESTABLE = ("phone.enrolled", "phone.changed")


def link(event: AuditEvent) -> str:
    """Return the address by which the reader of a notice may object to what happened (R-03)."""
    return settings.PUBLIC_URL + reverse("not-me", args=[signing.dumps(event.pk, salt=SALT)])


def event_of(signed: str) -> AuditEvent | None:
    """Return the event that a link objects to.

    None when the link is forged, too old, about something else, or when it was settled since by an unlocking.
    """
    try:
        pk = signing.loads(signed, salt=SALT, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return None
    settled = AuditEvent.objects.filter(user=OuterRef("user"), pk__gt=OuterRef("pk"), action="user.unlocked")
    events = AuditEvent.objects.select_related("user__account").filter(~Exists(settled), action__in=CONTESTABLE)
    return events.filter(pk=pk).first()
