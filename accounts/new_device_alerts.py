"""Notify people when they sign in from an unknown device or place (ASVS 6.3.5).

A periodic task that reads the audit log finds these sign-ins, so that signing in needs no further statement. A browser
family with its system and network is one row of a person; those of the last 90 days are known.

Nothing is migrated: a person without rows gets those of their earlier sign-ins at the next one, once, before that one
is checked. So an upgrade notifies nobody of devices they had before, and reads no history of people who never return.
"""

import ipaddress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from accounts.audit.actions import SIGN_INS, Action
from accounts.audit.record import record_event
from accounts.models import AuditEvent, KnownDevice
from accounts.notifications.notify import notify
from accounts.request import context as request_context
from accounts.request import user_agents
from messaging.database import ago, delete_in_batches
from messaging.periodic.scheduler import Last, periodic_task

DAYS_KNOWN = 90
MAX_KNOWN = 500
# A transaction may commit after a later one: only events older than any transaction lives are looked at, once.
SETTLED_SECONDS = 30
BATCH = 500  # sign-ins a run

Device = tuple[str, str]


@periodic_task("new devices", seconds=10)
def look_at_sign_ins(last: Last) -> int:
    """Check each sign-in since the last run once; return the last one's id."""
    mark = first_mark() if last.high_water is None else last.high_water
    after = AuditEvent.objects.filter(pk__gt=mark)
    unsettled = after.filter(at__gt=ago(SETTLED_SECONDS)).aggregate(first=Min("pk"))["first"]
    settled = after.filter(pk__lt=unsettled) if unsettled else after
    sign_ins = settled.filter(action__in=SIGN_INS, user__isnull=False).select_related("user").order_by("pk")
    for event in sign_ins[:BATCH]:
        look_at(event)
        mark = event.pk
    return mark


def first_mark() -> int:
    """Return where the first run begins: after the events that are settled now, which notify nobody."""
    settled = AuditEvent.objects.filter(at__lte=ago(SETTLED_SECONDS))
    return settled.order_by("-at", "-pk").values_list("pk", flat=True).first() or 0


def look_at(event: AuditEvent) -> None:
    """Record the device of a sign-in, and notify the person if it is new; the very first one is not."""
    browser, place = device_of(event)
    known = KnownDevice.objects.filter(user=event.user, seen_at__gt=event.at - timedelta(days=DAYS_KNOWN))
    if known.filter(browser=browser, network=place).update(seen_at=event.at):
        return
    if not known.exists():
        _remember_earlier(event)
    is_first = not known.exists()
    with transaction.atomic():
        if _note(event, browser, place) and not is_first:
            _notify(event)


def device_of(event: AuditEvent) -> Device:
    """Return the device of an event: browser and system, and network."""
    return user_agents.family(event.user_agent), place_of(event.ip)


def place_of(ip: str | None) -> str:
    """Return the place of an address, its network: /24 for IPv4, /48 for IPv6, as network operators assign them."""
    if not ip:
        return ""
    address = ipaddress.ip_address(ip)
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def purge() -> int:
    """Delete devices that are no longer known, in batches. Return how many."""
    return delete_in_batches(KnownDevice.objects.filter(seen_at__lt=ago(DAYS_KNOWN * settings.DAY)))


def _remember_earlier(event: AuditEvent) -> None:
    """Fill the rows of a person who has none, from their sign-ins before this one."""
    since = event.at - timedelta(days=DAYS_KNOWN)
    earlier = AuditEvent.objects.filter(user=event.user, action__in=SIGN_INS, pk__lt=event.pk, at__gt=since)
    seen: dict[Device, datetime] = {}
    for other in earlier.order_by("-at", "-pk")[:MAX_KNOWN]:
        seen.setdefault(device_of(other), other.at)
    rows = [KnownDevice(user=event.user, browser=b, network=n, seen_at=at) for (b, n), at in seen.items()]
    KnownDevice.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["user", "browser", "network"],
        update_fields=["seen_at"],
    )


def _note(event: AuditEvent, browser: str, place: str) -> bool:
    """Insert the device, or renew an expired one; True for exactly one of two runs that do it at the same moment."""
    row, created = KnownDevice.objects.get_or_create(
        user=event.user, browser=browser, network=place, defaults={"seen_at": event.at}
    )
    if created:
        return True
    forgotten = KnownDevice.objects.filter(pk=row.pk, seen_at__lte=event.at - timedelta(days=DAYS_KNOWN))
    return bool(forgotten.update(seen_at=event.at))


def _notify(event: AuditEvent) -> None:
    """Record and send the alert with the address and browser of the sign-in's own request."""
    if event.user is None:
        return
    here = request_context.Origin(request_id=event.request_id, ip=event.ip, user_agent=event.user_agent)
    with request_context.as_if_from(here):
        notify(event.user, record_event(Action.SIGN_IN_NEW_PLACE, user=event.user, sign_in=event.pk))
