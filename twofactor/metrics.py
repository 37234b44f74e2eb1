"""The metrics of this app for Prometheus: limits that were reached, and the SMS of the day."""

from django.conf import settings
from django.db.models import Count
from django.db.models.fields.json import KT
from prometheus_client.core import GaugeMetricFamily

from accounts import rate_limits, sms_limits
from accounts.audit.actions import Action
from accounts.models import AuditEvent
from messaging.database import ago
from messaging.delivery.metrics import WINDOW_SECONDS


def limits_hit() -> GaugeMetricFamily:
    """Count the limits that were reached, shown to the person or not, by scope."""
    family = GaugeMetricFamily("messaging_limits_hit_5m", "Limits hit in the last 5 minutes", labels=["scope"])
    hit = AuditEvent.objects.filter(
        action__in=[Action.LIMIT_HIT, Action.CHALLENGE_WITHHELD], at__gt=ago(WINDOW_SECONDS)
    )
    for scope, count in hit.annotate(scope=KT("data__scope")).values_list("scope").annotate(Count("pk")):
        family.add_metric([scope], count)
    return family


def sms_of_the_day() -> GaugeMetricFamily:
    """Count the SMS of the system's day so far: times the price of one, its cost."""
    used = rate_limits.used(sms_limits.system(reserved=False)[0])
    return GaugeMetricFamily("messaging_sms_of_the_day", "SMS of the last 24 hours", value=used)


def sms_a_day() -> GaugeMetricFamily:
    """Return the most SMS of a day of the system."""
    return GaugeMetricFamily("messaging_sms_a_day", "SMS allowed a day", value=settings.LIMITS["system"][0][0])


FAMILIES = (limits_hit, sms_of_the_day)
# These need no database.
CONSTANTS = (sms_a_day,)
