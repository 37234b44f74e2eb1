"""Tell people when they sign in from a device or a place of which nothing is known (ASVS 6.3.5).

Found afterwards, by a chore that reads the trail, so that signing in costs no statement more. A browser's family,
its system and the network of its address make a place; a person's sign-ins of the last 90 days are what is known.
"""

import ipaddress
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy

from accounts import audit, browsers, flows, origin
from accounts.models import SIGN_INS, AuditEvent
from accounts.sentences import describe
from messaging.database import clock_plus
from messaging.delivery.chores import every

DAYS_KNOWN = 90
MOST_KNOWN = 500
# A sign-in may be committed a little after its own time; it is looked at again, and told once.
OVERLAP_SECONDS = 120

Place = tuple[str, str]


@every(30, "places")
def find_new_places(done_at: datetime | None) -> None:
    """Tell of the sign-ins since the last time that came from a new place."""
    since = done_at - timedelta(seconds=OVERLAP_SECONDS) if done_at else clock_plus(-OVERLAP_SECONDS)
    recent = AuditEvent.objects.filter(action__in=SIGN_INS, user__isnull=False, at__gt=since)
    for event in recent.select_related("user").order_by("at", "pk").iterator():
        if _is_new(event):
            _tell(event)


def of(event: AuditEvent) -> Place:
    """Return the place of an event: browser and system, and network."""
    return browsers.named(event.user_agent), network(event.ip)


def network(ip: str | None) -> str:
    """Return the network an address is of: /24 for IPv4, /48 for IPv6, as providers hand them out."""
    if not ip:
        return ""
    address = ipaddress.ip_address(ip)
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def _is_new(event: AuditEvent) -> bool:
    """Tell whether the person's earlier sign-ins know nothing of this place; the very first is not new."""
    earlier = AuditEvent.objects.filter(user=event.user, action__in=SIGN_INS, pk__lt=event.pk)
    known = earlier.filter(at__gt=event.at - timedelta(days=DAYS_KNOWN)).order_by("-at", "-pk")[:MOST_KNOWN]
    places = {of(other) for other in known}
    return bool(places) and of(event) not in places


def _tell(event: AuditEvent) -> None:
    """Tell once: a place that was told of is in the trail."""
    told = AuditEvent.objects.filter(user=event.user, action="sign_in.new_place", request_id=event.request_id)
    if event.user is None or told.exists():
        return
    here = origin.Origin(request_id=event.request_id, ip=event.ip, user_agent=event.user_agent)
    before = origin.current.set(here)
    try:
        with transaction.atomic():
            flows.tell(event.user, audit.record("sign_in.new_place", user=event.user, sign_in=event.pk))
    finally:
        origin.current.reset(before)


describe(
    "sign_in.new_place",
    gettext_lazy("Sign-in from a new place"),
    gettext_lazy("%(person)s signed in from a device or a place that was not seen before."),
)
